from __future__ import annotations

import math
from dataclasses import replace

from eval import Comparison, LayerSearch, Report, Row, Where, table
from tests.eval.test_results import REPORT

WHERE = Where(person=7, selfies=3, style="micah", seed=5, steps=2)


def row(**values: object) -> Row:
    usual = {"artifact": "a", "level": "components", "runtime": "onnx", "component": "decoder"}
    return Row(**{**usual, "metric": "psnr", "unit": "dB", **values})  # type: ignore[arg-type]


def report(*rows: Row, **others: object) -> Report:
    return replace(REPORT, rows=rows, **others)  # type: ignore[arg-type]


def test_a_failure_says_what_where_and_at_which_layer() -> None:
    search = LayerSearch(
        artifact="a",
        runtime="onnx",
        component="decoder",
        against="reference",
        where=WHERE,
        layers=(),
        first="layers.4",
        snr=12.34,
    )
    made = report(row(value=31.25, limit=60.0, where=WHERE), searches=(search,))
    assert list(table.failures(made)) == [
        "FAILED a components: decoder in onnx: psnr is 31.2 dB, needed ≥ 60.0 dB against the "
        "reference; worst case: person 7, 3 selfies, micah, seed 5, 2 steps; first wrong at layer "
        "layers.4 (SNR 12.3 dB)"
    ]


def test_a_failed_picture_says_which_file_to_look_at() -> None:
    pair = Comparison(
        artifact="a",
        runtime="onnx",
        against="reference",
        kind="worst",
        where=WHERE,
        metrics={},
        reference="pictures/r.png",
        test="pictures/t.png",
        difference="pictures/d.png",
    )
    failed = row(level="image", component="whole run", value=1.0, limit=60.0)
    (line,) = table.failures(report(failed, comparisons=(pair,)))
    assert "look at pictures/d.png" in line and "whole run in onnx" in line


def test_a_crash_gives_its_reason() -> None:
    crashed = row(metric="run", value=-math.inf, outcome="crashed", reason="RuntimeError: boom")
    (line,) = table.failures(report(crashed))
    assert line == "FAILED a components: decoder in onnx crashed: RuntimeError: boom"


def test_verdicts_count_gates_and_name_what_was_not_run() -> None:
    absent = row(metric="run", runtime="apple-ne", value=-math.inf, outcome="unavailable")
    passed, shown = row(value=61.0, limit=60.0), row(value=1.0, metric="snr")
    (line,) = table.verdicts(report(passed, shown, absent))
    assert line == "a passed: 1 of 1 gates of fp16 (); not run here: apple-ne"
    (line,) = table.verdicts(report(passed, row(value=1.0, limit=2.0, metric="snr")))
    assert line.startswith("a FAILED: 1 of 2")


def test_the_tightest_figure_stands_for_its_group() -> None:
    far = row(value=90.0, limit=60.0)
    near = row(value=0.9, limit=0.89, metric="ssim")
    failed = row(value=1.0, limit=2.0, metric="cosine")
    assert table.tightest([far, near]) is near
    assert table.tightest([far, near, failed]) is failed


def test_numbers_for_people() -> None:
    assert table.number(math.inf, "dB") == "equal"
    assert table.number(61.234, "dB") == "61.2 dB"
    assert table.number(27_012_000, "bytes") == "27.0 MB"
    assert table.needed(row(value=1.0, limit=0.5, at_least=False, unit="")) == "≤ 0.5"
