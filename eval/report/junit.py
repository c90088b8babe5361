"""A report as JUnit XML, for the test views of GitHub, GitLab, Jenkins and the like.

A `testsuite` is an artifact in a runtime, a `testcase` is a gate. A gate that failed is a
`failure`, a runtime that crashed an `error`, and one that this machine does not have is `skipped`.
Figures without a gate are left out. The file is valid by Jenkins' schema (junit-10.xsd), and each
suite also by Ant's (JUnit.xsd of windyroad/JUnit-Schema), which has no attributes at the root.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree

from eval.report import words
from eval.schema import Report, Row

# What XML 1.0, section 2.2, allows, less the carriage return, which parsers read as a newline.
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_OUTCOMES = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def dump(report: Report, page: str = "") -> bytes:
    """The report as XML in UTF-8. Equal reports give equal bytes.

    Args:
        report: The report.
        page: Path of the HTML page, to name it; empty where none was written.
    """
    root = ElementTree.Element("testsuites", {"name": "python -m eval"})
    for number, (key, rows) in enumerate(_suites(report).items()):
        suite = _suite(report, key, rows, page)
        suite.set("id", str(number))
        root.append(suite)
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    seconds = report.environment.seconds
    root.set("time", f"{seconds:.3f}" if 0 <= seconds < math.inf else "0")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _suites(report: Report) -> dict[tuple[str, str], list[Row]]:
    """The rows of each suite. An artifact about which nothing was proven has one without rows."""
    suites: dict[tuple[str, str], list[Row]] = {(s.name, ""): [] for s in report.subjects}
    for row in report.rows:
        if row.verdict != "shown":
            suites.setdefault((row.artifact, row.runtime), []).append(row)
    empty = set(words.unproven(report))
    return {key: rows for key, rows in suites.items() if rows or key[0] in empty}


def _suite(
    report: Report, key: tuple[str, str], rows: Sequence[Row], page: str
) -> ElementTree.Element:
    """A suite, its children in the schema's order. Gates have no times of their own."""
    artifact, runtime = key
    name = _line(f"{artifact} / {runtime or 'files'}")
    suite = ElementTree.Element("testsuite", {"name": name, "package": "eval"})
    suite.set("hostname", "localhost")
    suite.set("timestamp", _timestamp(report.environment.started))
    suite.set("time", "0")
    suite.append(_properties(report, artifact))
    names = set[str]()
    cases = [_case(report, name, row, names, page) for row in rows] or [_unproven(name)]
    suite.extend(cases)
    ElementTree.SubElement(suite, "system-out").text = _clean(words.summary(report))
    ElementTree.SubElement(suite, "system-err")
    suite.set("tests", str(len(cases)))
    for outcome, attribute in _OUTCOMES.items():
        suite.set(attribute, str(len(suite.findall(f"testcase/{outcome}"))))
    return suite


def _case(report: Report, suite: str, row: Row, names: set[str], page: str) -> ElementTree.Element:
    name = _line(_name(row))
    while name in names:  # the views of CI join cases of one name
        name += ", again"
    names.add(name)
    case = _testcase(suite, name)
    if row.verdict == "not run":
        message = words.line(row.reason) or "not run on this machine"
        ElementTree.SubElement(case, "skipped", {"message": message})
    elif row.verdict == "failed":
        crashed, message = row.outcome == "crashed", _clean(words.sentence(row))
        facts = {"type": "crash" if crashed else _line(row.metric), "message": message}
        element = ElementTree.SubElement(case, "error" if crashed else "failure", facts)
        element.text = _clean("\n".join([message, *words.clues(report, row, page)]))
    return case


def _name(row: Row) -> str:
    """The gate without figures, so that its name is the same in every run."""
    name = f"{row.level} {row.component} {words.metric(row.metric)}"
    name += f" against {words.against(row)}" if words.against(row) else ""
    name += f", {row.where.detail}" if row.level == "set" and row.where.detail else ""
    return name + (" (baseline)" if row.was is not None else "")


def _unproven(suite: str) -> ElementTree.Element:
    case = _testcase(suite, "something is proven")
    message = "no gate passed: nothing is known about this artifact"
    ElementTree.SubElement(case, "failure", {"type": "unproven", "message": message})
    return case


def _testcase(suite: str, name: str) -> ElementTree.Element:
    """A test case, whose `classname` has no dots: viewers would take them for packages."""
    facts = {"classname": suite.replace(".", "_"), "name": _line(name), "time": "0"}
    return ElementTree.Element("testcase", facts)


def _properties(report: Report, artifact: str) -> ElementTree.Element:
    facts = {"mode": report.mode, "system": report.environment.system}
    facts["software"] = report.environment.version
    for subject in report.subjects:
        if subject.name == artifact:
            facts |= {"tier": subject.tier, "gates": subject.gates}
            facts |= {"checkpoint": subject.checkpoint, "manifest": subject.manifest}
    made = ElementTree.Element("properties")
    for name, value in facts.items():
        ElementTree.SubElement(made, "property", {"name": name, "value": _clean(value)})
    return made


def _timestamp(started: str) -> str:
    """A time in ISO 8601 without a zone, as the schema requires."""
    try:
        return datetime.fromisoformat(started).strftime("%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return "1970-01-01T00:00:00"


def _line(text: str) -> str:
    """A text as a name: one line, single spaces, never empty."""
    return " ".join(_clean(text).split()) or "?"


def _clean(text: str) -> str:
    r"""The text with what XML cannot hold, such as colour codes, spelt out: `\x1b`."""
    return _NOT_XML.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
