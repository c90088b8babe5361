"""Tuning of a quantized pipeline: tables, scales, norms and biases are trained to undo rounding.

Each component is trained by itself to give what the unquantized one gives, on calls recorded from
whole runs; no pictures of people are needed. Indices and integers, and so all sizes, stay as they
are. (Tuning of shared values: Han et al., "Deep compression", arXiv 1510.00149, section 3.)
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.table import Table
from torch import Tensor, nn
from torch.func import functional_call

import components
from components import Case, Component
from distillation.errors import RunError
from distillation.pictures import sheet
from distillation.run_folder import CHECKPOINT
from distillation.stages.tunable_tensors import Tunable
from distillation.training import Batch, Run, Schedule
from quantization import (
    FLOAT16,
    Int8Layers,
    PackedState,
    QuantizedPipeline,
    Recipe,
    apply,
    computing_in_int8,
    write_quantized,
)
from quantization.planning import PipelineRuns, Quality, QualityMeter
from support.progress import Progress, silent

SHOWN = 2
"""Runs whose final images a grid shows."""

Draw = Callable[[PackedState], list[Tensor]]
"""Rows of final images (n,3,h,w) of a few runs, from one component's tensors."""


class TuneTask:
    """Train a quantized component to give what the unquantized one gave for the same inputs."""

    def __init__(
        self, component: Component, state: PackedState, layers: Int8Layers, calls: Sequence[Case]
    ) -> None:
        """Prepare the training of one component.

        Args:
            component: The component, with the weights that `state` holds.
            state: Its tensors, packed.
            layers: Its layers that compute in int8.
            calls: Inputs and outputs of the unquantized component.

        Grids are empty until `draw_runs` is set.
        """
        self.component, self.layers = component, layers
        self.network: Tunable = Tunable(component.module, state)
        self.calls = {
            spec.name: torch.stack([torch.from_numpy(arrays[spec.name]) for arrays in found])
            for specs, found in (
                (component.inputs, [call.inputs for call in calls]),
                (component.outputs, [call.outputs for call in calls]),
            )
            for spec in specs
        }
        self.draw_runs: Draw = lambda state: []
        errors = self.errors(state)
        self.before = float(errors.mean())
        # Calls without error teach nothing: the identity encoder's output is a constant where
        # there are no selfies.
        self.wrong = np.flatnonzero(errors)

    def sample(self, rng: np.random.Generator, batch: int) -> Batch:
        """Random calls: each input and output by name, one call a row."""
        rows = torch.from_numpy(rng.choice(self.wrong, size=batch))
        return {name: values[rows] for name, values in self.calls.items()}

    def losses(self, network: nn.Module, batch: Batch, done: float) -> dict[str, Tensor]:
        """The squared error as a share of the error before tuning."""
        return {"loss": self._error(network(), batch) / self.before}

    def grid(self) -> Image.Image:
        """Final images of a few runs: in fp16, quantized, and as tuned so far."""
        return sheet(self.draw_runs(self.network.repacked()))

    def errors(self, state: PackedState) -> NDArray[np.float64]:
        """The mean squared error of each call, (calls,), with tensors as they are stored."""
        weights = {name: torch.from_numpy(state[name].dense()) for name in self.network.names}
        with torch.inference_mode():
            rows = zip(*(values.split(1) for values in self.calls.values()), strict=True)
            parts = (dict(zip(self.calls, row, strict=True)) for row in rows)
            return np.array([self._error(weights, part).item() for part in parts])

    def _error(self, weights: dict[str, Tensor], batch: Batch) -> Tensor:
        """Mean squared error over calls, computed one by one: a component's batch size is fixed."""
        inputs, outputs = self.component.inputs, self.component.outputs
        device = batch[inputs[0].name].device
        module = self.component.module.to(device)
        weights = {name: value.to(device) for name, value in weights.items()}
        errors = []
        with computing_in_int8(module, self.layers):
            for row in range(len(batch[inputs[0].name])):
                given = tuple(batch[spec.name][row] for spec in inputs)
                answer: Any = functional_call(module, weights, given)
                found = answer if isinstance(answer, tuple) else (answer,)
                errors += [
                    (value - batch[spec.name][row]).square().mean()
                    for spec, value in zip(outputs, found, strict=True)
                ]
        return torch.stack(errors).mean()


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What tuning did.

    Attributes:
        errors: Mean squared error of each component on the calls that it was trained on, as a share
            of the error before tuning; 1 where the component was left alone.
        before: Quality of final images of other runs, before tuning.
        after: The same, after tuning.
    """

    errors: dict[str, float]
    before: Quality
    after: Quality

    @property
    def better(self) -> bool:
        """Whether the tuned tensors were kept."""
        return self.after.mean > self.before.mean

    def table(self) -> Table:
        """Errors and quality before and after, for the terminal."""
        made = Table("", "before", "after", title=f"{self.before.runs} runs not trained on")
        for name, share in self.errors.items():
            made.add_row(f"{name}, squared error", "100 %", f"{share:.0%}".replace("%", " %"))
        for name in ("mean", "worst"):
            values = (f"{getattr(q, name):.2f} dB" for q in (self.before, self.after))
            made.add_row(f"final image, {name}", *values)
        made.add_row("final image, SSIM", f"{self.before.ssim:.4f}", f"{self.after.ssim:.4f}")
        return made


def tune(
    checkpoint: Path,
    recipe: Recipe,
    schedule: Schedule,
    out: Path,
    *,
    runs: int,
    checks: int,
    progress: Progress = silent,
) -> Tuned:
    """Tune a checkpoint quantized by a recipe, and write the quantized checkpoint `out/checkpoint`.

    It holds the tuned tensors, or those from before where tuning did not improve final images. A
    killed tuning is resumed, unless the recipe, the checkpoint or the number of runs has changed.

    Args:
        checkpoint: Unquantized.
        recipe: Which weight has which scheme; it also describes the result.
        schedule: Schedule of each component's training; its batch counts calls.
        out: The run's folder.
        runs: Whole runs, with seeds from 0 up, whose calls are trained on.
        checks: Further runs, whose final images are compared.
        progress: Told what is being done, and of every step.

    Raises:
        RunError: The recipe quantizes nothing.
        QuantizationError: The recipe is another model's, or cannot be applied.
        ComponentsError: The checkpoint cannot be read.
        DivergedError: The learning rate is too high.
    """
    quantized = apply(checkpoint, recipe)
    names = [name for name in quantized.pipeline.names if _is_quantized(quantized.packed(name))]
    if not names:
        raise RunError("the recipe leaves all weights in float16: there is nothing to tune")
    key = f"{components.fingerprint(checkpoint)} {recipe.digest} {runs}"
    folder = out / hashlib.sha256(key.encode()).hexdigest()[:16]
    pipeline_runs = PipelineRuns(components.load(checkpoint))
    meter = QualityMeter(pipeline_runs, range(runs, runs + checks), folder)
    progress("measuring what the recipe does to final images")
    before = meter.measure_packed(quantized)
    progress(f"recording {runs} runs")
    original = components.load(checkpoint)
    recordings = [components.record(original, seed=seed, cases=sys.maxsize) for seed in range(runs)]
    states = {name: quantized.packed(name) for name in quantized.pipeline.names}
    errors = dict.fromkeys(states, 1.0)
    for name in names:
        progress(f"tuning {name}")
        task = TuneTask(
            quantized.pipeline.component(name),
            states[name],
            quantized.int8_layers(name),
            [call for recording in recordings for call in recording.calls[name]],
        )
        task.draw_runs = partial(_final_images, pipeline_runs, meter.seeds, quantized, name)
        states[name], errors[name] = _trained(task, schedule, folder / name, progress)
    layers = {name: quantized.int8_layers(name) for name in states} if recipe.activations else None
    tuned = QuantizedPipeline(checkpoint, recipe, lambda name: states[name], layers)
    progress("measuring what tuning left of it")
    found = Tuned(errors=errors, before=before, after=meter.measure_packed(tuned))
    write_quantized(tuned if found.better else quantized, out / CHECKPOINT)
    return found


def _trained(
    task: TuneTask, schedule: Schedule, folder: Path, progress: Progress
) -> tuple[PackedState, float]:
    """The component's tensors after training, and the share of its error that is left.

    Where the error did not fall, they are the tensors from before, and the share is 1.
    """
    if not task.before:
        return task.network.state, 1.0
    what = f"tuning {folder.name}"
    Run(task, schedule, folder).train(lambda _, done=0, total=0: progress(what, done, total))
    task.network.cpu()
    state = task.network.repacked()
    share = float(task.errors(state).mean()) / task.before
    return (state, share) if share < 1 else (task.network.state, 1.0)


def _is_quantized(state: PackedState) -> bool:
    return any(tensor.scheme != FLOAT16 for tensor in state.values())


def _final_images(
    pipeline_runs: PipelineRuns,
    seeds: Sequence[int],
    quantized: QuantizedPipeline,
    name: str,
    state: PackedState,
) -> list[Tensor]:
    """Final images of a few runs: in fp16, with one component quantized, and with it tuned."""

    def run(seed: int, tensors: PackedState) -> Tensor:
        dense = {f"{name}.{key}": tensor.dense() for key, tensor in tensors.items()}
        layers = {name: quantized.int8_layers(name)} if tensors else {}
        return torch.from_numpy(pipeline_runs.image(seed, dense, layers))

    rows: list[PackedState] = [{}, quantized.packed(name), state]
    return [torch.cat([run(seed, tensors) for seed in seeds[:SHOWN]]) for tensors in rows]
