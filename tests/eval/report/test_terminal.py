from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from eval import Report
from eval.report import terminal
from tests.eval.report import reports


def printed(report: Report, width: int = 160) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width).print(terminal.render(report, "dist/eval/report.html"))
    return [line.rstrip() for line in stream.getvalue().rstrip().splitlines()]


def test_the_verdict_is_the_last_line(tmp_path: Path) -> None:
    good = printed(reports.passing(tmp_path))
    assert good[-1].startswith("passed: 61 gates passed, 1 not run on this machine")
    bad = printed(reports.failing(tmp_path))
    assert bad[-1].startswith("FAILED: ") and "gates failed, 1 crash" in bad[-1]


def test_what_failed_is_named_with_its_worst_case_and_layer(tmp_path: Path) -> None:
    text = "\n".join(printed(reports.failing(tmp_path)))
    assert "✗ dist/coreml, components: denoiser in coreml_runtime" in text
    assert "PSNR 21.4 dB, required at least 50.0 dB" in text
    assert "worst case: person 13, 3 selfies, micah" in text
    assert "first goes wrong in mid.attention.to_out, SNR" in text
    assert "look at dist/eval/report.html#failed-1" in text


def test_fits_110_columns_without_losing_a_word(tmp_path: Path) -> None:
    report = reports.passing(tmp_path)
    assert max(map(len, printed(report))) <= terminal.WIDE
    narrow = printed(report, terminal.WIDE)
    for word in ("identity_encoder", "coreml_runtime", "0.9999998", "≥ 0.9999", "passed"):
        assert any(word in line for line in narrow)


def test_a_librarys_escape_codes_never_reach_the_terminal(tmp_path: Path) -> None:
    text = "\n".join(printed(reports.failing(tmp_path)))
    assert "\x1b" not in text and r"\x1b[31m[ONNXRuntimeError]" in text


def test_a_line_shows_what_is_nearest_to_its_gate(tmp_path: Path) -> None:
    report = reports.passing(tmp_path)
    for group in terminal.grouped(report.rows):
        gated = [row for row in group if row.limit is not None]
        if gated:
            ratio = [row.margin / (abs(row.limit or 0) or 1) for row in gated]
            assert terminal.nearest(group) is gated[ratio.index(min(ratio))]


def test_an_artifact_without_a_gate_does_not_pass(tmp_path: Path) -> None:
    report = reports.passing(tmp_path)
    kept = tuple(row for row in report.rows if row.artifact == reports.ONNX)
    last = printed(Report(**{**vars(report), "rows": kept}))[-1]
    assert last.startswith("FAILED") and "nothing was proven about dist/coreml" in last


@pytest.mark.parametrize("width", [80, 110])
def test_narrow_terminals_get_every_gate(tmp_path: Path, width: int) -> None:
    assert sum("passed" in line for line in printed(reports.passing(tmp_path), width)) >= 15
