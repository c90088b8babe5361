"""Whether a record that was read from JSON holds what its annotations say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def check(kind: Any, value: Any, where: str) -> None:
    """Raise TypeError, naming the place, where `value` is not of the annotation `kind`.

    Knows dataclasses, tuples, dicts with text keys, literals, `X | None`, finite numbers and text;
    what is `Any` is not looked into.
    """
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        (other,) = (one for one in get_args(kind) if one is not NoneType)
        if value is not None:
            check(other, value, where)
    elif is_dataclass(kind) or origin in (tuple, dict):
        if not isinstance(value, origin or kind):
            raise TypeError(f"{where} is {repr(value)[:60]}, expected {kind}")
        for place, inner, entry in _inside(kind, value):
            check(inner, entry, f"{where}{place}")
    elif not _fits(kind, value):
        raise TypeError(
            f"{where} is {repr(value)[:60]}, expected {getattr(kind, '__name__', kind)}"
        )


def _inside(kind: Any, value: Any) -> Iterator[tuple[str, Any, Any]]:
    """What a record, tuple or dict holds: place, annotation, value."""
    kinds = get_args(kind)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        yield from ((f".{f.name}", hints[f.name], getattr(value, f.name)) for f in fields(kind))
    elif isinstance(value, dict):
        yield from ((f".{key}", kinds[1], entry) for key, entry in value.items())
    elif kinds[-1] is Ellipsis:
        yield from ((f"[{place}]", kinds[0], entry) for place, entry in enumerate(value))
    elif len(kinds) != len(value):
        raise TypeError(f"{value} has {len(value)} entries, expected {len(kinds)}")
    else:
        pairs = enumerate(zip(kinds, value, strict=True))
        yield from ((f"[{place}]", inner, entry) for place, (inner, entry) in pairs)


def _fits(kind: Any, value: Any) -> bool:
    """Of what holds nothing else."""
    if kind is float:
        return type(value) in (int, float) and abs(value) <= sys.float_info.max
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    return kind is Any or type(value) is kind
