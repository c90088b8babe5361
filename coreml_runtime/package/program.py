"""An ML Program as plain dataclasses, which :mod:`.program_reader` makes of protobuf messages.

The words are those of ``MIL.proto``: a function has a block, a block has operations, an operation
binds its parameters to names or constants.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..numerics import DType


@dataclass(frozen=True, kw_only=True)
class TensorType:
    """Element type and shape of a tensor.

    A size of None is known only at run time; a ``shape`` of None has an unknown rank too.
    """

    dtype: DType
    shape: tuple[int | None, ...] | None

    @property
    def static_shape(self) -> tuple[int, ...] | None:
        """The shape where all sizes are known at load, else None."""
        if self.shape is None or any(size is None for size in self.shape):
            return None
        return tuple(size for size in self.shape if size is not None)

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.dtype.name}[...]"
        sizes = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.dtype.name}[{sizes}]"


@dataclass(frozen=True, kw_only=True)
class OtherType:
    """The type of a value that is not a tensor.

    ``kind`` is ``list``, ``tuple``, ``dictionary`` or ``state``; ``inner`` holds its element types.
    """

    kind: str
    inner: tuple["ValueType", ...]


ValueType = TensorType | OtherType


@dataclass(frozen=True, eq=False)
class Constant:
    """A compile-time value, not decoded yet.

    ``message`` is a ``MILSpec.Value``, which holds the value or points into a weight file.
    """

    type: ValueType
    message: Any


Binding = str | Constant
"""An argument: the name of an earlier result, or a constant."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One op: ``inputs`` maps each parameter to its bindings, several for a variadic parameter."""

    type: str
    name: str
    inputs: dict[str, tuple[Binding, ...]]
    outputs: tuple[tuple[str, ValueType], ...]
    blocks: tuple["Block", ...] = ()


@dataclass(frozen=True, kw_only=True)
class Block:
    """Operations in order, the names that the caller binds, and the names of the results."""

    inputs: tuple[tuple[str, ValueType], ...]
    outputs: tuple[str, ...]
    operations: tuple[Operation, ...]

    def walk(self) -> Iterator[Operation]:
        """Yield every operation, including those of nested blocks."""
        for operation in self.operations:
            yield operation
            for block in operation.blocks:
                yield from block.walk()


@dataclass(frozen=True, kw_only=True)
class Function:
    """One entry point of a program.

    ``opset`` is the number in CoreML5 (iOS 15) to CoreML9 (iOS 26).
    """

    name: str
    opset: int
    inputs: tuple[tuple[str, ValueType], ...]
    body: Block
