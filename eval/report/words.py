"""A report in words, which are the same on the terminal, on the page and in JUnit XML."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import get_args

from eval.metrics import metric as described
from eval.schema import Cost, Coverage, LayerSearch, Level, Report, Row, Verdict
from support.sizes import size

LEVELS: tuple[str, ...] = get_args(Level)
VERDICTS: tuple[Verdict, ...] = ("failed", "not run", "passed", "shown")
"""In the order in which they are shown."""

_LONGEST = 9
"""The most digits that are shown of a figure."""


def cases(coverage: Coverage) -> str:
    """What artifacts were tried on: "2 people, 8 styles and 1 whole run"."""
    counts = (
        (len(coverage.prompts), "prompt", "prompts"),
        (len(coverage.people), "person", "people"),
        (len(coverage.styles), "style", "styles"),
        (coverage.runs, "whole run", "whole runs"),
    )
    parts = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    return " and ".join((", ".join(parts[:-1]), *parts[-1:])) if parts[1:] else "".join(parts)


def metric(name: str) -> str:
    """The label of a metric: "median PSNR" for `median_psnr`."""
    return described(name).label


def drawn(cost: Cost) -> str:
    """What was drawn while it was timed."""
    return "one picture" if cost.avatars == 1 else f"set of {cost.avatars}"


def unit(name: str) -> str:
    """The unit of a metric; empty for plain numbers."""
    return described(name).unit


def figure(value: float, unit: str = "", digits: int = 3) -> str:
    """A value with its unit, for people: "52.4 dB", "13.98 MB", "8.41 ms", "∞"."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if unit == "bytes":
        return size(round(value)) if digits <= 3 else f"{value:,.0f} bytes"
    if unit == "s":
        small = abs(value) < 1
        return f"{_number(value * 1000 if small else value, digits)} {'ms' if small else 's'}"
    if unit == "dB":
        return f"{value:.{digits - 2}f} dB"
    return f"{_number(value, digits)} {unit}".strip()


def _number(value: float, digits: int) -> str:
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value)}"
    if 0.9 < abs(value) < 1:  # of a value near 1, the difference to 1 matters
        digits += int(-math.log10(1 - abs(value)))
    return f"{value:.{min(digits, _LONGEST)}g}"


def measured(row: Row) -> tuple[str, str]:
    """Value and limit, with as many digits as are needed to tell them apart; "" for no limit."""
    if row.limit is None:
        return figure(row.value, row.unit), ""
    for digits in range(3, _LONGEST + 1):
        pair = figure(row.value, row.unit, digits), figure(row.limit, row.unit, digits)
        if pair[0] != pair[1] or row.value == row.limit:
            break
    return pair


def required(row: Row) -> str:
    """The gate in words: "at least 45.0 dB"; "" where there is none."""
    if row.limit is None:
        return ""
    return f"{'at least' if row.at_least else 'at most'} {measured(row)[1]}"


def subject(row: Row) -> str:
    """Component and runtime: "denoiser in onnxruntime"."""
    return f"{row.component} in {row.runtime}" if row.runtime else row.component


def line(text: str) -> str:
    r"""The text as one line for any terminal; control characters are spelt out, such as `\x1b`."""
    joined = " ".join(text.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in joined)


def against(row: Row) -> str:
    """What the artifact was compared with; "" where nothing is compared."""
    if row.metric == "figures" or row.level in ("size", "speed", "manifest"):
        return ""
    return {"reference": "the reference", "checkpoint": "the quantized checkpoint"}[row.against]


def sentence(row: Row) -> str:
    """A row in one line."""
    return f"{row.level}: {subject(row)}{finding(row)}"


def finding(row: Row) -> str:
    """A row without its subject: ": PSNR 21.4 dB, required at least 50.0 dB", " crashed: …"."""
    if row.outcome != "measured":
        verb = "crashed" if row.outcome == "crashed" else "was not run"
        return f" {verb}: {line(row.reason)}"
    text = f": {metric(row.metric)} {measured(row)[0]}"
    text += f", required {required(row)}" if row.limit is not None else ""
    text += f", against {against(row)}" if against(row) else ""
    text += f"; was {figure(row.was, row.unit)} in the baseline" if row.was is not None else ""
    return text + (f" ({line(row.reason)})" if row.reason else "")


def findings(rows: Sequence[Row]) -> list[str]:
    """A line for each row of one subject; a baseline's gate joins the tier's gate of its metric."""
    was = {row.metric: row for row in rows if row.was is not None}
    lines = []
    for row in rows:
        twin = was.get(row.metric)
        if row.was is None and twin and twin.was is not None:
            was.pop(row.metric)
            then = figure(twin.was, row.unit)
            lines.append(f"{finding(row)}; was {then} in the baseline")
        elif row.was is None or row.metric in was:
            lines.append(finding(row))
    return [text.lstrip(" :") for text in lines]


def ordered(rows: Iterable[Row]) -> list[Row]:
    """Failed rows first, then by level: the nearer a fault's cause, the earlier."""
    return sorted(rows, key=lambda row: (VERDICTS.index(row.verdict), LEVELS.index(row.level)))


def search_of(report: Report, row: Row) -> LayerSearch | None:
    """The comparison of layers that tells where this row's component first goes wrong."""
    for search in report.searches:
        searched = (search.artifact, search.runtime, search.component, search.against)
        if searched == (row.artifact, row.runtime, row.component, row.against) and search.first:
            return search
    return None


def first_wrong(search: LayerSearch) -> str:
    """The layer in words: "first goes wrong in mid.attention, SNR 3.1 dB"."""
    return f"first goes wrong in {search.first}, SNR {figure(search.snr, 'dB')}"


def failures(report: Report) -> list[list[Row]]:
    """Failed rows, grouped by subject, the most telling level first; in a group, the tier's gates
    come before the baseline's."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in sorted(ordered(report.failures), key=lambda row: row.was is not None):
        key = (row.artifact, row.level, row.runtime, row.component, row.against)
        groups.setdefault(key, []).append(row)
    return sorted(groups.values(), key=lambda group: LEVELS.index(group[0].level))


def anchor(report: Report, row: Row) -> str:
    """The anchor of a failed row on the page: the number of its group."""
    number = next(i for i, group in enumerate(failures(report), 1) if row in group)
    return f"failed-{number}"


def clues(report: Report, row: Row, page: str = "") -> list[str]:
    """Where to look for the cause of a failed row: its worst case, the layer, and the page."""
    lines = [f"worst case: {row.where}"] if str(row.where) else []
    if search := search_of(report, row):
        lines.append(first_wrong(search))
    return lines + ([f"look at {page}#{anchor(report, row)}"] if page else [])


def summary(report: Report) -> str:
    """The outcome in words: "3 of 58 gates failed, 1 crash, 2 not run on this machine"."""
    counts = {verdict: 0 for verdict in VERDICTS}
    for row in report.rows:
        counts[row.verdict] += 1
    crashed = sum(row.outcome == "crashed" for row in report.rows)
    failed = counts["failed"] - crashed
    gates = failed + counts["passed"]
    parts = [f"{failed} of {gates} gates failed" if failed else f"{_many(gates, 'gate')} passed"]
    parts += [_many(crashed, "crash")] if crashed else []
    parts += [f"{counts['not run']} not run on this machine"] if counts["not run"] else []
    return ", ".join(parts + [f"nothing was proven about {name}" for name in unproven(report)])


def unproven(report: Report) -> list[str]:
    """Artifacts of which no gate passed and none failed, so that nothing is known about them."""
    judged = {row.artifact for row in report.rows if row.verdict in ("passed", "failed")}
    return [subject.name for subject in report.subjects if subject.name not in judged]


def _many(count: int, thing: str) -> str:
    plural = "es" if thing.endswith("sh") else "s"
    return f"{count} {thing}{'' if count == 1 else plural}"
