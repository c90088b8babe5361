"""Frozen dataclasses to JSON and back, by their annotations.

Law: `read(type(x), parse(dump(x))) == x` for dataclasses of numbers, text, None, tuples, dicts with
text keys, and dataclasses; floats may be infinite, not NaN.
"""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from eval.errors import ReportError

T = TypeVar("T")
_INFINITE = {"inf": math.inf, "-inf": -math.inf}


def dump(record: Any) -> bytes:
    """A dataclass as JSON, fields in their order."""
    text = json.dumps(_plain(record), indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def parse(data: bytes) -> Any:
    """Plain values; raises `ReportError` where it is no JSON."""
    try:
        return json.loads(data)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ReportError(f"not JSON: {error}") from None


def read(kind: type[T], values: Any) -> T:
    """A dataclass from plain values.

    Raises:
        ReportError: A field is missing, unknown, or of another type; the message says where.
    """
    made: T = _read(kind, values, kind.__name__)
    return made


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {place.name: _plain(getattr(value, place.name)) for place in fields(value)}
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


def _read(kind: Any, value: Any, where: str) -> Any:
    origin = get_origin(kind)
    if is_dataclass(kind):
        return _dataclass(kind, value, where)
    if origin in (Union, UnionType):
        return _union(get_args(kind), value, where)
    if origin is tuple and isinstance(value, list):
        of = get_args(kind)[0]
        return tuple(_read(of, entry, f"{where}[{i}]") for i, entry in enumerate(value))
    if origin is dict and isinstance(value, dict):
        of = get_args(kind)[1]
        return {key: _read(of, entry, f"{where}.{key}") for key, entry in value.items()}
    if origin is Literal and value in get_args(kind):
        return value
    return _scalar(kind, value, where)


def _scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is float and isinstance(value, str) and value in _INFINITE:
        return _INFINITE[value]
    if kind is float and type(value) in (int, float) and not math.isnan(value):
        return float(value)
    if kind in (int, str, bool, NoneType) and type(value) is kind:
        return value
    raise ReportError(f"{where} is {str(value)[:60]!r}, expected {getattr(kind, '__name__', kind)}")


def _union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and NoneType in kinds:
        return None
    (kind,) = (kind for kind in kinds if kind is not NoneType)
    return _read(kind, value, where)


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ReportError(f"{where} is {str(value)[:60]!r}, expected an object")
    hints = get_type_hints(kind)
    known = {place.name: place for place in fields(kind)}
    unknown = sorted(value.keys() - known.keys())
    if unknown:
        raise ReportError(f"{where} has an unknown field {unknown[0]!r}")
    for name, place in known.items():
        needed = place.default is MISSING and place.default_factory is MISSING
        if needed and name not in value:
            raise ReportError(f"{where} has no field {name!r}")
    return kind(**{name: _read(hints[name], v, f"{where}.{name}") for name, v in value.items()})
