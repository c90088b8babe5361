from __future__ import annotations

import base64
import html
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval import Report, ReportError, page
from tests.eval import reports

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
EVIL = "\"><script>alert('x')</script><img src=x onerror=alert(1)>$a_{$"


class Elements(HTMLParser):
    """Every element with its attributes, and the visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    folder = tmp_path_factory.mktemp("passing")
    return reports.passing(folder), folder


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    folder = tmp_path_factory.mktemp("failing")
    return reports.failing(folder), folder


def test_the_verdict_stands_on_top(
    passing: tuple[Report, Path], failing: tuple[Report, Path]
) -> None:
    good = Elements(page.render(*passing)).text
    assert good.index("Passed") < good.index("Side by side")
    assert "gates passed, 1 not run on this machine" in good
    bad = Elements(page.render(*failing)).text
    assert bad.index("Failed") < bad.index("What fell") < bad.index("Side by side")
    assert "1 crash" in bad and "first goes wrong in mid.attention.to_out" in bad
    assert "worst case: person 13, 3 selfies, micah" in bad


def test_nothing_is_loaded_from_elsewhere(failing: tuple[Report, Path]) -> None:
    text = page.render(*failing)
    elements = Elements(text).found
    assert not {"script", "link", "iframe", "object", "embed", "base"} & {t for t, _ in elements}
    loaded = [
        value
        for tag, attributes in elements
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster")
    ]
    assert loaded and all(value and value.startswith(("data:image/png", "#")) for value in loaded)
    assert all(place.startswith("#") for place in re.findall(r"url\(\s*['\"]?([^)]+)", text))
    assert "@import" not in text and 'http-equiv="Content-Security-Policy"' in text


def test_names_are_text_never_html(failing: tuple[Report, Path]) -> None:
    report, folder = failing
    evil = Report.parse(report.dump())
    names = {"artifact": EVIL, "runtime": EVIL, "component": EVIL}
    evil = replace(
        evil,
        mode=EVIL,
        environment=replace(evil.environment, libraries={EVIL: EVIL}, system=EVIL),
        subjects=tuple(
            replace(s, name=EVIL, gates=EVIL, options={EVIL: EVIL}) for s in evil.subjects
        ),
        rows=tuple(replace(row, reason=EVIL, **names) for row in evil.rows),
        series=tuple(replace(entry, **names) for entry in evil.series),
        searches=tuple(replace(s, first=s.first, note=EVIL, **names) for s in evil.searches),
        costs=tuple(replace(cost, **names) for cost in evil.costs),
        comparisons=tuple(
            replace(c, artifact=EVIL, runtime=EVIL, metrics={EVIL: 1.0}) for c in evil.comparisons
        ),
    )
    text = page.render(evil, folder)
    elements = Elements(text).found
    assert "script" not in {tag for tag, _ in elements}
    assert not [a for _, attributes in elements for a in attributes if a.startswith("on")]
    assert html.escape(EVIL, quote=False).split("$")[0][2:20] in text.replace("&#34;", '"')


def test_every_picture_has_its_words(failing: tuple[Report, Path]) -> None:
    elements = Elements(page.render(*failing)).found
    pictures = [attributes for tag, attributes in elements if tag == "img"]
    assert len(pictures) == 12 and all((a["alt"] or "").count(":") for a in pictures)
    plots = [attributes for _, attributes in elements if attributes.get("role") == "img"]
    assert plots and all(attributes["aria-label"] for attributes in plots)
    drawn = [attributes for tag, attributes in elements if tag == "svg"]
    assert len(drawn) == len(plots) and all(a["aria-hidden"] == "true" for a in drawn)


def test_pictures_are_the_files(failing: tuple[Report, Path]) -> None:
    report, folder = failing
    text = page.render(report, folder)
    for entry in report.comparisons:
        for path in (entry.reference, entry.test, entry.difference):
            assert base64.b64encode((folder / path).read_bytes()).decode() in text


def test_a_lost_picture_is_said_and_a_strange_one_refused(
    failing: tuple[Report, Path], tmp_path: Path
) -> None:
    report, _ = failing
    assert "no picture" in page.render(report, tmp_path)
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (first, *rest) = report.comparisons
    outside = replace(report, comparisons=(replace(first, test="../secret.png"), *rest))
    with pytest.raises(ReportError, match="outside of its folder"):
        page.render(outside, tmp_path / "inside")
    (tmp_path / "inside" / "note.png").write_bytes(b"no picture at all")
    strange = replace(report, comparisons=(replace(first, test="note.png"), *rest))
    with pytest.raises(ReportError, match="no PNG file"):
        page.render(strange, tmp_path / "inside")


def test_links_lead_somewhere_and_names_are_unique(failing: tuple[Report, Path]) -> None:
    elements = Elements(page.render(*failing)).found
    names = [a["id"] for _, a in elements if a.get("id")]
    assert len(names) == len(set(names))
    links = [a["href"] for tag, a in elements if tag == "a"]
    assert links and all(link and link[1:] in names for link in links)
    labels = [a["aria-labelledby"] for _, a in elements if "aria-labelledby" in a]
    assert all(label in names for label in labels)


def test_fallen_gates_come_first_in_the_table(failing: tuple[Report, Path]) -> None:
    text = page.render(*failing)
    table = text[text.index('id="gates"') :]
    verdicts = re.findall(r'<tr class="(failed|not-run|passed)"', table)
    assert verdicts == sorted(verdicts, key=["failed", "not-run", "passed"].index)
    assert verdicts.count("failed") == len(failing[0].failures)


def test_equal_reports_give_equal_pages(failing: tuple[Report, Path]) -> None:
    report, folder = failing
    assert page.render(report, folder) == page.render(Report.parse(report.dump()), folder)
    path = page.write(report, folder)
    assert path.read_text(encoding="utf-8") == page.render(report, folder)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here to look at the page with")
@pytest.mark.parametrize("width", [420, 1300])
def test_a_browser_never_scrolls_sideways(
    failing: tuple[Report, Path], tmp_path: Path, width: int
) -> None:
    """In a frame of that width; a script beside it writes down how wide the page became."""
    frame = html.escape(page.render(*failing))
    script = "document.title = document.querySelector('iframe').contentDocument.documentElement"
    (tmp_path / "frame.html").write_text(
        f"<iframe width={width} height=900 style='border:0' srcdoc=\"{frame}\"></iframe>"
        f"<script>onload = () => {{ {script}.scrollWidth }}</script>",
        encoding="utf-8",
    )
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000"]
    command.append((tmp_path / "frame.html").as_uri())
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    found = re.search(r"<title>(\d+)</title>", dom)
    assert found and int(found[1]) <= width
