"""Runs from text to a picture over any runtime's components, with every call of a component.

The flow and the sampling loop are those of `components.diffusion`, for the reference and for
artifacts; the constants are the checkpoint's there, the manifest's here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from components import Arrays, Runner
from components.diffusion.example import example_wish
from components.diffusion.flow import Flow, Tokenize
from components.diffusion.sampling import Table, table_of
from components.diffusion.text_encoders import NAMES as TEXT_ENCODERS
from eval.cases import Cases, RunCase
from eval.pipelines.latent_diffusion.cases import PromptCase
from eval.reference import Call, Model, RecordedRun, evenly_spread
from eval.schema import Where

LOOPED = ("controlnet", "unet")
"""The components that are called in every step."""

Array = np.ndarray
Made = list[tuple[str, Arrays, Arrays]]
"""Calls in their order: the component, its inputs, its outputs."""


@dataclass(frozen=True, kw_only=True)
class DiffusionConstants:
    """The constants of a run: a checkpoint's, or those of an artifact's manifest.

    Attributes:
        flow: How a run joins the components.
        sampler: The sampler's constants, all tables included.
        tokenize: From a text encoder's name and a text to token ids.
        recorded: Steps of the run that the library's own pipeline does too; 0 for an artifact,
            whose runs its reference decides.
    """

    flow: Flow
    sampler: Mapping[str, Any]
    tokenize: Tokenize = field(repr=False)
    recorded: int = 0


class DiffusionModel(Model):
    """A recorded run's values are the outputs of every call, as `COMPONENT.NNN.OUTPUT`."""

    def __init__(
        self, runners: Mapping[str, Runner], constants: DiffusionConstants, *, keep: bool = False
    ) -> None:
        """
        Args:
            runners: The components, ready to run.
            constants: The constants of a run.
            keep: As in `Model`.
        """
        super().__init__(runners, keep=keep)
        self.constants = constants

    @property
    def steps(self) -> tuple[int, ...]:
        sampler = self.constants.sampler
        tables = (Table.read(entry) for entry in (sampler, *sampler.get("also", ())))
        return tuple(dict.fromkeys(table.length for table in tables))

    def timesteps(self, steps: int) -> tuple[float, ...]:
        return tuple(map(float, self.table(steps).timesteps))

    def table(self, steps: int) -> Table:
        """The sampler's constants for a number of steps; raises `ValueError` where it has none."""
        found = table_of(self.constants.sampler, steps)
        if found is None:
            known = ", ".join(map(str, self.steps))
            raise ValueError(f"there is no sampler table of {steps} steps, only of {known}")
        return found

    def call_counts(self, run: RunCase) -> dict[str, int]:
        table, flow = self.table(run.steps), self.constants.flow
        sides = 2 if table.guided else 1
        counts = dict.fromkeys(flow.inputs, 1)
        counts |= dict.fromkeys(flow.text_encoders, sides)
        counts |= dict.fromkeys(set(LOOPED) & set(counts), sides * len(table.timesteps))
        if "encoder" in counts:
            counts["encoder"] = bool(table.start) + ("mask" in flow.images)
        return counts

    def calls(
        self, cases: Cases, recorded: Callable[[RunCase], RecordedRun]
    ) -> dict[str, tuple[Call, ...]]:
        found: dict[str, dict[str, Call]] = {name: {} for name in self.constants.flow.inputs}
        for run in cases.spread:
            for call in self._calls_of(run, recorded(run)):
                found[call.component].setdefault(call.key, call)  # prompts share the empty one
        return {
            name: evenly_spread(tuple(held.values()), cases.most_calls)
            for name, held in found.items()
        }

    def _draw(self, run: RunCase) -> RecordedRun:
        made: Made = []
        picture = self._run(run, _noting(self.runners, made))
        values: dict[str, Array] = {}
        counts = dict.fromkeys(self.constants.flow.inputs, 0)
        for component, _, outputs in made:
            number = counts[component]
            counts[component] += 1
            values |= {f"{component}.{number:03d}.{name}": a for name, a in outputs.items()}
        return RecordedRun(latents=self._latents(run, made), picture=picture, values=values)

    def _run(self, run: RunCase, runners: Mapping[str, Runner]) -> Array:
        assert isinstance(run, PromptCase)
        flow, table = self.constants.flow, self.table(run.steps)
        example = example_wish(run.seed, flow.images, flow.picture)
        wish = replace(example, prompt=run.prompt, negative=run.negative)
        inputs = flow.arrays(wish, self.constants.tokenize, table)
        (picture,) = flow.run(runners, inputs, table).values()
        drawn: Array = picture
        return drawn

    def _latents(self, run: RunCase, made: Made) -> tuple[Array, ...]:
        """The latents after each step: what the next one begins with, in the end the decoder."""
        sides = 2 if self.table(run.steps).guided else 1
        taken = [inputs["latents"] for component, inputs, _ in made if component == "unet"]
        (last,) = (inputs["latents"] for component, inputs, _ in made if component == "decoder")
        return (*taken[sides::sides], last)

    def _calls_of(self, run: RunCase, record: RecordedRun) -> Iterator[Call]:
        """The calls of a recorded run.

        The run is done again with recorded outputs in place of components, which gives the inputs.
        """
        made: Made = []
        self._run(run, _noting(_playback(self.constants.flow, record), made))
        counts = dict.fromkeys(self.constants.flow.inputs, 0)
        for component, inputs, outputs in made:
            where = self._where(run, component, counts[component])
            counts[component] += 1
            yield Call(component=component, where=where, inputs=inputs, outputs=outputs)

    def _where(self, run: RunCase, component: str, number: int) -> Where:
        """The place of a component's call in its run."""
        table, where = self.table(run.steps), run.where()
        sides = 2 if table.guided else 1
        plain = number % sides == 1 and component in (*TEXT_ENCODERS, *LOOPED)
        if plain:
            where = replace(where, detail=where.detail or "empty prompt")
        if component in LOOPED:
            step = number // sides
            where = replace(where, step=step, timestep=float(table.timesteps[step]))
        return where


def _noting(runners: Mapping[str, Runner], made: Made) -> dict[str, Runner]:
    """The same runners, which note their calls."""

    def noted(name: str) -> Runner:
        def call(inputs: Arrays) -> dict[str, Array]:
            outputs = runners[name](inputs)
            made.append((name, dict(inputs), outputs))
            return outputs

        return call

    return {name: noted(name) for name in runners}


def _playback(flow: Flow, record: RecordedRun) -> dict[str, Runner]:
    """Runners that give what the components gave in a recorded run, in the same order."""

    def played(component: str) -> Runner:
        names = [spec.name for spec in flow.outputs[component]]
        numbers = iter(range(len(record.values)))

        def call(inputs: Arrays) -> dict[str, Array]:
            number = next(numbers)
            return {name: record.values[f"{component}.{number:03d}.{name}"] for name in names}

        return call

    return {component: played(component) for component in flow.inputs}
