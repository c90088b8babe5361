"""Whole runs over any runtime's components, with everything that is looked at on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from avatar.model import Networks, SamplerTable, Tokens, draw, noise_of
from avatar.people import SELFIE_SEEDS, sample_identity
from avatar.selfies import MAX_SELFIES, SELFIE_SIZE
from components import Arrays, Runner
from eval.cases import Ask, Shown
from eval.store import Store, software
from support.images import to_8_bit

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One run: `tokens` (1,8,D); `predictions` of the denoiser, call by call, and `latents` after
    each step, each (1,C,32,32); `avatar` (1,3,256,256) in [0,1]."""

    tokens: Array
    predictions: tuple[Array, ...] = ()
    latents: tuple[Array, ...]
    avatar: Array

    def arrays(self) -> dict[str, Array]:
        """For a file; `Drawn.of(drawn.arrays())` is the same run."""
        found = {"tokens": self.tokens, "avatar": self.avatar}
        for name, arrays in (("predictions", self.predictions), ("latents", self.latents)):
            found |= {f"{name}.{place:03d}": array for place, array in enumerate(arrays)}
        return found

    @classmethod
    def of(cls, arrays: Arrays) -> Drawn:
        predictions, latents = (
            tuple(arrays[name] for name in sorted(arrays) if name.startswith(prefix))
            for prefix in ("predictions.", "latents.")
        )
        return cls(
            tokens=arrays["tokens"],
            predictions=predictions,
            latents=latents,
            avatar=arrays["avatar"],
        )


class Photos:
    """Selfies of people, rendered once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[int, Array] = {}

    def inputs(self, shown: Shown) -> dict[str, Array]:
        """What the identity encoder takes: `selfies` (10,3,128,128) float32 in [0,1] on the 8-bit
        grid, `selfie_mask` (10,)."""
        selfies = np.zeros((MAX_SELFIES, 3, SELFIE_SIZE, SELFIE_SIZE), np.float32)
        mask = np.zeros(MAX_SELFIES, np.float32)
        for number, place in enumerate(shown.places):
            selfies[place] = self._of(shown.person)[number] / np.float32(255)
            mask[place] = 1
        return {"selfies": selfies, "selfie_mask": mask}

    def _of(self, person: int) -> Array:
        if person not in self._known:
            key = f"people-{software()[:16]}/{person}"
            self._known[person] = self._store.get(key, lambda: _rendered(person))["selfies"]
        return self._known[person]


def _rendered(person: int) -> dict[str, Array]:
    # The renderer is compiled when it is first asked for, which takes seconds.
    from avatar.people.renderer import render

    seeds = [person * SELFIE_SEEDS + number for number in range(MAX_SELFIES)]
    selfies = render([sample_identity(person)] * MAX_SELFIES, seeds)
    return {"selfies": to_8_bit(selfies)}


class Model:
    """Components and the constants of a run: a checkpoint's, or what an artifact's manifest says.

    Identity tokens are computed once for each set of selfies; runs are kept where `keep` says so.
    """

    def __init__(
        self,
        runners: Mapping[str, Runner],
        sampler: dict[str, Any],
        styles: tuple[str, ...],
        photos: Photos,
        *,
        keep: bool = False,
    ) -> None:
        """`sampler` is the sampler's constants, all tables included; a style's place in `styles` is
        its index."""
        self.runners, self.sampler, self.styles, self.photos = runners, sampler, styles, photos
        self._tokens: dict[Shown, Array] = {}
        self._drawn: dict[Ask, Drawn] | None = {} if keep else None

    def tokens(self, shown: Shown) -> Array:
        """Identity tokens, (1,8,D)."""
        if shown not in self._tokens:
            self._tokens[shown] = _only(self.runners["identity_encoder"](self.photos.inputs(shown)))
        return self._tokens[shown]

    def table(self, steps: int) -> SamplerTable:
        """Raises `StepsError` where the model was not made for so many steps."""
        return SamplerTable.from_dict(self.sampler, steps)

    def style(self, name: str) -> Array:
        """What the denoiser takes for a style, (1,) int32; ValueError where it has none of it."""
        return np.array([self.styles.index(name)], np.int32)

    def draw(self, ask: Ask, latent_shape: tuple[int, ...]) -> Drawn:
        """One whole run; `latent_shape` is (1,C,32,32)."""
        if self._drawn is None:
            return self._draw(ask, latent_shape)
        if ask not in self._drawn:
            self._drawn[ask] = self._draw(ask, latent_shape)
        return self._drawn[ask]

    def _draw(self, ask: Ask, latent_shape: tuple[int, ...]) -> Drawn:
        networks, table = Networks.of(self.runners), self.table(ask.steps)
        person = self.tokens(ask.shown)
        nobody = self.tokens(_nobody(ask)) if table.guided else person
        predictions: list[Array] = []
        latents: list[Array] = []

        def denoiser(inputs: Arrays) -> dict[str, Array]:
            outputs = networks.denoiser(inputs)
            predictions.extend(outputs.values())
            return outputs

        avatar = draw(
            replace(networks, denoiser=denoiser),
            Tokens(person=person, nobody=nobody),
            self.style(ask.style),
            noise_of(ask.seed, latent_shape),
            table,
            on_step=lambda _, array: latents.append(array),
        )
        return Drawn(
            tokens=person, predictions=tuple(predictions), latents=tuple(latents), avatar=avatar
        )


def _nobody(ask: Ask) -> Shown:
    return Shown(person=ask.shown.person, places=())


def _only(outputs: Mapping[str, Array]) -> Array:
    (output,) = outputs.values()
    return output
