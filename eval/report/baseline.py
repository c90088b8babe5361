"""A report compared with an earlier one, the baseline: what got worse beyond noise fails.

Every figure of the baseline becomes a gate. Improvements never fail; a figure that is gone does.
The noise of each metric is in its record, `eval.metrics.Noise`.
"""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from eval.errors import BaselineError, ReportError
from eval.metrics import metric
from eval.report.files import other
from eval.schema import REFERENCE_RUNTIME, RUN, Baseline, Cost, Report, Row, Subject, Where

FINE_RUNTIMES = frozenset({REFERENCE_RUNTIME, "onnx", "ort"})
"""Runtimes that compute in fp32, except for tier w8a8."""

SPEED_SHARE = 0.25
"""Share by which a ratio to PyTorch may grow, besides the spread of the calls themselves."""

Key = tuple[str, ...]


def read(path: Path) -> tuple[Report, Baseline]:
    """Read an earlier report.

    Returns:
        The report, and what another report says about it.

    Raises:
        ReportError: The file cannot be read, or it is no report.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = f"the baseline {path} cannot be read: {error.strerror}"
        raise ReportError(other(path) or reason) from None
    try:
        report = Report.parse(data)
    except ReportError as error:
        reason = f"the baseline {path} is no report: {error}"
        raise ReportError(other(path) or reason) from None
    environment = report.environment
    digest = hashlib.sha256(data).hexdigest()
    version, started = environment.version, environment.started
    return report, Baseline(file=str(path), digest=digest, version=version, started=started)


def require_mode(mode: str, earlier: Report, baseline: Baseline) -> None:
    """Raise `BaselineError` if an evaluation in this mode could not be compared with the baseline.

    It is called before hours of work and not only after.
    """
    if mode != earlier.mode:
        raise BaselineError(
            f"the baseline {baseline.file} was measured in mode {earlier.mode}, this run is in "
            f"mode {mode}: use the same mode, or make a new baseline"
        )


def compared(report: Report, earlier: Report, baseline: Baseline) -> Report:
    """The report with a row for each figure of the baseline.

    Args:
        report: The report of this evaluation.
        earlier: The baseline; rows about its own baseline are ignored.
        baseline: What `read` returned beside it.

    Raises:
        BaselineError: The two were measured on different cases.
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
    """The measured figures by their keys; of several with one key, the worst."""
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
    """Rows of all figures except seconds, of which only ratios can be compared."""
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
    """The worst value that noise alone can make of a figure whose value was `was`."""
    noise = metric(row.metric).noise
    fine = row.runtime in FINE_RUNTIMES and tier != "w8a8"
    amount = noise.fine if fine else noise.coarse
    if row.unit == "dB":
        return _summed(was, amount)
    slack = amount + noise.pictures / max(row.count, 1) * max(1.0, abs(was))
    most = was * (1 + noise.share)
    return most - slack if row.at_least else most + slack


def _summed(first: float, second: float) -> float:
    """The decibels of two errors together, whose amplitudes add at most.

    A figure of `x` dB beside noise of `n` dB may be `-20·log10(10^(-x/20) + 10^(-n/20))`.
    """
    neper = -math.log(10) / 20
    both = float(np.logaddexp(first * neper, second * neper) / neper)
    return min(first, both)  # rounding must not raise it


def _speed(report: Report, earlier: Report) -> Iterator[Row]:
    """Rows of ratios to PyTorch, if both ran on the same machine with as many threads."""
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
    """The spread of the calls of a runtime and of PyTorch, in shares of their medians."""
    artifact, _, *rest = key
    both: list[Cost | None] = [costs[key]]
    both += [costs.get((name, REFERENCE_RUNTIME, *rest)) for name in (artifact, "")]
    warm = [cost.warm for cost in both if cost and len(cost.warm) > 1]
    return sum((max(calls) - min(calls)) / (statistics.median(calls) or 1.0) for calls in warm)


def _machine(report: Report) -> tuple[str, int, int]:
    environment = report.environment
    return environment.processor, environment.cores, environment.threads


def _gone(report: Report, earlier: Report) -> Iterator[Row]:
    """A row for each artifact in a runtime that lacks figures of the baseline."""
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
    """Other differences between the two evaluations, one sentence each."""
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
