"""Pipelines: models in order, each fed by name from the inputs and from earlier outputs."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ProgramError
from ..package import Feature
from .core_ml_model import CoreMLModel, Value
from .feature_values import to_pixels
from .state import State


class PipelineModel(CoreMLModel):
    """The stages of a pipeline. An image between two stages is rounded to bytes, as in Core ML.

    Raises:
        ProgramError: A stage or the pipeline needs a value that no earlier stage produces.
    """

    def __init__(
        self,
        *,
        stages: tuple[CoreMLModel, ...],
        inputs: tuple[Feature, ...],
        outputs: tuple[Feature, ...],
        precision: str,
    ) -> None:
        super().__init__(inputs=inputs, outputs=outputs, precision=precision)
        self.stages = nn.ModuleList(stages)
        known = {feature.name for feature in inputs}
        for number, stage in enumerate(stages, 1):
            missing = [f.name for f in stage.inputs if f.name not in known and not f.optional]
            if missing:
                raise ProgramError(f"pipeline stage {number} has no {', '.join(missing)}")
            known |= {feature.name for feature in stage.outputs}
        absent = [feature.name for feature in outputs if feature.name not in known]
        if absent:
            raise ProgramError(f"no stage of the pipeline produces {', '.join(absent)}")

    @property
    def device(self) -> torch.device:
        first = self.stages[0]
        assert isinstance(first, CoreMLModel)
        return first.device

    def run(self, tensors: Mapping[str, Tensor], state: State | None) -> dict[str, Value]:
        values: dict[str, Value] = dict(tensors)
        for stage in self.stages:
            assert isinstance(stage, CoreMLModel)
            values |= _round_images(stage, stage.run(self._stage_inputs(stage, values), None))
        return {feature.name: values[feature.name] for feature in self.outputs}

    def run_traced(
        self, tensors: Mapping[str, Tensor], state: State | None
    ) -> Iterator[tuple[str, Any]]:
        values: dict[str, Value] = dict(tensors)
        for stage in self.stages:
            assert isinstance(stage, CoreMLModel)
            traced: dict[str, Value] = {}
            for name, value in stage.run_traced(self._stage_inputs(stage, values), None):
                traced[name] = value
                yield name, value
            values |= _round_images(stage, {f.name: traced[f.name] for f in stage.outputs})

    @staticmethod
    def _stage_inputs(stage: CoreMLModel, values: Mapping[str, Value]) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = {}
        for feature in stage.inputs:
            value = values.get(feature.name)
            if isinstance(value, Tensor):
                tensors[feature.name] = value
        return stage.fill_defaults(tensors)


def _round_images(stage: CoreMLModel, outputs: dict[str, Value]) -> dict[str, Value]:
    """Return the outputs of a stage as the next stage receives them."""
    images = {f.name: f for f in stage.outputs if f.kind == "image"}
    return {
        name: to_pixels(images[name], value)
        if name in images and isinstance(value, Tensor)
        else value
        for name, value in outputs.items()
    }
