"""The registry: MIL op name to one small torch function, found by name and opset.

A parameter's annotation says how the plan hands the argument over:

===========================  ===================================================================
``Tensor``                   a tensor in its held type (:mod:`coreml_runtime.dtypes`)
``Tensors``                  a tuple of tensors (a variadic argument)
``int float bool str``       a Python value; decoded once, at load, where it is a constant
``Scalar``                   a Python number of whatever type the argument has
``Ints Floats Bools``        a flat tuple of Python values
``Labels``                   a tuple of integers and strings
``MilList StateCell``        :mod:`coreml_runtime.values`
``torch.device``             where the model is; not an argument of the op
===========================  ===================================================================

``… | None`` with a default of None marks an optional one. Functions compute in float32 and return
a tensor, or a tuple with one tensor an output; rounding to the declared type is not their business.
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

VARIADIC = (
    Tensors,
    Ints,
    Floats,
    Bools,
    Labels,
)  # kinds that an argument of several values may have

IOS15, IOS16, IOS17, IOS18, IOS26 = 5, 6, 7, 8, 9  # the numbers in CoreML5 … CoreML9

Implementation = Callable[..., Any]
F = TypeVar("F", bound=Implementation)


@dataclass(frozen=True, kw_only=True)
class OpDef:
    """One op of one opset: ``kinds`` maps each parameter to its annotation without ``None``.

    ``exact`` ops only move or choose values, so there is nothing to round in their results.
    """

    name: str
    since: int
    run: Implementation
    kinds: dict[str, Any]
    required: frozenset[str]
    exact: bool

    @property
    def needs_device(self) -> bool:
        return torch.device in self.kinds.values()


_REGISTRY: dict[str, list[OpDef]] = {}


def op(name: str, *, since: int = IOS15, exact: bool = False) -> Callable[[F], F]:
    """Register a function as the op ``name`` from opset ``since`` on."""

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
    """The newest version of op ``name`` that opset ``opset`` has, or None."""
    versions = [version for version in _REGISTRY.get(name, ()) if version.since <= opset]
    return versions[-1] if versions else None


def registered_ops() -> frozenset[str]:
    """The names of all ops that some opset has here."""
    return frozenset(_REGISTRY)
