from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import eval as room
from eval import (
    Comparison,
    Cost,
    Coverage,
    Environment,
    Layer,
    LayerSearch,
    Point,
    Report,
    ReportError,
    Row,
    Series,
    Subject,
    Where,
)

NUMBER = st.floats(allow_nan=False)
TEXT = st.text(max_size=8)


def made(kind: Any, **strategies: Any) -> st.SearchStrategy[Any]:
    """Any value of a dataclass; NaN is the one number that it refuses."""
    return st.builds(kind, **strategies)


ROWS = made(
    Row,
    artifact=TEXT,
    metric=TEXT,
    value=NUMBER,
    typical=st.none() | NUMBER,
    limit=st.none() | NUMBER,
    noise=NUMBER,
    where=made(Where, timestep=st.none() | NUMBER),
)
REPORTS = made(
    Report,
    mode=st.sampled_from(["quick", "default", "full"]),
    environment=made(Environment, seconds=NUMBER),
    coverage=made(Coverage, tables=st.dictionaries(TEXT, st.lists(NUMBER).map(tuple))),
    subjects=st.lists(made(Subject), max_size=2).map(tuple),
    rows=st.lists(ROWS, max_size=3).map(tuple),
    series=st.lists(
        made(
            Series,
            level=st.just("trajectory"),
            points=st.lists(
                made(Point, timestep=NUMBER, worst=NUMBER, mean=NUMBER), max_size=2
            ).map(tuple),
        ),
        max_size=1,
    ).map(tuple),
    searches=st.lists(
        made(
            LayerSearch,
            where=st.just(Where()),
            snr=NUMBER,
            layers=st.lists(made(Layer, snr=NUMBER), max_size=2).map(tuple),
        ),
        max_size=1,
    ).map(tuple),
    costs=st.lists(
        made(
            Cost,
            load=NUMBER,
            cold=NUMBER,
            warm=st.lists(NUMBER, max_size=2).map(tuple),
            ratio=st.none() | NUMBER,
            gmac=st.none() | NUMBER,
        ),
        max_size=1,
    ).map(tuple),
    comparisons=st.lists(
        made(Comparison, where=st.just(Where()), metrics=st.dictionaries(TEXT, NUMBER)),
        max_size=1,
    ).map(tuple),
    schema_version=st.just(1),
)


@given(REPORTS)
def test_a_report_read_back_is_the_same(report: Report) -> None:
    data = report.dump()
    assert Report.parse(data) == report
    assert Report.parse(data).dump() == data


@given(REPORTS)
def test_a_report_is_standard_json(report: Report) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    json.loads(report.dump(), parse_constant=refuse)


def row(value: float, limit: float | None = 50.0, **others: Any) -> Row:
    return Row(artifact="a", level="image", metric="psnr", value=value, limit=limit, **others)


def test_verdicts_at_their_limits() -> None:
    assert row(50.0).verdict == "passed" and row(math.inf).verdict == "passed"
    assert row(49.9).verdict == "failed" and row(-math.inf).verdict == "failed"
    assert row(50.0, at_least=False).verdict == "passed"
    assert row(50.1, at_least=False).verdict == "failed"
    assert row(1.0, limit=None).verdict == "shown"
    assert row(99.0, outcome="crashed", reason="boom").verdict == "failed"
    assert row(99.0, outcome="unavailable", reason="no Mac").verdict == "not run"
    assert row(53.0).margin == 3.0 and row(53.0, at_least=False).margin == -3.0


def test_nan_stands_nowhere() -> None:
    with pytest.raises(ValueError, match="NaN"):
        row(math.nan)
    with pytest.raises(ValueError, match="NaN"):
        Point(steps=1, step=0, timestep=1.0, worst=math.nan, mean=0.0)


REPORT = Report(
    mode="quick",
    environment=Environment(
        version="0",
        python="3.11",
        system="Linux",
        processor="x86_64",
        cores=2,
        threads=1,
        libraries={},
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        peak_bytes=1,
    ),
    coverage=Coverage(digest="", people=(), runs=0, selfies=(), styles=(), tables={}),
    subjects=(
        Subject(
            name="a",
            format="onnx",
            tier="fp16",
            gates="",
            version="0",
            options={},
            tools={},
            manifest="",
            checkpoint="",
            recipe=None,
            bytes=1,
        ),
    ),
    rows=(row(60.0),),
)


def test_a_report_passes_only_when_something_was_proven_of_every_subject() -> None:
    assert REPORT.passed
    assert not replace(REPORT, rows=(*REPORT.rows, row(1.0))).passed
    assert not replace(REPORT, rows=(row(60.0, limit=None),)).passed
    assert not replace(REPORT, rows=(row(60.0, outcome="unavailable"),)).passed


def test_a_field_of_another_type_is_named() -> None:
    values = json.loads(REPORT.dump())
    values["rows"][0]["value"] = "many"
    with pytest.raises(
        ReportError, match=r"rows\[0\]\.value is 'many': input should be a valid number"
    ):
        Report.parse(json.dumps(values).encode())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "not JSON"),
        (b"[]", "schema version None"),
        (b'{"schema_version": 9}', "schema version 9, expected 1"),
        (b'{"schema_version": 1}', "no field 'mode'"),
    ],
)
def test_what_is_no_report_is_one_line(data: bytes, message: str) -> None:
    with pytest.raises(ReportError, match=message) as error:
        Report.parse(data)
    assert "\n" not in str(error.value)


def test_an_unknown_field_is_named() -> None:
    values = {**json.loads(REPORT.dump()), "x": 1}
    with pytest.raises(ReportError, match="has an unknown field 'x'"):
        Report.parse(json.dumps(values).encode())


def test_a_case_reads_as_a_sentence() -> None:
    where = Where(
        person=7, selfies=1, style="micah", seed=3, steps=2, step=1, timestep=500.0, detail="x"
    )
    assert str(where) == "person 7, 1 selfie, micah, seed 3, step 2 of 2 steps, timestep 500, x"
    assert str(Where(steps=4)) == "4 steps" and str(Where()) == ""


def test_the_rooms_door_is_pinned() -> None:
    assert sorted(room.__all__) == room.__all__
    assert all(hasattr(room, name) for name in room.__all__)
