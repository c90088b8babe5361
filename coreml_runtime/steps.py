"""What a plan is made of: steps bound once at load, and the values that are no tensors.

All steps of a function, those of nested blocks included, share one list of slots. A slot holds a
tensor, a string, a :class:`MilList`, a :class:`StateCell` or what ``classify`` gives.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .bind import Convert, Finish
from .program import OtherType, TensorType, ValueType

Read = tuple[str, int | tuple[int, ...], Convert | None]


@dataclass(frozen=True, kw_only=True)
class Result:
    """Where a result goes, what it is made into, and the type it has to have."""

    name: str
    slot: int
    finish: Finish | None  # None for what is no tensor
    type: ValueType

    def fits(self, value: Any) -> bool:
        """Whether ``value`` has the declared shape, as far as one is declared."""
        if isinstance(self.type, OtherType) or not isinstance(value, Tensor):
            return True
        return fits_shape(self.type, tuple(value.shape))

    def accept(self, value: Any) -> Any:
        """``value`` finished and checked.

        Raises:
            ValueError: it is no tensor where one is declared, or has another shape.
        """
        if self.finish is not None:
            if not isinstance(value, Tensor):
                raise ValueError(f"{self.name!r} is no tensor")
            value = self.finish(value)
        if not self.fits(value):
            raise ValueError(
                f"{self.name!r} has shape {tuple(value.shape)}, the program declares {self.type}"
            )
        return value


def fits_shape(type_: TensorType, shape: tuple[int, ...]) -> bool:
    """Whether ``shape`` is what ``type_`` declares; unknown sizes fit all."""
    if type_.shape is None or type_.shape == shape:
        return True
    return len(shape) == len(type_.shape) and all(
        want is None or want == have for want, have in zip(type_.shape, shape, strict=True)
    )


@dataclass(frozen=True, kw_only=True)
class Step:
    """One op, bound: ``fixed`` arguments, those ``reads`` from slots, and slots free after it."""

    name: str
    type: str
    run: Callable[..., Any]
    fixed: dict[str, Any]
    reads: tuple[Read, ...]
    results: tuple[Result, ...]
    frees: tuple[int, ...]
    needs_device: bool


@dataclass(frozen=True, kw_only=True)
class Routine:
    """A block: where its caller puts its inputs, its steps, and where its outputs are."""

    inputs: tuple[Result, ...]
    steps: tuple["AnyStep", ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Branch:
    """``cond``: one of two blocks, without inputs of their own."""

    name: str
    predicate: int
    then: Routine
    otherwise: Routine
    results: tuple[Result, ...]
    frees: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Loop:
    """``while_loop``: ``body`` is repeated on its own outputs while ``condition`` gives True."""

    name: str
    start: tuple[int, ...]
    condition: Routine
    body: Routine
    results: tuple[Result, ...]
    frees: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Attention:
    """``matmul``, ``softmax``, ``matmul`` in a row: run one by one, or by blocks of rows.

    ``rounds`` where their results are rounded. ``parts`` hold the results and what they free.
    """

    name: str
    parts: Routine
    rounds: bool
    results: tuple[Result, ...] = ()
    frees: tuple[int, ...] = ()


AnyStep = Step | Branch | Loop | Attention


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole function.

    ``inputs`` and ``outputs`` name their slots, ``constants`` fill theirs; ``states`` are those
    inputs that hold a state, which every call reads and may write.
    """

    body: Routine
    inputs: dict[str, Result]
    states: dict[str, Result]
    outputs: dict[str, int]
    constants: dict[int, Any]
    slots: int
