"""What every loaded model offers; :mod:`.load` makes one of a package."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from .errors import InputError
from .features import Array, Feature, check_names, check_tensor, from_tensor, to_tensor
from .state import State

Value = Tensor | str | dict[int | str, float]
"""A value between user and program: classifiers give labels and dictionaries."""

Prediction = Array | Image.Image | float | int | str | dict[int | str, float]


class CoreMLModel(nn.Module):
    """A model of named inputs and outputs, planned once and run many times.

    Constants are buffers, so ``.to(device)`` moves the model. Attributes: ``inputs``, ``outputs``
    and ``states`` (tuples of :class:`Feature`), ``functions`` (names), ``precision``.
    """

    def __init__(
        self,
        *,
        inputs: tuple[Feature, ...],
        outputs: tuple[Feature, ...],
        states: tuple[Feature, ...] = (),
        functions: tuple[str, ...] = (),
        precision: str,
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.outputs = outputs
        self.states = states
        self.functions = functions
        self.precision = precision

    def run(self, tensors: Mapping[str, Tensor], state: State | None) -> dict[str, Value]:
        """The outputs for checked inputs."""
        raise NotImplementedError

    def run_traced(
        self, tensors: Mapping[str, Tensor], state: State | None
    ) -> Iterator[tuple[str, Any]]:
        """Every intermediate value for checked inputs, in the order of the program."""
        raise NotImplementedError

    @property
    def device(self) -> torch.device:
        """Where constants and computations are."""
        raise NotImplementedError

    def forward(self, state: State | None = None, /, **tensors: Tensor) -> dict[str, Value]:
        """Tensors in, tensors out, by name, before any 8-bit rounding; gradients flow.

        An image is float (1, channels, height, width) in [0, 255]. ``state``, of
        :meth:`make_state`, goes first and without a name, since any name may be an input's.
        """
        return self.run(self._checked(tensors, state), state)

    @torch.no_grad()
    def predict(
        self, inputs: Mapping[str, object], state: State | None = None
    ) -> dict[str, Prediction]:
        """Numpy arrays and PIL images in, the same out, by name.

        A classifier gives its label (str or int) and a dictionary of probabilities too.

        Raises:
            InputError: Names, shapes, types or image modes are not what the model takes, or a
                stateful model was given no state.
            ExecutionError: An op failed.
        """
        results = self.run(self._checked(self._tensors(inputs), state), state)
        return {f.name: from_tensor(f, results[f.name]) for f in self.outputs}

    @torch.no_grad()
    def trace(
        self, inputs: Mapping[str, object], state: State | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Every intermediate value as (name, tensor), in the order of the program.

        What a loop computes comes once a turn, under the same names.
        """
        yield from self.run_traced(self._checked(self._tensors(inputs), state), state)

    def make_state(self) -> State:
        """A new state, all zeros, to be given to :meth:`predict`."""
        return State(self.states, self.device)

    def _tensors(self, inputs: Mapping[str, object]) -> dict[str, Tensor]:
        check_names(self.inputs, inputs)
        return {f.name: to_tensor(f, inputs[f.name]) for f in self.inputs if f.name in inputs}

    def _checked(self, tensors: Mapping[str, Tensor], state: State | None) -> dict[str, Tensor]:
        """Inputs on the model's device, defaults filled in, names and shapes checked."""
        check_names(self.inputs, tensors)
        if self.states and (state is None or set(state) != {f.name for f in self.states}):
            names = ", ".join(feature.name for feature in self.states)
            raise InputError(f"the model has states ({names}): give it a state of make_state()")
        for feature in self.inputs:
            if feature.name in tensors:
                check_tensor(feature, tensors[feature.name])
        return self.complete({name: value.to(self.device) for name, value in tensors.items()})

    def complete(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """With the declared defaults of optional inputs that were not given."""
        for feature in self.inputs:
            if feature.name not in tensors and feature.default is not None:
                tensors[feature.name] = torch.full(
                    feature.shape, feature.default, device=self.device
                )
        return tensors
