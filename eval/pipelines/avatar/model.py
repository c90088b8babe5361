"""Runs from selfies to avatar over any runtime's components."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from avatar.model import Networks, SamplerTable, Tokens, draw, noise_of, noises_of
from components import Arrays, Runner
from eval.cases import Cases, RunCase
from eval.pipelines.avatar.cases import AvatarCase, AvatarCases, SelfieSet
from eval.pipelines.avatar.selfies import Selfies
from eval.reference import Call, Model, RecordedRun, evenly_spread

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class AvatarConstants:
    """The constants of a run: a checkpoint's, or those of an artifact's manifest.

    Attributes:
        sampler: The sampler's constants, all tables included.
        styles: Names of the styles; a style's index in it is what the denoiser takes.
        latent_shape: Shape (1,C,h,w) of the latents.
        outputs: The name of each component's output.
    """

    sampler: Mapping[str, Any]
    styles: tuple[str, ...]
    latent_shape: tuple[int, ...]
    outputs: Mapping[str, str]


class AvatarModel(Model):
    """Identity tokens are computed once for each set of selfies.

    A recorded run's values are `tokens` (1,T,D), and `predictions.NNN`, what the denoiser predicts
    call by call, each (1,C,h,w).
    """

    def __init__(
        self,
        runners: Mapping[str, Runner],
        constants: AvatarConstants,
        selfies: Selfies,
        *,
        keep: bool = False,
    ) -> None:
        """
        Args:
            runners: The components, ready to run.
            constants: The constants of a run.
            selfies: Makes the selfies.
            keep: As in `Model`.
        """
        super().__init__(runners, keep=keep)
        self.constants, self.selfies = constants, selfies
        self._tokens: dict[SelfieSet, Array] = {}

    @property
    def steps(self) -> tuple[int, ...]:
        sampler = self.constants.sampler
        tables = (sampler, *sampler.get("also", ()))
        return tuple(dict.fromkeys(len(table["timesteps"]) for table in tables))

    def timesteps(self, steps: int) -> tuple[float, ...]:
        return self.table(steps).timesteps

    def tokens(self, selfies: SelfieSet) -> Array:
        """Identity tokens, (1,T,D)."""
        if selfies not in self._tokens:
            outputs = self.runners["identity_encoder"](self.selfies.inputs(selfies))
            (self._tokens[selfies],) = outputs.values()
        return self._tokens[selfies]

    def identity(self, tokens: Array) -> Array:
        """The part of tokens (n,T,D) that says who somebody is."""
        return tokens

    def table(self, steps: int) -> SamplerTable:
        """The sampler's constants for a number of steps.

        Raises:
            StepsError: The model was not made for that number of steps.
        """
        return SamplerTable.from_dict(dict(self.constants.sampler), steps)

    def style(self, name: str) -> Array:
        """The denoiser's input for a style, (1,) int32; raises `ValueError` for an unknown one."""
        return style_input(name, self.constants.styles)

    def call_counts(self, run: RunCase) -> dict[str, int]:
        table = self.table(run.steps)
        calls = len(table.timesteps) * (2 if table.guided else 1)
        return {"identity_encoder": 1, "denoiser": calls, "decoder": 1}

    def calls(
        self, cases: Cases, recorded: Callable[[RunCase], RecordedRun]
    ) -> dict[str, tuple[Call, ...]]:
        assert isinstance(cases, AvatarCases)
        runs = {run: recorded(run) for run in cases.spread}
        tokens = {run.selfies: record.values["tokens"] for run, record in runs.items()}
        made = {
            "identity_encoder": tuple(
                self._encoder_call(selfies, tokens.get(selfies)) for selfies in cases.encoded
            ),
            "denoiser": tuple(
                call for run, record in runs.items() for call in self._denoiser_calls(run, record)
            ),
            "decoder": tuple(self._decoder_call(run, record) for run, record in runs.items()),
        }
        return {name: evenly_spread(calls, cases.most_calls) for name, calls in made.items()}

    def _draw(self, run: RunCase) -> RecordedRun:
        assert isinstance(run, AvatarCase)
        networks, table = Networks.of(self.runners), self.table(run.steps)
        person = self.tokens(run.selfies)
        nobody = self.tokens(null_identity(run.selfies)) if table.guided else person
        predictions: list[Array] = []
        latents: list[Array] = []

        def denoiser(inputs: Arrays) -> dict[str, Array]:
            outputs = networks.denoiser(inputs)
            predictions.extend(outputs.values())
            return outputs

        noises = noises_of(run.seed, self.constants.latent_shape)
        picture = draw(
            replace(networks, denoiser=denoiser),
            Tokens(person=person, nobody=nobody),
            self.style(run.style),
            next(noises),
            table,
            on_step=lambda _, array: latents.append(array),
            fresh=noises,
        )
        made = {f"predictions.{index:03d}": array for index, array in enumerate(predictions)}
        return RecordedRun(
            latents=tuple(latents), picture=picture, values={"tokens": person, **made}
        )

    def _encoder_call(self, selfies: SelfieSet, tokens: Array | None) -> Call:
        return Call(
            component="identity_encoder",
            where=selfies.where(),
            inputs=self.selfies.inputs(selfies),
            outputs=None if tokens is None else self._output("identity_encoder", tokens),
        )

    def _decoder_call(self, run: AvatarCase, record: RecordedRun) -> Call:
        return Call(
            component="decoder",
            where=run.where(),
            inputs={"latents": record.latents[-1]},
            outputs=self._output("decoder", record.picture),
        )

    def _denoiser_calls(self, run: AvatarCase, record: RecordedRun) -> Iterator[Call]:
        table = self.table(run.steps)
        noise = noise_of(run.seed, self.constants.latent_shape)
        before = (noise, *record.latents[:-1])
        predictions = (
            record.values[name] for name in sorted(record.values) if name.startswith("predictions.")
        )
        for step, (timestep, latents) in enumerate(zip(table.timesteps, before, strict=True)):
            where = replace(run.where(), step=step, timestep=timestep)
            tokens = {"": record.values["tokens"]}
            if table.guided:
                tokens["null identity"] = self.tokens(null_identity(run.selfies))
            for detail, held in tokens.items():
                yield Call(
                    component="denoiser",
                    where=replace(where, detail=detail) if detail else where,
                    inputs={
                        "latents": latents,
                        "timestep": np.array([timestep], np.float32),
                        "identity_tokens": held,
                        "style": self.style(run.style),
                    },
                    outputs=self._output("denoiser", next(predictions)),
                )

    def _output(self, component: str, array: Array) -> dict[str, Array]:
        return {self.constants.outputs[component]: array}


def style_input(name: str, styles: Sequence[str]) -> Array:
    """A style's index among `styles`, (1,) int32; raises `ValueError` where it is not there."""
    return np.array([styles.index(name)], np.int32)


def restyled(inputs: Arrays, recorded: Sequence[str], styles: Sequence[str]) -> Arrays:
    """The inputs of a recorded call for a model in which a style's index may be another one.

    Args:
        inputs: The inputs.
        recorded: Names of the styles where they were recorded.
        styles: Names of the model's styles.
    """
    if "style" not in inputs:
        return inputs
    return {**inputs, "style": style_input(recorded[int(inputs["style"][0])], styles)}


def null_identity(selfies: SelfieSet) -> SelfieSet:
    """The case without a selfie, beside a case with some."""
    return replace(selfies, slots=())
