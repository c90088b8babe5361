"""The registry: from the name of a MIL op and an opset to the torch function that computes it.

The annotation of a parameter says in which form the function receives that argument:

===========================  ===================================================================
``Tensor``                   a tensor in its held type (:mod:`coreml_runtime.numerics`)
``Tensors``                  a tuple of tensors (a variadic argument)
``int float bool str``       a Python value; a constant is converted once, at load
``Scalar``                   a Python number of the type that the argument has
``Ints Floats Bools``        a flat tuple of Python values
``Labels``                   a tuple of integers and strings
``MilList StateCell``        a list or a state (:mod:`.containers`)
``torch.device``             the device of the model; it is not an argument of the op
===========================  ===================================================================

A parameter annotated ``... | None`` with a default of None is optional. A function computes in
float32 and returns one tensor, or a tuple with one tensor for each output. Its caller rounds the
results to the declared types.
"""

import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...]
Ints = tuple[int, ...]
Floats = tuple[float, ...]
Bools = tuple[bool, ...]
Labels = tuple[int | str, ...]
Scalar = bool | int | float

VARIADIC = (Tensors, Ints, Floats, Bools, Labels)
"""The annotations of parameters that may be bound to several values."""

IOS15, IOS16, IOS17, IOS18, IOS26 = 5, 6, 7, 8, 9  # the numbers in the opsets CoreML5 to CoreML9

# What a torch function may raise for arguments that make no sense, as a damaged file gives them.
OP_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)

Implementation = Callable[..., Any]
F = TypeVar("F", bound=Implementation)


@dataclass(frozen=True, kw_only=True)
class OpDef:
    """One version of an op, valid from the opset ``since`` until the next version.

    ``kinds`` maps each parameter to its annotation without ``None``; ``required`` holds the
    parameters without a default. An ``exact`` op only moves or selects values, so its results need
    no rounding.
    """

    name: str
    since: int
    run: Implementation
    kinds: dict[str, Any]
    required: frozenset[str]
    exact: bool

    @property
    def needs_device(self) -> bool:
        """Whether the function has a parameter for the device of the model."""
        return torch.device in self.kinds.values()


_REGISTRY: dict[str, list[OpDef]] = {}


def op(name: str, *, since: int = IOS15, exact: bool = False) -> Callable[[F], F]:
    """Register the decorated function as the op ``name`` from opset ``since`` on."""

    def register(function: F) -> F:
        hints = typing.get_type_hints(function)
        parameters = inspect.signature(function).parameters
        required = (key for key, value in parameters.items() if value.default is value.empty)
        kinds = {key: _without_none(hints[key]) for key in parameters}
        definition = OpDef(
            name=name,
            since=since,
            run=function,
            kinds=kinds,
            required=frozenset(key for key in required if kinds[key] is not torch.device),
            exact=exact,
        )
        versions = _REGISTRY.setdefault(name, [])
        assert all(version.since != since for version in versions), f"{name} is registered twice"
        versions.append(definition)
        versions.sort(key=lambda version: version.since)
        return function

    return register


def _without_none(hint: Any) -> Any:
    if hint == Scalar or typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint
    rest = tuple(part for part in typing.get_args(hint) if part is not type(None))
    return rest[0] if len(rest) == 1 else typing.Union[rest]  # noqa: UP007


def find_op(name: str, opset: int) -> OpDef | None:
    """Return the newest version of op ``name`` in opset ``opset``, or None if there is none."""
    versions = [version for version in _REGISTRY.get(name, ()) if version.since <= opset]
    return versions[-1] if versions else None


def registered_ops() -> frozenset[str]:
    """Return the names of all ops that are implemented for some opset."""
    return frozenset(_REGISTRY)
