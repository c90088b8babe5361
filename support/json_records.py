"""Frozen dataclasses to JSON and back, checked against their annotations, and their JSON Schema.

Laws: `read(kind, dump(record)) == record`, and what `schema(kind)` accepts, `read` reads, unless
the record's own `__post_init__` refuses it. The work is done by pydantic, which is imported only
when a record is read or described: defining and writing records stays quick.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import Field, field, fields, is_dataclass
from typing import Annotated, Any, TypeVar

from support.errors import UserError

T = TypeVar("T")
_ADAPTERS: dict[Any, Any] = {}
_INFINITE = {"inf": math.inf, "-inf": -math.inf}
_OPTIONAL = "optional"


def record(kind: type[T]) -> type[T]:
    """Class decorator, above `@dataclass`: JSON must hold exactly the declared fields and types.

    Whole numbers count as floats; nothing else is converted. NaN and infinity are no values of a
    `float`; a field of `Number` may be infinite.
    """
    kind.__pydantic_config__ = {  # type: ignore[attr-defined]
        "extra": "forbid",
        "strict": True,
        "allow_inf_nan": False,
    }
    return kind


class _Infinite:
    """Makes a float accept the strings "inf" and "-inf", because JSON has no infinity."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        number = core_schema.float_schema(strict=True, allow_inf_nan=True)
        return core_schema.no_info_before_validator_function(_number, number)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "number"}, {"enum": sorted(_INFINITE)}]}


def _number(value: Any) -> Any:
    number = _INFINITE.get(value, value) if isinstance(value, str) else value
    if isinstance(number, float) and math.isnan(number):
        raise ValueError("NaN is not a value")
    return number


Number = Annotated[float, _Infinite()]
"""A float that may be infinite; JSON holds "inf" or "-inf" then. NaN is refused."""


class _Exact:
    """Makes a float keep a whole number as the JSON writes it."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        number = core_schema.float_schema(strict=True, allow_inf_nan=False)
        return core_schema.no_info_wrap_validator_function(_as_written, number)


def _as_written(value: Any, check: Callable[[Any], float]) -> Any:
    check(value)
    return value


Exact = Annotated[float, _Exact()]
"""A finite float that is written as it was read: `5` stays `5`, where `float` makes it `5.0`."""


class Keywords:
    """Annotates a field: what its JSON Schema says beside the type.

    The record's `__post_init__` must refuse what these keywords refuse; nothing else does.
    """

    def __init__(self, **keywords: Any) -> None:
        self.keywords = keywords

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(schema), **self.keywords}


def optional(default: Any) -> Any:
    """A dataclass field that is left out of the JSON where it equals `default` (immutable)."""
    return field(default=default, metadata={_OPTIONAL: True})


def dump(values: Any, *, sort_keys: bool = False) -> bytes:
    """A record as JSON: UTF-8, two spaces, a newline at the end; fields in the order declared.

    Equal records give equal bytes.
    """
    text = json.dumps(
        plain(values), indent=2, sort_keys=sort_keys, ensure_ascii=False, allow_nan=False
    )
    return f"{text}\n".encode()


def plain(value: Any) -> Any:
    """A record as dicts, lists, text and numbers; infinite numbers become text.

    A field declared as `optional` is left out where it holds its default.
    """
    if is_dataclass(value):
        held = ((one, getattr(value, one.name)) for one in fields(value))
        return {one.name: plain(entry) for one, entry in held if not _left_out(one, entry)}
    if isinstance(value, tuple | list):
        return [plain(entry) for entry in value]
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


def _left_out(declared: Field[Any], value: Any) -> bool:
    return _OPTIONAL in declared.metadata and bool(value == declared.default)


def read(kind: type[T], data: bytes, error: Callable[[str], UserError]) -> T:
    """A record from JSON.

    Args:
        kind: The record's class.
        data: UTF-8 JSON.
        error: Makes the exception from a message; the message says what is wrong and where.

    Raises:
        UserError: What `error` makes: `data` is not JSON, or a field is missing, unknown, or of
            another type.
    """
    parse(data, error)
    return _validated(kind, data, error)


def from_plain(kind: Any, values: Any, error: Callable[[str], UserError]) -> Any:
    """A record, or a tuple of records, from plain values: `from_plain(kind, plain(x)) == x`.

    Args:
        kind: The annotation of what is made, such as `Entry` or `tuple[Entry, ...]`.
        values: Dicts, lists or tuples, text and numbers.
        error: Makes the exception from a message; the message says what is wrong and where.

    Raises:
        UserError: What `error` makes: a value is missing, unknown, or of another type.
    """
    return _validated(kind, dump(values), error)


def _validated(kind: Any, data: bytes, error: Callable[[str], UserError]) -> Any:
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_json(data)
    except ValidationError as wrong:
        raise error(_first(wrong.errors(), wrong.error_count())) from None


def parse(data: bytes, error: Callable[[str], UserError]) -> Any:
    """JSON as plain values; raises what `error` makes where `data` is not JSON."""
    try:
        return json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as wrong:
        raise error(f"not JSON: {wrong}") from None


def _refuse(constant: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(f"it has the number {constant}")


def _first(errors: list[Any], count: int) -> str:
    """The first thing wrong in one line, with the place in the file."""
    wrong = errors[0]
    place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in wrong["loc"]).lstrip(".")
    held = repr(wrong["input"])[:60]
    text = {
        "missing": f"has no field {place!r}",
        "unexpected_keyword_argument": f"has an unknown field {place!r}",
        "json_invalid": f"not JSON: {wrong.get('ctx', {}).get('error', wrong['msg'])}",
        "value_error": str(wrong.get("ctx", {}).get("error", wrong["msg"])),
    }.get(wrong["type"], f"{place} is {held}: {wrong['msg'][:1].lower()}{wrong['msg'][1:]}")
    return text + (f" (and {count - 1} more)" if count > 1 else "")


def schema(kind: type[Any], *, title: str, address: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a record's file.

    Descriptions come from the classes' docstrings: the first paragraph describes the record, each
    entry under `Attributes:` its field.

    Args:
        kind: The record's class.
        title: The schema's title.
        address: The schema's `$id`.
    """
    made = _adapter(kind).json_schema()
    made = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": address,
        **made,
        "title": title,
    }
    for part in (made, *made.get("$defs", {}).values()):
        _describe(part)
    return made


def _describe(part: dict[str, Any]) -> None:
    text = part.get("description", "")
    about, _, attributes = text.partition("Attributes:")
    if about.strip():
        part["description"] = " ".join(about.split("\n\n")[0].split())
    entries = re.findall(r"^ {4,8}(\w[\w, ]*): (.*(?:\n {8,}.*)*)", attributes, flags=re.MULTILINE)
    for names, words in entries:
        for name in names.split(", "):
            if name in part.get("properties", {}):
                part["properties"][name]["description"] = " ".join(words.split())


def _adapter(kind: Any) -> Any:
    """Pydantic's validator of a record's class, built once."""
    from pydantic import TypeAdapter

    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
