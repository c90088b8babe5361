"""Weights that stay in their files until they are used, and are written one at a time.

`safetensors` maps a file into memory, so that a tensor read from it costs no memory of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import safe_open

from components.checkpoint import understood
from components.weights import dtypes

Shapes = Mapping[str, tuple[int, ...]]
"""The shape of every tensor by name."""

_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""The name that the format has for each type."""


@dataclass(frozen=True)
class Tensors(Mapping[str, torch.Tensor]):
    """The tensors of safetensors files by name, each read when it is asked for.

    Attributes:
        shapes: The shape of each.
        metadata: What the first file says of itself.
    """

    shapes: Shapes
    metadata: Mapping[str, str]
    _files: Mapping[str, Any] = field(repr=False)

    def __getitem__(self, name: str) -> torch.Tensor:
        return cast(torch.Tensor, self._files[name].get_tensor(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    def below(self, prefix: str) -> dict[str, torch.Tensor]:
        """The tensors whose names begin with a prefix, by the rest of their names."""
        return {name.removeprefix(prefix): self[name] for name in self if name.startswith(prefix)}

    def shapes_below(self, prefix: str) -> dict[str, tuple[int, ...]]:
        """Their shapes only."""
        return {k.removeprefix(prefix): v for k, v in self.shapes.items() if k.startswith(prefix)}


def open_tensors(paths: Sequence[Path], stack: ExitStack) -> Tensors:
    """Open safetensors files, which stay open until `stack` is closed.

    Raises:
        CheckpointError: One is not a whole safetensors file.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    owners: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    for path in paths:
        dtypes(path)  # says what is wrong with a file better than the library does
        with understood(path):
            file = stack.enter_context(safe_open(path, framework="pt"))
            metadata = metadata or dict(file.metadata() or {})
            for name in file.keys():  # noqa: SIM118 (a reader, not a mapping)
                shapes[name] = tuple(file.get_slice(name).get_shape())
                owners[name] = file
    return Tensors(shapes, metadata, owners)


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write a safetensors file, tensor by tensor: never more than one of them is copied.

    Law: `safetensors.torch.load_file(path)` has the same names, types, shapes and bytes. The same
    tensors give the same file.
    """
    # The largest numbers first, as the library does, so that every tensor is aligned.
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in names:
        tensor = tensors[name]
        start, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            data = tensors[name].detach().contiguous().reshape(-1)
            if data.numel():
                stream.write(data.view(torch.uint8).numpy().data)
