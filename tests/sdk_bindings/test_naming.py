from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk_bindings.naming import (
    FILTERS,
    KEYWORDS,
    camel,
    comment,
    described,
    kotlin_string,
    pascal,
    screaming,
    swift_string,
)

STYLE_NAME = st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lorelei", ("lorelei", "Lorelei", "LORELEI")),
        ("open-peeps", ("openPeeps", "OpenPeeps", "OPEN_PEEPS")),
        ("identity_encoder", ("identityEncoder", "IdentityEncoder", "IDENTITY_ENCODER")),
        ("3-d", ("_3D", "_3D", "_3_D")),
        ("default", ("default_", "Default", "DEFAULT")),
    ],
)
def test_names_in_three_ways(name: str, expected: tuple[str, str, str]) -> None:
    assert (camel(name), pascal(name), screaming(name)) == expected


@given(STYLE_NAME)
def test_every_style_name_is_an_identifier(name: str) -> None:
    for way in (camel, pascal, screaming):
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", way(name))
    assert camel(name) not in KEYWORDS


def test_a_name_of_signs_only_is_refused() -> None:
    with pytest.raises(ValueError, match="no letter"):
        camel("--")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_kotlin_literal_says_the_text(text: str) -> None:
    """JSON has the escapes of Kotlin, except the one of the dollar sign."""
    literal = kotlin_string(text)
    assert not re.search(r"(?<!\\)(\\\\)*\$", literal)
    assert (
        json.loads(re.sub(r"\\(\\|\$)", lambda m: m[0] if m[1] == "\\" else "$", literal)) == text
    )
    assert len(literal.splitlines()) == 1


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_swift_literal_says_the_text(text: str) -> None:
    literal = swift_string(text)
    plain = {"n": "\n", "r": "\r", "t": "\t"}
    assert literal[0] == literal[-1] == '"'
    said = re.sub(
        r"\\(?:u\{([0-9a-f]+)\}|(.))",
        lambda m: chr(int(m[1], 16)) if m[1] else plain.get(m[2], m[2]),
        literal[1:-1],
    )
    assert said == text
    assert len(literal.splitlines()) == 1


def test_nothing_is_interpolated() -> None:
    assert swift_string(r'"\(x)"') == r'"\"\\(x)\""'
    assert kotlin_string("${x}") == r'"\${x}"'


def test_the_filters_that_templates_may_use() -> None:
    strings = {"swift_string", "kotlin_string", "comment", "described"}
    assert set(FILTERS) == {"camel", "pascal", "screaming"} | strings


def test_what_a_style_is_described_with() -> None:
    style = {"title": "Clay", "creator": "Ann", "licence": "MIT"}
    assert described(style) == "Clay by Ann, MIT"
    assert described({**style, "creator": ""}) == "Clay, MIT"
    assert described({**style, "creator": "", "licence": ""}) == "Clay"


def test_a_comment_stays_a_comment() -> None:
    assert comment("one\ntwo */ three\u2028") == "one two * / three "
