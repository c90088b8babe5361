from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval import Baseline, BaselineError, Report, ReportError, Row
from eval.report import baseline
from eval.schema import RUN
from tests.eval.report import reports

ABOUT = Baseline(file="old.json", digest="", version="0.1.0", started="")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return reports.passing(tmp_path_factory.mktemp("passing"))


def failed(report: Report, earlier: Report) -> list[Row]:
    compared = baseline.compared(report, earlier, ABOUT)
    assert compared.rows[: len(report.rows)] == report.rows
    return [row for row in compared.rows[len(report.rows) :] if row.verdict == "failed"]


def with_value(report: Report, metric: str, value: float, **more: object) -> Report:
    """Every row of a metric with another value."""
    rows = [replace(r, value=value, **more) if r.metric == metric else r for r in report.rows]
    return replace(report, rows=tuple(rows))


def test_a_report_never_fails_against_itself(report: Report) -> None:
    compared = baseline.compared(report, report, ABOUT)
    gates = [row for row in compared.rows if row.was is not None]
    measured = [r for r in report.rows if r.outcome == "measured" and r.level != "speed"]
    ratios = [cost for cost in report.costs if cost.runtime != "pytorch"]
    assert len(gates) == len(measured) + len(ratios) and compared.passed
    assert compared.baseline and compared.baseline.notes == ()
    assert failed(compared, compared) == [], "rows of an earlier baseline are no figures"


@pytest.mark.parametrize(
    ("metric", "better", "same", "worse"),
    [
        ("psnr", 200.0, None, 40.0),
        ("cosine", 1.0, 0.9999995, 0.9998),
        ("max_error", 0.0, 0.002105, 0.01),
        ("ssim", 1.0, 0.9999095, 0.98),
        ("flip", 0.0, 0.00415, 0.02),
        ("retrieval", 1.0, 0.92, 0.90),
        ("bytes", 1.0, None, 80e6),
    ],
)
def test_only_what_is_worse_beyond_noise_fails(
    report: Report, metric: str, better: float, same: float | None, worse: float
) -> None:
    assert failed(with_value(report, metric, better), report) == []
    if same is not None:
        assert failed(with_value(report, metric, same), report) == []
    lost = failed(with_value(report, metric, worse), report)
    assert lost and {row.metric for row in lost} == {metric}
    assert len(lost) == sum(row.metric == metric for row in report.rows)


def test_decibels_of_noise_add_in_amplitude() -> None:
    """By hand: errors of 1e-3 and 10^-3.25 of the peak add to 1.5623e-3, which is 56.125 dB."""
    row = Row(
        artifact="a", level="image", runtime="coreml_runtime", metric="psnr", unit="dB", value=0
    )
    assert baseline.allowed(row, 60.0, tier="fp16") == pytest.approx(56.125, abs=1e-3)
    assert baseline.allowed(row, math.inf, tier="fp16") == 65.0
    assert baseline.allowed(row, -math.inf, tier="fp16") == -math.inf
    onnx = replace(row, runtime="onnx")
    assert baseline.allowed(onnx, 60.0, tier="fp16") == pytest.approx(60 - 0.00868, abs=1e-4)
    assert baseline.allowed(onnx, 60.0, tier="w8a8") == pytest.approx(56.125, abs=1e-3)


@given(st.floats(-300, 300), st.floats(-300, 300))
def test_noise_never_makes_a_figure_better_and_keeps_order(first: float, second: float) -> None:
    row = Row(artifact="a", level="image", runtime="onnx", metric="psnr", unit="dB", value=0)
    low, high = sorted(baseline.allowed(row, was, tier="fp16") for was in (first, second))
    assert baseline.allowed(row, max(first, second), tier="fp16") == high
    assert low <= min(first, second) and high <= max(first, second)


def test_weights_have_no_noise(report: Report) -> None:
    wrong = [
        replace(row, value=1.0, limit=None) if row.level == "weights" else row
        for row in report.rows
    ]
    lost = failed(replace(report, rows=tuple(wrong)), report)
    assert [row.level for row in lost] == ["weights", "weights"]


def test_the_measured_noise_of_a_row_counts(report: Report) -> None:
    lower = with_value(report, "psnr", 70.0)
    noisy = with_value(report, "psnr", 70.0, noise=100.0)
    assert failed(lower, report) and failed(noisy, report) == []


def test_a_runtime_that_vanished_fails_in_one_row(report: Report) -> None:
    rows = tuple(row for row in report.rows if row.runtime != "ort")
    (lost,) = failed(replace(report, rows=rows), report)
    assert (lost.artifact, lost.runtime, lost.component) == (reports.ONNX, "ort", RUN)
    assert lost.value == 0 and "measured in the baseline, not in this run" in lost.reason


def test_a_crash_now_is_a_figure_that_vanished(report: Report) -> None:
    rows = [replace(r, outcome="crashed") if r.metric == "flip" else r for r in report.rows]
    lost = failed(replace(report, rows=tuple(rows)), report)
    assert {row.metric for row in lost} == {"figures"} and "flip" in lost[0].reason


def slower(report: Report, factor: float) -> Report:
    """ONNX Runtime slower, PyTorch as it was."""
    costs = [
        replace(c, ratio=factor * (c.ratio or 0), warm=tuple(factor * t for t in c.warm))
        if c.runtime == "onnx"
        else c
        for c in report.costs
    ]
    return replace(report, costs=tuple(costs))


def test_speed_fails_beyond_its_spread(report: Report) -> None:
    assert failed(slower(report, 1.2), report) == [] and failed(slower(report, 0.1), report) == []
    lost = failed(slower(report, 2.0), report)
    assert {(row.level, row.metric, row.runtime) for row in lost} == {("speed", "ratio", "onnx")}
    assert len(lost) == 4
    spread = replace(
        report,
        costs=tuple(replace(c, warm=(*c.warm, 3 * max(c.warm))) for c in report.costs),
    )
    assert failed(slower(report, 2.0), spread) == [], "where calls differ by far, so may ratios"


def test_speed_of_another_machine_is_not_compared_and_that_is_said(report: Report) -> None:
    other = replace(report, environment=replace(report.environment, processor="another"))
    compared = baseline.compared(slower(report, 9.0), other, ABOUT)
    assert compared.passed and compared.baseline
    (note,) = compared.baseline.notes
    assert "another machine (another, 2 cores, 2 threads" in note and "not compared" in note


def test_what_else_differs_is_said(report: Report) -> None:
    changes = {"tier": "w4", "checkpoint": "12" * 32, "recipe": "34" * 32, "version": "0.0.9"}
    changed = replace(report.subjects[0], options={"target": "iOS18"}, **changes)
    earlier = replace(
        report,
        subjects=(changed, replace(report.subjects[1], name="dist/gone")),
        environment=replace(report.environment, version="0.0.9"),
    )
    compared = baseline.compared(report, earlier, ABOUT)
    notes = "\n".join(compared.baseline.notes if compared.baseline else ())
    for note in (
        "the baseline is of version 0.0.9, this is 0.1.0",
        "dist/coreml: the baseline has tier w4, this has fp16",
        "dist/coreml: another checkpoint than the baseline's (121212121212, now cdcdcdcdcdcd)",
        "dist/coreml: another recipe than the baseline's (343434343434, now none)",
        "dist/coreml: option precision is not the baseline's",
        "dist/onnx is not in the baseline",
        "dist/gone of the baseline was not evaluated",
    ):
        assert note in notes


def test_other_cases_are_refused(report: Report) -> None:
    other = replace(report, mode="full", coverage=replace(report.coverage, digest="other"))
    with pytest.raises(BaselineError, match=r"on other cases .mode full, this run default"):
        baseline.compared(report, other, ABOUT)


def test_reading(report: Report, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_bytes(report.dump())
    earlier, about = baseline.read(tmp_path / "old.json")
    assert earlier == report and about.version == "0.1.0" and len(about.digest) == 64
    compared = baseline.compared(report, earlier, about)
    assert Report.parse(compared.dump()) == compared
    with pytest.raises(ReportError, match=r"none\.json cannot be read"):
        baseline.read(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ReportError, match=r"other.json is no report: .* schema version None"):
        baseline.read(tmp_path / "other.json")
