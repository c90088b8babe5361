"""The state that a stateful model keeps from one prediction to the next (iOS 18)."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..ops import StateCell
from ..package import Feature

Array = np.ndarray[Any, np.dtype[Any]]


class State(Mapping[str, Array]):
    """The states of a model by name: ``state["cache"]`` reads one, ``state["cache"] = x`` sets it.

    Arrays have the declared type and shape. A new state is filled with zeros, as in Core ML.
    Reading or setting an unknown name, or setting another shape, raises an ``InputError``.
    """

    def __init__(self, features: tuple[Feature, ...], device: torch.device) -> None:
        self._features = {feature.name: feature for feature in features}
        self._device = device
        self.cells = {
            feature.name: StateCell(
                torch.zeros(feature.shape, dtype=_held_type(feature), device=device)
            )
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
        # Through the declared type, so that the value is rounded as the program would round it.
        declared = tensor.to(self._device, getattr(torch, feature.dtype))
        self.cells[name].value = declared.to(_held_type(feature), copy=True)

    def __iter__(self) -> Iterator[str]:
        return iter(self._features)

    def __len__(self) -> int:
        return len(self._features)


def _held_type(feature: Feature) -> torch.dtype:
    """Return the torch type that holds the values of a feature while a program runs."""
    if np.dtype(feature.dtype).kind == "f":
        return torch.float32
    held: torch.dtype = getattr(torch, feature.dtype)
    return held
