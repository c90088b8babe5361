"""What a stateful model keeps from one prediction to the next."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from .errors import InputError
from .features import Array, Feature
from .values import StateCell


class State(Mapping[str, Array]):
    """The states of a model by name: ``state["cache"]`` reads one, ``state["cache"] = x`` sets it.

    Arrays are of the declared type and shape. It begins with zeros, as Core ML's does.
    """

    def __init__(self, features: tuple[Feature, ...], device: torch.device) -> None:
        self._features = {feature.name: feature for feature in features}
        self._device = device
        self.cells = {
            feature.name: StateCell(torch.zeros(feature.shape, dtype=_held(feature), device=device))
            for feature in features
        }

    def _feature(self, name: str) -> Feature:
        if name not in self._features:
            have = ", ".join(self._features) or "none"
            raise InputError(f"the model has no state {name!r}; it has: {have}")
        return self._features[name]

    def __getitem__(self, name: str) -> Array:
        feature = self._feature(name)
        return self.cells[name].value.detach().cpu().numpy().astype(feature.dtype)

    def __setitem__(self, name: str, value: Array | Tensor) -> None:
        feature = self._feature(name)
        tensor = value if isinstance(value, Tensor) else torch.from_numpy(np.array(value))
        if tuple(tensor.shape) != feature.shape:
            raise InputError(
                f"state {name!r} expects {feature.expected()}, got {tuple(tensor.shape)}"
            )
        declared = tensor.to(self._device, getattr(torch, feature.dtype))
        self.cells[name].value = declared.to(_held(feature), copy=True)

    def __iter__(self) -> Iterator[str]:
        return iter(self._features)

    def __len__(self) -> int:
        return len(self._features)


def _held(feature: Feature) -> torch.dtype:
    """What a program holds values of the feature's type in."""
    if np.dtype(feature.dtype).kind == "f":
        return torch.float32
    held: torch.dtype = getattr(torch, feature.dtype)
    return held
