"""Edits of `.mlpackage`: the program's protobuf, and numbers in its weight file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from coreml_runtime.package.protobuf_messages import Model_pb2
from coreml_runtime.package.weight_file import METADATA
from tests.eval.planting.files import rewrite

_DTYPES = {1: "<f2", 2: "<f4", 3: "u1", 4: "i1"}
"""NumPy's names of the weight file's element types: fp16, fp32, uint8, int8."""


class Package:
    """One component's package, in memory."""

    def __init__(self, folder: Path, component: str) -> None:
        data = folder / f"{component}.mlpackage" / "Data" / "com.apple.CoreML"
        self.model, self.blob = data / "model.mlmodel", data / "weights" / "weight.bin"
        self.spec = Model_pb2.Model.FromString(self.model.read_bytes())
        (self.block,) = self.spec.mlProgram.functions["main"].block_specializations.values()
        self.bytes = bytearray(self.blob.read_bytes())

    def save(self) -> None:
        rewrite(self.model, self.spec.SerializeToString(deterministic=True))
        rewrite(self.blob, bytes(self.bytes))

    def maker(self, value: str) -> Any:
        return next(o for o in self.block.operations if value in [v.name for v in o.outputs])

    def kinds(self, kind: str) -> list[Any]:
        return [operation for operation in self.block.operations if operation.type == kind]

    def user(self, value: str) -> Any:
        """The first operation that takes a value."""
        return next(
            operation
            for operation in self.block.operations
            if any(a.name == value for held in operation.inputs.values() for a in held.arguments)
        )

    def constant(self, operation: Any, name: str) -> Any:
        """The constant that an operation has as an input."""
        return self.maker(operation.inputs[name].arguments[0].name).attributes["val"]

    def parameter(self, name: str) -> Any:
        """The constant that holds a parameter, whatever suffix its name has."""
        start = f"p_module_{name.replace('.', '_')}"
        for operation in self.block.operations:
            named = operation.outputs[0].name if operation.outputs else ""
            if operation.type == "const" and (named == start or named.startswith(f"{start}_to")):
                return operation.attributes["val"]
        raise KeyError(name)

    def numbers(self, value: Any) -> np.ndarray:
        """The numbers of a constant in the weight file, as a view that can be written to."""
        offset = value.blobFileValue.offset
        _, dtype, size, start, _ = METADATA.unpack_from(self.bytes, offset)
        kind = np.dtype(_DTYPES[dtype])
        shape = [d.constant.size for d in value.type.tensorType.dimensions]
        flat = np.frombuffer(self.bytes, kind, size // kind.itemsize, start)
        return flat.reshape(shape) if int(np.prod(shape)) == flat.size else flat


Edit = Callable[[Package], None]


def package(component: str, edit: Edit) -> Callable[[Path], None]:
    """A planting in the package of one component."""

    def plant(folder: Path) -> None:
        held = Package(folder, component)
        edit(held)
        held.save()

    return plant


def weight(component: str, name: str, how: Callable[[np.ndarray], np.ndarray]) -> Any:
    """A planting in the numbers of one weight."""

    def edit(held: Package) -> None:
        array = held.numbers(held.parameter(name))
        array[...] = how(array.copy())

    return package(component, edit)


def every_weight(component: str, how: Callable[[np.ndarray], np.ndarray]) -> Any:
    """A planting in all weights of two dimensions and more."""

    def edit(held: Package) -> None:
        for operation in held.kinds("const"):
            value = operation.attributes["val"]
            if value.WhichOneof("value") == "blobFileValue":
                array = held.numbers(value)
                if array.ndim > 1 and array.dtype.kind == "f":
                    array[...] = how(array.copy())

    return package(component, edit)


def swap(component: str, one: str, other: str) -> Any:
    """A planting: two weights of the same shape are exchanged."""

    def edit(held: Package) -> None:
        first, second = (held.numbers(held.parameter(name)) for name in (one, other))
        kept = first.copy()
        first[...] = second
        second[...] = kept

    return package(component, edit)
