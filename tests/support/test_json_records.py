"""Records to JSON and back: nothing is converted or lost, every mistake names its place."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.errors import UserError
from support.json_records import (
    Exact,
    Keywords,
    Number,
    dump,
    from_plain,
    optional,
    parse,
    plain,
    read,
    record,
    schema,
)


@record
@dataclass(frozen=True, kw_only=True)
class Inner:
    """One inner record."""

    shape: tuple[int, ...]
    kind: Literal["a", "b"] = "a"


@record
@dataclass(frozen=True, kw_only=True)
class Outer:
    """One outer record.

    It has a second paragraph.

    Attributes:
        name: Its name,
            over two lines.
        value: A number that may be infinite.
    """

    name: str
    value: Number = 0.0
    share: float | None = None
    inner: Inner = field(default_factory=lambda: Inner(shape=()))
    others: dict[str, Inner] = field(default_factory=dict)
    free: Any = None
    exact: Exact = 0
    extra: str = optional("")


INNER = st.builds(
    Inner, shape=st.lists(st.integers(), max_size=3).map(tuple), kind=st.sampled_from("ab")
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
OUTER = st.builds(
    Outer,
    name=st.text(st.characters(exclude_categories=["Cs"])),
    value=st.floats(allow_nan=False),
    share=st.none() | FINITE,
    inner=INNER,
    others=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), INNER, max_size=2),
    exact=FINITE | st.integers(-(2**53), 2**53),
    extra=st.text(st.characters(exclude_categories=["Cs"])),
    free=st.none() | st.booleans() | st.lists(st.integers(), max_size=2),
)
GOOD = Outer(name="x", inner=Inner(shape=(1, 2)))


@given(OUTER)
def test_what_is_written_is_read_and_fits_the_schema(made: Outer) -> None:
    data = dump(made)
    assert from_plain(Outer, plain(made), UserError) == made
    assert read(Outer, data, UserError) == made
    jsonschema.validate(json.loads(data), schema(Outer, title="Outer", address="urn:x"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 3}, r"name is 3: input should be a valid string"),
        ({"name": None}, "name is None"),
        ({"value": "much"}, "value is 'much'"),
        ({"share": "inf"}, "share is 'inf'"),
        ({"value": True}, "value is True"),
        ({"inner": {"shape": [1, 2.5]}}, r"inner\.shape\[1\] is 2\.5"),
        ({"inner": {"shape": [1], "kind": "c"}}, r"inner\.kind is 'c'"),
        ({"inner": {}}, r"has no field 'inner\.shape'"),
        ({"nmae": "x"}, r"has an unknown field 'nmae'"),
        ({"exact": "5"}, r"exact is '5'"),
        ({"exact": True}, "exact is True"),
        ({"others": {"a": {"shape": 1}}}, r"others\.a\.shape is 1"),
    ],
)
def test_what_does_not_fit_is_one_line_that_names_the_place(
    change: dict[str, Any], message: str
) -> None:
    values = {**json.loads(dump(GOOD)), **change}
    with pytest.raises(UserError, match=message) as caught:
        read(Outer, json.dumps(values).encode(), UserError)
    assert "\n" not in str(caught.value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values, schema(Outer, title="Outer", address="urn:x"))


def test_exact_numbers_are_written_as_they_were_read() -> None:
    for text in (b'"exact": 5,', b'"exact": 5.0,', b'"exact": 0.1,'):
        data = dump(GOOD).replace(b'"exact": 0', text[:-1])
        assert dump(read(Outer, data, UserError)) == data


def test_an_optional_field_is_left_out_where_it_holds_its_default() -> None:
    assert "extra" not in json.loads(dump(GOOD))
    assert json.loads(dump(replace(GOOD, extra="x")))["extra"] == "x"


def test_plain_values_become_a_tuple_of_records() -> None:
    made = from_plain(tuple[Inner, ...], [{"shape": [1]}, {"shape": (2,)}], UserError)
    assert made == (Inner(shape=(1,)), Inner(shape=(2,)))
    with pytest.raises(UserError, match=r"\[0\]\.shape is 'x'"):
        from_plain(tuple[Inner, ...], [{"shape": "x"}], UserError)


def test_keywords_are_added_to_the_schema() -> None:
    @record
    @dataclass(frozen=True, kw_only=True)
    class Described:
        count: Annotated[int, Keywords(minimum=1)]

    (field_,) = schema(Described, title="x", address="urn:x")["properties"].values()
    assert (field_["type"], field_["minimum"]) == ("integer", 1)


def test_text_that_is_no_unicode_is_not_json() -> None:
    with pytest.raises(UserError, match="not JSON"):
        read(Outer, b'{"name": "\\ud800"}', UserError)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"name": NaN}', b"[" * 100_000])
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(UserError, match="not JSON"):
        parse(data, UserError)


def test_infinity_is_text_and_nan_is_nothing() -> None:
    assert json.loads(dump(replace(GOOD, value=-math.inf)))["value"] == "-inf"
    with pytest.raises(UserError, match="not JSON"):
        read(Outer, b'{"name": "x", "value": NaN}', UserError)
    with pytest.raises(UserError, match="share"):
        read(Outer, b'{"name": "x", "share": 1e999}', UserError)


def test_the_schema_describes_records_and_fields() -> None:
    made = schema(Outer, title="Outer", address="urn:x")
    assert made["description"] == "One outer record."
    assert made["properties"]["name"]["description"] == "Its name, over two lines."
    assert made["$defs"]["Inner"]["description"] == "One inner record."
    assert made["additionalProperties"] is False and made["required"] == ["name"]


def test_defining_and_writing_records_does_not_import_pydantic() -> None:
    script = "import sys, support.json_records as j; j.dump({}); print('pydantic' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
