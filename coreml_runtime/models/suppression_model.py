"""Core ML's non-maximum suppression model, with which object detectors end."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import ExecutionError
from ..ops import select_boxes
from ..package import read_features
from .core_ml_model import CoreMLModel, Value
from .state import State


class SuppressionModel(CoreMLModel):
    """The model kind ``nonMaximumSuppression`` (``NonMaximumSuppression.proto``).

    It takes ``confidence`` (N, classes) and ``coordinates`` (N, 4: centre x, centre y, width,
    height), under the names that the message declares. It returns the same of the boxes that reach
    the confidence threshold and that no better box overlaps, best first.
    """

    def __init__(self, spec: Any, precision: str) -> None:
        description = spec.description
        super().__init__(
            inputs=read_features(description.input),
            outputs=read_features(description.output),
            precision=precision,
        )
        self._settings = spec.nonMaximumSuppression
        # The model has no constants; an empty buffer records the device that .to() moves it to.
        self.register_buffer("_device_marker", torch.zeros(0), persistent=False)

    @property
    def device(self) -> torch.device:
        return self.get_buffer("_device_marker").device

    def run(self, tensors: Mapping[str, Tensor], state: State | None) -> dict[str, Value]:
        settings = self._settings
        boxes = _as_matrix(tensors[settings.coordinatesInputFeatureName])
        scores = _as_matrix(tensors[settings.confidenceInputFeatureName])
        if boxes.shape[-1] != 4 or len(boxes) != len(scores):
            raise ExecutionError(
                f"nonMaximumSuppression: coordinates {tuple(boxes.shape)} do not fit "
                f"confidence {tuple(scores.shape)}"
            )
        selected = select_boxes(
            boxes,
            scores,
            iou_threshold=_threshold(
                tensors, settings.iouThresholdInputFeatureName, settings.iouThreshold
            ),
            score_threshold=_threshold(
                tensors, settings.confidenceThresholdInputFeatureName, settings.confidenceThreshold
            ),
            max_boxes=len(boxes),
            per_class=settings.pickTop.perClass,
        )
        rows = torch.tensor(selected, dtype=torch.long, device=boxes.device)
        return {
            settings.confidenceOutputFeatureName: scores[rows],
            settings.coordinatesOutputFeatureName: boxes[rows],
        }

    def run_traced(
        self, tensors: Mapping[str, Tensor], state: State | None
    ) -> Iterator[tuple[str, Any]]:
        yield from self.run(tensors, state).items()


def _threshold(tensors: Mapping[str, Tensor], name: str, default: float) -> float:
    """Return a threshold: an optional input, or else the setting of the model."""
    return float(tensors[name]) if name in tensors else float(default)


def _as_matrix(values: Tensor) -> Tensor:
    """Return (N, K) float32; the input may have further axes of one element."""
    return values.reshape(-1, values.shape[-1]).float()
