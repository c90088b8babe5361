"""One whole run of the model, encode, sample and decode, for every runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar.model.sampler import Array, SamplerTable, sample

Runner = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]
"""A network in any runtime: it takes arrays by name and returns arrays by name."""


@dataclass(frozen=True, kw_only=True)
class Networks:
    """The three networks of an avatar model in one runtime.

    There are places for P selfies of S×S, tokens T×D, latents C×h×w and pictures H×W, as the model
    says. Arrays are float32 unless it is said otherwise.
    """

    identity_encoder: Runner
    denoiser: Runner
    decoder: Runner

    @classmethod
    def of(cls, runners: Mapping[str, Runner]) -> Networks:
        """The networks from a mapping with the three names, for example a loaded artifact's."""
        return cls(**{name: runners[name] for name in cls.names()})

    @staticmethod
    def names() -> tuple[str, str, str]:
        """The names of the networks, in the order in which a run calls them."""
        return ("identity_encoder", "denoiser", "decoder")

    def encode(self, selfies: Array, mask: Array) -> Array:
        """Encode one person to identity tokens (1,T,D).

        `selfies` is (P,3,S,S) in [0,1], absent ones zero; `mask` is (P,), 1 = present.
        """
        return _only(self.identity_encoder({"selfies": selfies, "selfie_mask": mask}))

    def predict(
        self, latents: Array, timestep: Array, tokens: Array, style: NDArray[np.int32]
    ) -> Array:
        """Call the denoiser with the arguments that `sample` passes; returns (1,C,h,w)."""
        return _only(
            self.denoiser(
                {
                    "latents": latents,
                    "timestep": timestep,
                    "identity_tokens": tokens,
                    "style": style,
                }
            )
        )

    def decode(self, latents: Array) -> Array:
        """Decode latents (1,C,h,w) to an avatar (1,3,H,W) in [0,1]."""
        return _only(self.decoder({"latents": latents}))


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Identity tokens (1,T,D) that a run needs.

    Attributes:
        person: The person's tokens.
        nobody: The tokens without any selfie, which guidance needs.
    """

    person: Array
    nobody: Array


def encode(networks: Networks, selfies: Array, mask: Array, *, guided: bool = True) -> Tokens:
    """Encode one person's selfies, and an empty set of selfies.

    The arrays are as `Networks.encode` takes them. A run without guidance (`SamplerTable.guided`)
    never reads the tokens of nobody: where `guided` is false, they are not computed, and
    `Tokens.nobody` is the person's tokens.
    """
    person = networks.encode(selfies, mask)
    nobody = networks.encode(selfies * 0, mask * 0) if guided else person
    return Tokens(person=person, nobody=nobody)


def draw(
    networks: Networks,
    tokens: Tokens,
    style: int | NDArray[np.int32],
    noise: Array,
    table: SamplerTable,
    on_step: Callable[[int, Array], None] | None = None,
    fresh: Iterable[Array] = (),
) -> Array:
    """Draw one avatar, (1,3,H,W) in [0,1].

    Args:
        networks: The networks in some runtime.
        tokens: As `encode` gives them.
        style: The style's index.
        noise: Starting latents (1,C,h,w), as `noise_of` gives them for a seed.
        table: The sampler's constants.
        on_step: Called with the step's index and the latents after each step.
        fresh: Noise for each time that the table draws some, as `noises_of` goes on giving it.
    """
    latents = sample(
        networks.predict,
        noise,
        tokens.person,
        tokens.nobody,
        style,
        table,
        on_step=on_step,
        fresh=fresh,
    )
    return networks.decode(latents)


def _only(outputs: Mapping[str, np.ndarray]) -> Array:
    (output,) = outputs.values()
    return output
