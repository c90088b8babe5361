"""The parts of a plan: steps that are bound once, at load, and run in every call.

All steps of a function, including those of nested blocks, share one list of slots. A slot holds a
tensor, a string, a :class:`~coreml_runtime.ops.MilList`, a :class:`~coreml_runtime.ops.StateCell`,
or the dictionary that ``classify`` returns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from ..numerics import Cast
from ..package import OtherType, TensorType, ValueType
from .argument_conversion import Convert


class SlotRead(NamedTuple):
    """An argument that is read from one slot, or from several for a variadic parameter."""

    parameter: str
    source: int | tuple[int, ...]
    convert: Convert | None


@dataclass(frozen=True, kw_only=True)
class PlannedValue:
    """A value that a step or a caller stores: its slot, its declared type, and the cast to it.

    ``cast`` is None for a value that is not a tensor.
    """

    name: str
    slot: int
    cast: Cast | None
    type: ValueType

    def fits(self, value: Any) -> bool:
        """Return whether ``value`` has the declared shape; a size that is not declared fits."""
        if isinstance(self.type, OtherType) or not isinstance(value, Tensor):
            return True
        return fits_shape(self.type, tuple(value.shape))

    def accept(self, value: Any) -> Any:
        """Return ``value`` after casting it to the declared type and checking its shape.

        Raises:
            ValueError: A tensor is declared and ``value`` is none, or it has another shape.
        """
        if self.cast is not None:
            if not isinstance(value, Tensor):
                raise ValueError(f"{self.name!r} is not a tensor")
            value = self.cast(value)
        if not self.fits(value):
            raise ValueError(
                f"{self.name!r} has shape {tuple(value.shape)}, the program declares {self.type}"
            )
        return value


def fits_shape(type_: TensorType, shape: tuple[int, ...]) -> bool:
    """Return whether ``shape`` is the one that ``type_`` declares; unknown sizes fit any size."""
    if type_.shape is None or type_.shape == shape:
        return True
    return len(shape) == len(type_.shape) and all(
        want is None or want == have for want, have in zip(type_.shape, shape, strict=True)
    )


@dataclass(frozen=True, kw_only=True)
class OpStep:
    """A call of one op's function.

    Its arguments are the constants in ``fixed`` and those that ``reads`` takes from slots. After
    the step the slots in ``frees`` are not needed any more.
    """

    name: str
    type: str
    run: Callable[..., Any]
    fixed: dict[str, Any]
    reads: tuple[SlotRead, ...]
    results: tuple[PlannedValue, ...]
    frees: tuple[int, ...]
    needs_device: bool


@dataclass(frozen=True, kw_only=True)
class PlannedBlock:
    """The steps of a block, the inputs that its caller stores, and the slots of its outputs."""

    inputs: tuple[PlannedValue, ...]
    steps: tuple["Step", ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class BranchStep:
    """The op ``cond``: runs one of two blocks, which have no inputs of their own."""

    name: str
    predicate: int
    then: PlannedBlock
    otherwise: PlannedBlock
    results: tuple[PlannedValue, ...]
    frees: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class LoopStep:
    """The op ``while_loop``: repeats ``body`` on its own outputs while ``condition`` is True."""

    name: str
    start: tuple[int, ...]
    condition: PlannedBlock
    body: PlannedBlock
    results: tuple[PlannedValue, ...]
    frees: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class AttentionStep:
    """The ops ``matmul``, ``softmax`` and ``matmul`` in a row, run together or one by one.

    ``rounds`` says whether their results are rounded. ``parts`` holds the three steps, with their
    results and the slots that they free; so ``results`` and ``frees`` are empty here.
    """

    name: str
    parts: PlannedBlock
    rounds: bool
    results: tuple[PlannedValue, ...] = ()
    frees: tuple[int, ...] = ()


Step = OpStep | BranchStep | LoopStep | AttentionStep


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A function that is ready to run.

    ``inputs``, ``states`` and ``outputs`` map names to slots; ``states`` are the inputs that hold a
    state, which a call reads and may write. ``constants`` maps slots to values that never change.
    """

    body: PlannedBlock
    inputs: dict[str, PlannedValue]
    states: dict[str, PlannedValue]
    outputs: dict[str, int]
    constants: dict[int, Any]
    slot_count: int
