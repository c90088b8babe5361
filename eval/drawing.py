"""Whole runs over any runtime's components, with everything that is looked at on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from avatar.identity_encoder import MAX_SELFIES, SELFIE_SIZE
from avatar.people.identity import sample_identity
from avatar.people.shards import SELFIE_SEEDS
from avatar.sampler import SamplerTable, noise_of, sample
from components import Arrays, Runner
from eval.cases import Ask, Shown
from eval.store import Store, software

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
    from avatar.people.selfies import render

    seeds = [person * SELFIE_SEEDS + number for number in range(MAX_SELFIES)]
    selfies = render([sample_identity(person)] * MAX_SELFIES, seeds)
    return {"selfies": np.floor(selfies * 255 + 0.5).clip(0, 255).astype(np.uint8)}


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
        tokens = self.tokens(ask.shown)
        table, predictions, steps = self.table(ask.steps), [], []

        def denoise(*arrays: Array) -> Array:
            predictions.append(self._denoise(*arrays))
            return predictions[-1]

        null = tokens if table.guidance == 1.0 else self.tokens(_nobody(ask))
        latents = sample(
            denoise,
            noise_of(ask.seed, latent_shape),
            tokens,
            null,
            self.style(ask.style),
            table,
            on_step=lambda _, array: steps.append(array),
        )
        avatar = _only(self.runners["decoder"]({"latents": latents}))
        return Drawn(
            tokens=tokens, predictions=tuple(predictions), latents=tuple(steps), avatar=avatar
        )

    def _denoise(self, latents: Array, timestep: Array, tokens: Array, style: Array) -> Array:
        names = ("latents", "timestep", "identity_tokens", "style")
        arrays = (latents, timestep, tokens, style)
        return _only(self.runners["denoiser"](dict(zip(names, arrays, strict=True))))


def _nobody(ask: Ask) -> Shown:
    return Shown(person=ask.shown.person, places=())


def _only(outputs: Mapping[str, Array]) -> Array:
    (output,) = outputs.values()
    return output
