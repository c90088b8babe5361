"""JUnit XML, read back and held to the rules of windyroad's JUnit.xsd and Jenkins' junit-10.xsd."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval import Report
from eval.report import junit
from eval.schema import Row
from tests.eval.report import reports
from tests.eval.schema.test_report import REPORTS

SUITE = {"name", "package", "id", "hostname", "timestamp", "time", "tests", "failures", "errors"}


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return reports.failing(tmp_path_factory.mktemp("failing"))


def check(data: bytes) -> ElementTree.Element:
    """The schemas' rules, each named by the assertion that fails."""
    root = ElementTree.fromstring(data)
    assert root.tag == "testsuites" and {child.tag for child in root} <= {"testsuite"}
    assert set(root.keys()) <= {"name", "time", "tests", "failures", "errors"}
    for number, suite in enumerate(root):
        assert set(suite.keys()) - {"skipped"} == SUITE and suite.get("id") == str(number)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", ""))
        assert re.fullmatch(r"\d+(\.\d+)?", suite.get("time", ""))
        tags = [child.tag for child in suite]
        cases = suite.findall("testcase")
        ends = ["system-out", "system-err"]
        assert tags == ["properties", *["testcase"] * len(cases), *ends]
        assert int(suite.get("tests", "")) == len(cases) > 0
        for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(suite.get(name, "")) == sum(case.find(tag) is not None for case in cases)
        names = [case.get("name") for case in cases]
        assert len(set(names)) == len(names), "CI joins cases of one name"
        for case in cases:
            assert set(case.keys()) == {"name", "classname", "time"} and len(case) <= 1
            for child in case:
                assert child.tag in ("failure", "error", "skipped") and child.get("message")
                assert child.tag == "skipped" or child.get("type")
        for token in [suite.get("name"), *names, *(case.get("classname") for case in cases)]:
            assert token and token == " ".join(token.split()), "no xs:token"
    for name in ("tests", "failures", "errors"):
        assert int(root.get(name, "")) == sum(int(suite.get(name, "")) for suite in root)
    return root


@settings(max_examples=25)
@given(REPORTS)
def test_every_report_is_valid(report: Report) -> None:
    check(junit.dump(report))


def test_what_failed_crashed_and_was_not_run(failing: Report) -> None:
    root = check(junit.dump(failing, "dist/eval/report.html"))
    crashed = sum(row.outcome == "crashed" for row in failing.rows)
    assert root.get("errors") == str(crashed) == "1"
    assert root.get("failures") == str(len(failing.failures) - crashed)
    gates = [row for row in failing.rows if row.verdict != "shown"]
    assert root.get("tests") == str(len(gates))
    (skipped,) = root.findall(".//skipped")
    assert skipped.get("message") == "Apple's framework exists on macOS only"
    names = [suite.get("name") for suite in root]
    assert names[0] == "dist/coreml / files" and "dist/onnx / ort" in names


def test_a_failure_says_why_where_and_how_to_look(failing: Report) -> None:
    root = check(junit.dump(failing, "dist/eval/report.html"))
    (case,) = [c for c in root.iter("testcase") if "denoiser PSNR" in c.get("name", "") and len(c)]
    assert case.get("classname") == "dist/coreml / coreml_runtime"
    text = case[0].text or ""
    assert "PSNR 21.4 dB, required at least 50.0 dB" in (case[0].get("message") or "")
    assert "worst case: person 13" in text and "mid.attention.to_out" in text
    assert "look at dist/eval/report.html#failed-1" in text


def test_control_characters_are_spelt_out(failing: Report) -> None:
    (error,) = check(junit.dump(failing)).findall(".//error")
    assert r"\x1b[31m[ONNXRuntimeError]" in (error.text or "")


@given(st.text(st.characters(), min_size=1, max_size=30))
def test_any_text_survives(text: str) -> None:
    """Lone surrogates are among it, which file names on Linux may contain."""
    report = replace(
        Report.parse(MINIMAL),
        rows=(Row(artifact=text, level="image", metric=text, value=0, limit=1, reason=text),),
    )
    (case,) = check(junit.dump(report, text)).iter("testcase")
    plain = "".join(c if c.isprintable() and c.isascii() else " " for c in text).split()
    assert all(word in (case[0].text or "") for word in plain)


def test_an_artifact_of_which_nothing_is_proven_fails(failing: Report) -> None:
    nothing = replace(failing, rows=())
    root = check(junit.dump(nothing))
    assert root.get("failures") == "2" and not nothing.passed


def test_equal_reports_give_equal_bytes(failing: Report) -> None:
    assert junit.dump(failing) == junit.dump(Report.parse(failing.dump()))


MINIMAL = Report(
    mode="quick", environment=reports.ENVIRONMENT, coverage=reports.COVERAGE, subjects=(), rows=()
).dump()
