"""A report held against an earlier one: what got worse beyond noise falls.

Every figure of the earlier report is a gate here. Improvements never fall; a figure that is gone
does. What may differ between two runs on the same files was measured by running the same artifacts
with one thread and two, and with a processor's instructions limited to AVX2: repeated as it was a
run gave the same bits, and otherwise the outputs of fp32 arithmetic differed at 135 dB of PSNR or
better and those of Core ML's fp16, where every op rounds, at 71 dB.
"""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eval.errors import BaselineError, ReportError
from eval.results import REFERENCE_RUNTIME, RUN, Baseline, Cost, Report, Row, Subject, Where


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What two runs on the same files may differ by.

    Attributes:
        decibels: PSNR or SNR of one run's outputs against the other's. Root mean square errors add
            at most: a figure of `x` dB may be `-20·log10(10^(-x/20) + 10^(-decibels/20))`.
        absolute: By metric, how far any other may move.
    """

    decibels: float
    absolute: dict[str, float]


FINE = Noise(
    decibels=120.0, absolute={"cosine": 1e-6, "max_error": 1e-5, "ssim": 1e-6, "flip": 1e-4}
)
"""fp32 arithmetic. Measured: 135 dB, 2.5e-6 of the peak, 7e-12 and 3.2e-5."""

COARSE = Noise(
    decibels=65.0, absolute={"cosine": 1e-5, "max_error": 5e-3, "ssim": 5e-4, "flip": 5e-3}
)
"""fp16 or int8 arithmetic. Measured for Core ML: 71 dB, 2.7e-3 of the peak, 1.2e-4; FLIP is steep
near 0, where noise of 70 dB alone scores 2.8e-3."""

FINE_RUNTIMES = frozenset({REFERENCE_RUNTIME, "onnx", "ort"})

SIZE_SHARE = 0.001
"""Of a size: names and versions inside files may grow by some bytes."""

SET_PICTURES = 2
"""Pictures of a set that noise may push over a judge's threshold."""

SPEED_SHARE = 0.25
"""Of a ratio to PyTorch, besides what the calls of the two runs themselves spread."""

Key = tuple[str, ...]


def read(path: Path) -> tuple[Report, Baseline]:
    """An earlier report, and what is to be said of it.

    Raises:
        ReportError: There is no such file, or it is no report.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReportError(f"the baseline {path} cannot be read: {error.strerror}") from None
    try:
        report = Report.parse(data)
    except ReportError as error:
        raise ReportError(f"the baseline {path} is no report: {error}") from None
    environment = report.environment
    digest = hashlib.sha256(data).hexdigest()
    version, started = environment.version, environment.started
    return report, Baseline(file=str(path), digest=digest, version=version, started=started)


def require_mode(mode: str, earlier: Report, baseline: Baseline) -> None:
    """Raises `BaselineError` where a run of that mode could not be held against the earlier one:
    better before hours of work than after."""
    if mode != earlier.mode:
        raise BaselineError(
            f"the baseline {baseline.file} was measured in mode {earlier.mode}, this run is in "
            f"mode {mode}: use the same mode, or make a new baseline"
        )


def held_against(report: Report, earlier: Report, baseline: Baseline) -> Report:
    """The report with a row for each figure of the earlier one.

    Args:
        report: What was found now.
        earlier: What was found then; its own baseline's rows are ignored.
        baseline: As `read` gives it.

    Raises:
        BaselineError: The two were measured on other cases.
    """
    if report.coverage.digest != earlier.coverage.digest:
        raise BaselineError(
            f"the baseline {baseline.file} was measured on other cases (mode {earlier.mode}, this "
            f"run {report.mode}): use the same mode, or make a new baseline"
        )
    rows = (*_fidelity(report, earlier), *_speed(report, earlier), *_gone(report, earlier))
    notes = tuple(_notes(report, earlier))
    return replace(report, rows=report.rows + rows, baseline=replace(baseline, notes=notes))


def _figures(report: Report) -> dict[Key, Row]:
    """What was measured, of each key the worst."""
    found: dict[Key, Row] = {}
    for row in report.rows:
        if row.outcome != "measured" or row.was is not None:
            continue
        other = found.get(row.key)
        worse = other and (row.value < other.value) == row.at_least
        if other is None or worse:
            found[row.key] = row
    return found


def _fidelity(report: Report, earlier: Report) -> Iterator[Row]:
    """All but speed, of which only ratios say anything."""
    tiers = {subject.name: subject.tier for subject in report.subjects}
    before = _figures(earlier)
    for key, row in _figures(report).items():
        if row.level != "speed" and key in before:
            was = before[key].value
            noise = max(row.noise, before[key].noise)
            limit = allowed(row, was, tier=tiers.get(row.artifact, ""))
            limit += -noise if row.at_least else noise
            yield replace(row, was=was, limit=limit, reason="")


def allowed(row: Row, was: float, *, tier: str) -> float:
    """The worst that noise makes of a figure that was `was`."""
    if row.level in ("manifest", "weights"):
        return was
    if row.level == "size":
        return was * (1 + SIZE_SHARE)
    noise = FINE if row.runtime in FINE_RUNTIMES and tier != "w8a8" else COARSE
    if row.unit == "dB":
        return _summed(was, noise.decibels)
    if row.level == "set":
        slack = SET_PICTURES / max(row.count, 1) * max(1.0, abs(was))
    else:
        slack = noise.absolute.get(row.metric.removeprefix("median_"), 0.0)
    return was - slack if row.at_least else was + slack


def _summed(first: float, second: float) -> float:
    """Decibels of two errors that add in amplitude."""
    neper = -math.log(10) / 20
    both = float(np.logaddexp(first * neper, second * neper) / neper)
    return min(first, both)  # never above by a rounding


def _speed(report: Report, earlier: Report) -> Iterator[Row]:
    """Ratios to PyTorch in the same run, on the same machine with as many threads only."""
    if _machine(report) != _machine(earlier):
        return
    now, then = _costs(report), _costs(earlier)
    for key, cost in now.items():
        before = then.get(key)
        if cost.runtime == REFERENCE_RUNTIME or before is None:
            continue
        if before.ratio is None or cost.ratio is None:
            continue
        spread = sum(_spread(costs, key) for costs in (now, then))
        yield Row(
            artifact=cost.artifact,
            level="speed",
            runtime=cost.runtime,
            component=cost.component,
            metric="ratio",
            value=cost.ratio,
            limit=before.ratio * (1 + SPEED_SHARE + spread),
            at_least=False,
            count=len(cost.warm),
            where=Where(detail=f"{cost.avatars} avatars" if cost.avatars else ""),
            was=before.ratio,
        )


def _costs(report: Report) -> dict[Key, Cost]:
    return {(c.artifact, c.runtime, c.component, str(c.avatars)): c for c in report.costs}


def _spread(costs: dict[Key, Cost], key: Key) -> float:
    """How far calls of a runtime and of PyTorch lie apart, in shares of their medians."""
    artifact, _, *rest = key
    both: list[Cost | None] = [costs[key]]
    both += [costs.get((name, REFERENCE_RUNTIME, *rest)) for name in (artifact, "")]
    warm = [cost.warm for cost in both if cost and len(cost.warm) > 1]
    return sum((max(calls) - min(calls)) / (statistics.median(calls) or 1.0) for calls in warm)


def _machine(report: Report) -> tuple[str, int, int]:
    environment = report.environment
    return environment.processor, environment.cores, environment.threads


def _gone(report: Report, earlier: Report) -> Iterator[Row]:
    """A row for each runtime of an artifact that lacks figures it had."""
    now, groups = _figures(report), dict[Key, list[Row]]()
    for row in _figures(earlier).values():
        groups.setdefault((row.artifact, row.runtime), []).append(row)
    for rows in groups.values():
        lost = [row for row in rows if row.key not in now]
        if lost:
            names = ", ".join(dict.fromkeys(f"{row.component} {row.metric}" for row in lost[:3]))
            names += f" and {len(lost) - 3} more" if len(lost) > 3 else ""
            yield replace(
                lost[0],
                component=RUN,
                metric="figures",
                unit="",
                value=float(len(rows) - len(lost)),
                typical=None,
                limit=float(len(rows)),
                at_least=True,
                count=len(rows),
                where=Where(),
                noise=0.0,
                reason=f"measured in the baseline, not in this run: {names}",
                was=float(len(rows)),
            )


def _notes(report: Report, earlier: Report) -> Iterator[str]:
    """What is not the same in the two, a sentence each."""
    then, now = earlier.environment, report.environment
    if then.version != now.version:
        yield f"the baseline is of version {then.version}, this is {now.version}"
    if _machine(report) != _machine(earlier):
        yield (
            f"the baseline is of another machine ({_said(then.processor, then.cores, then.threads)}"
            f"; here {_said(now.processor, now.cores, now.threads)}): speed is not compared"
        )
    before = {subject.name: subject for subject in earlier.subjects}
    for subject in report.subjects:
        if subject.name in before:
            yield from _changes(before.pop(subject.name), subject)
        else:
            yield f"{subject.name} is not in the baseline"
    yield from (f"{name} of the baseline was not evaluated" for name in before)


def _said(processor: str, cores: int, threads: int) -> str:
    return f"{processor}, {cores} cores, {threads} threads"


def _changes(then: Subject, now: Subject) -> Iterator[str]:
    for name in ("format", "tier", "gates", "version"):
        old, new = getattr(then, name), getattr(now, name)
        if old != new:
            yield f"{now.name}: the baseline has {name} {old}, this has {new}"
    for name in ("checkpoint", "recipe"):
        old, new = (getattr(subject, name) or "none" for subject in (then, now))
        if old != new:
            yield f"{now.name}: another {name} than the baseline's ({old[:12]}, now {new[:12]})"
    for option in sorted(dict(then.options.items() ^ now.options.items())):
        yield f"{now.name}: option {option} is not the baseline's"
