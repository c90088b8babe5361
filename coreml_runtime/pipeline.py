"""Pipelines: models one after another, each fed by name from inputs and earlier outputs.

Stages are ML Programs, and Apple's ``nonMaximumSuppression`` model, with which object detectors
end (``NonMaximumSuppression.proto``).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .errors import ExecutionError, ProgramError
from .features import Feature, read_features, to_pixels
from .model import CoreMLModel, Value
from .ops.detection import chosen
from .state import State


class Suppression(CoreMLModel):
    """Apple's model: of the boxes whose best confidence is enough, those that no better overlaps.

    Takes ``confidence`` (N, classes) and ``coordinates`` (N, 4: centre x, centre y, width, height)
    and gives the same of the boxes kept, best first.
    """

    def __init__(self, spec: Any, precision: str) -> None:
        description = spec.description
        super().__init__(
            inputs=read_features(description.input),
            outputs=read_features(description.output),
            precision=precision,
        )
        self._settings = spec.nonMaximumSuppression
        self.register_buffer("_where", torch.zeros(0), persistent=False)

    @property
    def device(self) -> torch.device:
        return self.get_buffer("_where").device

    def run(self, tensors: Mapping[str, Tensor], state: State | None) -> dict[str, Value]:
        settings = self._settings
        boxes = _rows(tensors[settings.coordinatesInputFeatureName])
        scores = _rows(tensors[settings.confidenceInputFeatureName])
        if boxes.shape[-1] != 4 or len(boxes) != len(scores):
            raise ExecutionError(
                f"nonMaximumSuppression: coordinates {tuple(boxes.shape)} do not fit "
                f"confidence {tuple(scores.shape)}"
            )
        iou = self._threshold(tensors, settings.iouThresholdInputFeatureName, settings.iouThreshold)
        least = self._threshold(
            tensors, settings.confidenceThresholdInputFeatureName, settings.confidenceThreshold
        )
        picked = chosen(boxes, scores, iou, least, len(boxes), settings.pickTop.perClass)
        places = torch.tensor(picked, dtype=torch.long, device=boxes.device)
        return {
            settings.confidenceOutputFeatureName: scores[places],
            settings.coordinatesOutputFeatureName: boxes[places],
        }

    @staticmethod
    def _threshold(tensors: Mapping[str, Tensor], name: str, default: float) -> float:
        return float(tensors[name]) if name in tensors else float(default)

    def run_traced(
        self, tensors: Mapping[str, Tensor], state: State | None
    ) -> Iterator[tuple[str, Any]]:
        yield from self.run(tensors, state).items()


def _rows(values: Tensor) -> Tensor:
    """A matrix of what may have axes of one element around it."""
    return values.reshape(-1, values.shape[-1]).float()


class Pipeline(CoreMLModel):
    """Stages in order; an image between two stages is rounded to bytes, as it would be."""

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
            raise ProgramError(f"the pipeline makes no {', '.join(absent)}")

    @property
    def device(self) -> torch.device:
        first = self.stages[0]
        assert isinstance(first, CoreMLModel)
        return first.device

    def run(self, tensors: Mapping[str, Tensor], state: State | None) -> dict[str, Value]:
        values: dict[str, Value] = dict(tensors)
        for stage in self.stages:
            assert isinstance(stage, CoreMLModel)
            values |= _between(stage, stage.run(self._inputs(stage, values), None))
        return {feature.name: values[feature.name] for feature in self.outputs}

    def run_traced(
        self, tensors: Mapping[str, Tensor], state: State | None
    ) -> Iterator[tuple[str, Any]]:
        values: dict[str, Value] = dict(tensors)
        for stage in self.stages:
            assert isinstance(stage, CoreMLModel)
            made: dict[str, Value] = {}
            for name, value in stage.run_traced(self._inputs(stage, values), None):
                made[name] = value
                yield name, value
            values |= _between(stage, {f.name: made[f.name] for f in stage.outputs})

    @staticmethod
    def _inputs(stage: CoreMLModel, values: Mapping[str, Value]) -> dict[str, Tensor]:
        given: dict[str, Tensor] = {}
        for feature in stage.inputs:
            value = values.get(feature.name)
            if isinstance(value, Tensor):
                given[feature.name] = value
        return stage.complete(given)


def _between(stage: CoreMLModel, made: dict[str, Value]) -> dict[str, Value]:
    """A stage's outputs as the next stage sees them."""
    images = {f.name: f for f in stage.outputs if f.kind == "image"}
    return {
        name: to_pixels(images[name], value)
        if name in images and isinstance(value, Tensor)
        else value
        for name, value in made.items()
    }
