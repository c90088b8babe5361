"""Runs from selfies to avatar over any runtime's components, with all intermediate values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from avatar.model import Networks, SamplerTable, Tokens, draw, noise_of
from components import Arrays, Runner
from eval.cases import RunCase, SelfieSet
from eval.reference.selfies import RenderedSelfies

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """Everything that occurs in one run.

    Attributes:
        tokens: Identity tokens (1,T,D).
        predictions: What the denoiser predicts, call by call, each (1,C,h,w).
        latents: The latents after each step, each (1,C,h,w).
        avatar: The picture (1,3,H,W) in [0,1].
    """

    tokens: Array
    predictions: tuple[Array, ...] = ()
    latents: tuple[Array, ...]
    avatar: Array

    def arrays(self) -> dict[str, Array]:
        """The run as named arrays for a file; `RecordedRun.of(run.arrays())` is the same run."""
        found = {"tokens": self.tokens, "avatar": self.avatar}
        for name, arrays in (("predictions", self.predictions), ("latents", self.latents)):
            found |= {f"{name}.{index:03d}": array for index, array in enumerate(arrays)}
        return found

    @classmethod
    def of(cls, arrays: Arrays) -> RecordedRun:
        """The run that `arrays` gave."""
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


class RunnableModel:
    """Components and the constants of a run: a checkpoint's, or those of an artifact's manifest.

    Identity tokens are computed once for each set of selfies; runs are kept only where `keep` is
    true.
    """

    def __init__(
        self,
        runners: Mapping[str, Runner],
        sampler: dict[str, Any],
        styles: tuple[str, ...],
        selfies: RenderedSelfies,
        *,
        keep: bool = False,
    ) -> None:
        """
        Args:
            runners: The components, ready to run.
            sampler: The sampler's constants, all tables included.
            styles: Names of the styles; a style's index in it is what the denoiser takes.
            selfies: Renders the selfies.
            keep: Whether to keep all runs in memory.
        """
        self.runners, self.sampler, self.styles, self.selfies = runners, sampler, styles, selfies
        self._tokens: dict[SelfieSet, Array] = {}
        self._runs: dict[RunCase, RecordedRun] | None = {} if keep else None

    def tokens(self, selfies: SelfieSet) -> Array:
        """Identity tokens, (1,T,D)."""
        if selfies not in self._tokens:
            encoder = self.runners["identity_encoder"]
            self._tokens[selfies] = _only(encoder(self.selfies.inputs(selfies)))
        return self._tokens[selfies]

    def table(self, steps: int) -> SamplerTable:
        """The sampler's constants for a number of steps.

        Raises:
            StepsError: The model was not made for that number of steps.
        """
        return SamplerTable.from_dict(self.sampler, steps)

    def style(self, name: str) -> Array:
        """The denoiser's input for a style, (1,) int32; raises `ValueError` for an unknown one."""
        return np.array([self.styles.index(name)], np.int32)

    def translated(self, inputs: Arrays, styles: tuple[str, ...]) -> dict[str, np.ndarray]:
        """The inputs of a recorded call as this model takes them.

        Args:
            inputs: The inputs as another model takes them.
            styles: That model's styles: a style's index may be another one here.
        """
        if "style" not in inputs:
            return dict(inputs)
        return {**inputs, "style": self.style(styles[int(inputs["style"][0])])}

    def draw(self, run: RunCase, latent_shape: tuple[int, ...]) -> RecordedRun:
        """Run the model from selfies to avatar; `latent_shape` is (1,C,h,w)."""
        if self._runs is None:
            return self._draw(run, latent_shape)
        if run not in self._runs:
            self._runs[run] = self._draw(run, latent_shape)
        return self._runs[run]

    def _draw(self, run: RunCase, latent_shape: tuple[int, ...]) -> RecordedRun:
        networks, table = Networks.of(self.runners), self.table(run.steps)
        person = self.tokens(run.selfies)
        nobody = self.tokens(null_identity(run.selfies)) if table.guided else person
        predictions: list[Array] = []
        latents: list[Array] = []

        def denoiser(inputs: Arrays) -> dict[str, Array]:
            outputs = networks.denoiser(inputs)
            predictions.extend(outputs.values())
            return outputs

        avatar = draw(
            replace(networks, denoiser=denoiser),
            Tokens(person=person, nobody=nobody),
            self.style(run.style),
            noise_of(run.seed, latent_shape),
            table,
            on_step=lambda _, array: latents.append(array),
        )
        return RecordedRun(
            tokens=person, predictions=tuple(predictions), latents=tuple(latents), avatar=avatar
        )


def null_identity(selfies: SelfieSet) -> SelfieSet:
    """The case without a selfie, beside a case with some."""
    return SelfieSet(person=selfies.person, slots=())


def _only(outputs: Mapping[str, Array]) -> Array:
    (output,) = outputs.values()
    return output
