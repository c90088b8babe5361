"""Reports of earlier versions still load, and the published schema is that of today's records."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings

from eval.report import baseline
from eval.schema import Report, schema
from support import json_records
from tests.conftest import Command
from tests.eval.schema.test_report import REPORTS

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "eval" / "golden" / "report.json"
"""Written by version 0.1.0, before the records had a JSON Schema: a quick evaluation of a tiny
pipeline's ONNX artifact, compared with itself as the baseline."""
PUBLISHED = ROOT / "docs" / "schemas" / "report.schema.json"


def test_an_earlier_report_loads_and_gives_the_same_bytes() -> None:
    data = GOLDEN.read_bytes()
    report = Report.parse(data)
    assert report.passed and report.dump() == data
    assert report.baseline is not None and report.searches and report.costs and report.comparisons


def test_an_earlier_report_can_be_a_baseline() -> None:
    earlier, about = baseline.read(GOLDEN)
    compared = baseline.compared(earlier, earlier, about)
    assert compared.passed and len(compared.rows) > len(earlier.rows)


def test_the_published_schema_is_that_of_the_records(command: Command) -> None:
    """`python -m eval schema --out docs/schemas/report.schema.json` makes it."""
    assert PUBLISHED.read_bytes() == json_records.dump(schema())
    assert command("eval", "schema").out.encode() == PUBLISHED.read_bytes()


def test_the_schema_accepts_an_earlier_report_and_describes_every_field() -> None:
    made = schema()
    jsonschema.validate(json.loads(GOLDEN.read_bytes()), made)
    for part in (made, *made["$defs"].values()):
        lacking = [name for name, entry in part["properties"].items() if "description" not in entry]
        assert lacking == [], part["title"]


@settings(max_examples=25)
@given(REPORTS)
def test_the_schema_accepts_every_report(report: Report) -> None:
    jsonschema.validate(json.loads(report.dump()), schema())


@pytest.mark.parametrize(("field", "value"), [("mode", 3), ("rows", None), ("other", 1)])
def test_the_schema_refuses_what_the_records_refuse(field: str, value: object) -> None:
    values = {**json.loads(GOLDEN.read_bytes()), field: value}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values, schema())
