"""Quantized tensors in training: indices and integers are fixed, tables and scales are trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from quantization import FLOAT16, LookUp, PackedState, PackedTensor, Plain, Scaled

SMALLEST = 1e-3
"""Least unit of a tensor's changes, so that a tensor of zeros can be trained too."""


class TunableTensor(nn.Module):
    """A packed tensor whose table, scales or fp16 numbers can be trained.

    Laws: before training, `forward()` is `packed.dense()` and `repacked()` is `packed`, bit for
    bit; after training, `repacked()` has the same scheme, shape and integers.

    The parameter is the change relative to a typical value: to each scale itself, or to the root
    mean square of a table or vector. One learning rate then fits all of them.
    """

    start: Tensor
    unit: Tensor
    integers: Tensor

    def __init__(self, packed: PackedTensor) -> None:
        super().__init__()
        self.packed, self.array, self.form = packed, packed.scheme.LEARNED, packed.form
        start = torch.from_numpy(packed.arrays[self.array].astype(np.float32))
        unit = start.square().mean().sqrt().clamp(min=SMALLEST)
        match self.form:
            case LookUp():
                indices = torch.from_numpy(self.form.flat_indices().reshape(-1))
                self.register_buffer("integers", indices, persistent=False)
            case Scaled():
                unit = start.abs()
                integers = torch.from_numpy(self.form.integers())
                self.register_buffer("integers", integers, persistent=False)
        self.register_buffer("start", start, persistent=False)
        self.register_buffer("unit", unit, persistent=False)
        self.change = nn.Parameter(torch.zeros_like(start))

    def forward(self) -> Tensor:
        """The tensor in float32, differentiable with respect to what is trained."""
        values, shape = self._values(), self.packed.shape
        match self.form:
            case Plain():
                return values
            case LookUp():
                return values.flatten().index_select(0, self.integers).view(shape)
            case Scaled():
                if self.form.block:
                    values = values.repeat_interleave(self.form.block, dim=1)
                ones = (1 for _ in shape[values.ndim :])
                return self.integers * values.view(*values.shape, *ones)

    def repacked(self) -> PackedTensor:
        """The tensor as it is stored: what has learned, rounded to fp16."""
        values = self._values().detach().cpu().half().numpy()
        return replace(self.packed, arrays={**self.packed.arrays, self.array: values})

    def _values(self) -> Tensor:
        return self.start + self.unit * self.change


class Tunable(nn.Module):
    """The parameters of a component that are trained: tables, scales, vectors (norms, biases)."""

    def __init__(self, module: nn.Module, state: PackedState) -> None:
        """`state` holds the tensors of `module`, packed; no memory is shared with either."""
        super().__init__()
        self.state = state
        self.names = [
            name
            for name, _ in module.named_parameters()
            if state[name].scheme != FLOAT16 or len(state[name].shape) == 1
        ]
        self.tensors = nn.ModuleList(TunableTensor(state[name]) for name in self.names)

    def forward(self) -> dict[str, Tensor]:
        """The trained tensors in float32, by name."""
        return {name: tensor() for name, tensor in zip(self.names, self.tensors, strict=True)}

    def repacked(self) -> dict[str, PackedTensor]:
        """The component's whole state as it is stored."""
        found = dict(self.state)
        for name, tensor in zip(self.names, self.tensors, strict=True):
            assert isinstance(tensor, TunableTensor)
            found[name] = tensor.repacked()
        return found
