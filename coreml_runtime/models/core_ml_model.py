"""The interface of every loaded model."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from ..errors import InputError
from ..package import Feature
from .feature_values import check_names, check_tensor, from_tensor, to_tensor
from .state import Array, State

Value = Tensor | str | dict[int | str, float]
"""A result of a program: a classifier gives a label and a dictionary beside tensors."""

Prediction = Array | Image.Image | float | int | str | dict[int | str, float]
"""A result of :meth:`CoreMLModel.predict`."""


class CoreMLModel(nn.Module):
    """A Core ML model with named inputs and outputs, planned once and run many times.

    Constants are buffers, so ``.to(device)`` moves the model.

    Attributes:
        inputs: The inputs, as :class:`Feature`.
        outputs: The outputs.
        states: The states, which :meth:`make_state` creates.
        functions: The names of all functions in the package.
        precision: ``storage`` or ``float32``, as given to :func:`coreml_runtime.load`.
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
        """Return the outputs for inputs that are checked already, by name."""
        raise NotImplementedError

    def run_traced(
        self, tensors: Mapping[str, Tensor], state: State | None
    ) -> Iterator[tuple[str, Any]]:
        """Yield every value, in the order of the program, for inputs that are checked already."""
        raise NotImplementedError

    @property
    def device(self) -> torch.device:
        """The device on which constants are stored and ops run."""
        raise NotImplementedError

    def forward(self, state: State | None = None, /, **tensors: Tensor) -> dict[str, Value]:
        """Run the model on tensors; return its outputs by name, before any 8-bit rounding.

        Gradients flow through. An image is a float tensor (1, channels, height, width) in [0, 255].
        ``state``, from :meth:`make_state`, is positional, since an input may have any name.

        Raises:
            InputError: Names, shapes or types are not those of the model, or a state is missing.
            ExecutionError: An op failed.
        """
        return self.run(self._checked(tensors, state), state)

    @torch.no_grad()
    def predict(
        self, inputs: Mapping[str, object], state: State | None = None
    ) -> dict[str, Prediction]:
        """Run the model on numpy arrays and PIL images; return such outputs by name.

        A classifier also returns its label (str or int) and a dictionary of probabilities.

        Raises:
            InputError: Names, shapes, types or image modes are not those of the model, or a
                stateful model was given no state.
            ExecutionError: An op failed.
        """
        results = self.run(self._checked(self._tensors(inputs), state), state)
        return {f.name: from_tensor(f, results[f.name]) for f in self.outputs}

    @torch.no_grad()
    def trace(
        self, inputs: Mapping[str, object], state: State | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Yield every intermediate value as (name, tensor), in the order of the program.

        The values of a loop come once for each iteration, under the same names.

        Raises:
            InputError: As for :meth:`predict`.
            ExecutionError: An op failed.
        """
        yield from self.run_traced(self._checked(self._tensors(inputs), state), state)

    def make_state(self) -> State:
        """Return a new state, filled with zeros, to pass to :meth:`predict`."""
        return State(self.states, self.device)

    def fill_defaults(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the declared defaults of absent optional inputs to ``tensors`` and return it."""
        for feature in self.inputs:
            if feature.name not in tensors and feature.default is not None:
                tensors[feature.name] = torch.full(
                    feature.shape, feature.default, device=self.device
                )
        return tensors

    def _tensors(self, inputs: Mapping[str, object]) -> dict[str, Tensor]:
        check_names(self.inputs, inputs)
        return {f.name: to_tensor(f, inputs[f.name]) for f in self.inputs if f.name in inputs}

    def _checked(self, tensors: Mapping[str, Tensor], state: State | None) -> dict[str, Tensor]:
        """Check names, shapes and the state; move inputs to the device and fill in defaults."""
        check_names(self.inputs, tensors)
        if self.states and (state is None or set(state) != {f.name for f in self.states}):
            names = ", ".join(feature.name for feature in self.states)
            raise InputError(f"the model has states ({names}): pass a state from make_state()")
        for feature in self.inputs:
            if feature.name in tensors:
                check_tensor(feature, tensors[feature.name])
        return self.fill_defaults({name: value.to(self.device) for name, value in tensors.items()})
