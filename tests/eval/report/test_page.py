from __future__ import annotations

import base64
import html
import math
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval import Report, ReportError
from eval.report import bars, page, words
from tests.eval.report import reports

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
    assert bad.index("Failed") < bad.index("What failed") < bad.index("Side by side")
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


def test_failed_gates_come_first_in_the_table(failing: tuple[Report, Path]) -> None:
    text = page.render(*failing)
    table = text[text.index('id="gates"') :]
    verdicts = re.findall(r'<tr class="(failed|not-run|passed)"', table)
    assert verdicts == sorted(verdicts, key=["failed", "not-run", "passed"].index)
    assert verdicts.count("failed") == len(failing[0].failures)


def test_every_kind_of_file_has_its_own_size_and_ceiling(passing: tuple[Report, Path]) -> None:
    report, _ = passing
    heavy = tuple(
        replace(row, limit=50e6) if row.runtime == "ort" and row.metric == "bytes" else row
        for row in report.rows
    )
    groups = dict(bars.sizes(replace(report, rows=heavy)))
    onnx, ort = (bar for bar in groups[reports.ONNX] if bar.label.startswith("as shipped"))
    assert (onnx.label, onnx.text) == ("as shipped, onnx", "26.88 MB of 30.00 MB")
    assert (ort.label, ort.text) == ("as shipped, ort", "51.90 MB of 50.00 MB")
    assert ort.failed and not onnx.failed
    assert onnx.limit == pytest.approx(30e6 / 51_904_000) and ort.share == 1.0
    assert ort.limit == pytest.approx(50e6 / 51_904_000)
    without = tuple(row for row in report.rows if row.level != "size")
    last = dict(bars.sizes(replace(report, rows=without)))[reports.ONNX][-1]
    assert (last.label, last.text, last.limit) == ("as shipped", "26.88 MB", None)


def test_equal_reports_give_equal_pages(failing: tuple[Report, Path]) -> None:
    report, folder = failing
    assert page.render(report, folder) == page.render(Report.parse(report.dump()), folder)
    path = page.write(report, folder)
    assert path.read_text(encoding="utf-8") == page.render(report, folder)


BROWSER = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium here to look at the page with"
)


def browsed(text: str, folder: Path, script: str, *, width: int = 1300, dark: bool = False) -> str:
    """The result of a script beside the page, which is in a frame of that width as `page`."""
    scheme = "dark" if dark else "light"
    # a frame prefers the color scheme of the element that it lies in
    (folder / "frame.html").write_text(
        f"<iframe width={width} height=900 style='border:0;color-scheme:{scheme}'"
        f' srcdoc="{html.escape(text)}"></iframe>'
        "<script>onload = () => { const page = document.querySelector('iframe').contentDocument;"
        f" document.title = {script} }}</script>",
        encoding="utf-8",
    )
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=5000"]
    command += [f"--blink-settings=preferredColorScheme={0 if dark else 1}"]
    command.append((folder / "frame.html").as_uri())
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    (found,) = re.findall(r"<title>(.*?)</title>", dom.replace(html.escape(text), ""))
    return found


@BROWSER
@pytest.mark.parametrize("width", [420, 1300])
def test_a_browser_never_scrolls_sideways(
    failing: tuple[Report, Path], tmp_path: Path, width: int
) -> None:
    script = "page.documentElement.scrollWidth"
    assert int(browsed(page.render(*failing), tmp_path, script, width=width)) <= width


COLOURS = """[...page.querySelectorAll("body, header h1, td, small, .clues, a")].map(element => {
  const ink = getComputedStyle(element).color;
  const paper = element => getComputedStyle(element).backgroundColor;
  while (paper(element) === "rgba(0, 0, 0, 0)") element = element.parentElement;
  return ink + " on " + paper(element);
}).join(";")"""
"""For each kind of text on the page, its color and the color below it."""


@BROWSER
def test_text_is_legible_in_light_and_dark(failing: tuple[Report, Path], tmp_path: Path) -> None:
    text = page.render(*failing)
    pairs = {dark: colors(browsed(text, tmp_path, COLOURS, dark=dark)) for dark in (False, True)}
    for dark, found in pairs.items():
        assert min(contrast(*pair) for pair in found) >= 4.5
        ink, paper = map(luminance, found[0])  # the body's
        assert (ink > paper) == dark


def colors(text: str) -> list[tuple[list[float], ...]]:
    """Pairs of `rgb(…) on rgb(…)`, in [0,1]."""
    pairs = (re.findall(r"rgb\(([^)]+)\)", pair) for pair in text.split(";"))
    return [tuple([int(n) / 255 for n in one.split(",")] for one in pair) for pair in pairs]


def luminance(color: list[float]) -> float:
    """Relative luminance of an sRGB color (WCAG 2.2)."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: list[float], other: list[float]) -> float:
    """Contrast ratio in [1,21] (WCAG 2.2, success criterion 1.4.3)."""
    dim, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dim + 0.05)


def test_what_makes_the_page_imports_no_pytorch() -> None:
    """It would take seconds and a quarter of a gigabyte in a process that computes nothing."""
    modules = "eval.report.page, eval.evaluate, eval.workers.processes, eval.gates, eval.request"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_was_not_compared_has_no_plot(failing: tuple[Report, Path]) -> None:
    report, folder = failing
    (search, *_) = report.searches
    unsearched = replace(search, layers=(), first="", snr=math.inf, note="too many weights")
    text = page.render(replace(report, searches=(unsearched,)), folder)
    (figure,) = text.split('<figure class="layers"')[1:]
    assert "Not compared: too many weights." in figure
    assert "<svg" not in figure.partition("</figure>")[0]


def test_cases_are_counted_in_words(failing: tuple[Report, Path]) -> None:
    coverage = failing[0].coverage
    text = replace(coverage, people=(), styles=(), prompts=("a knight",), runs=1)
    assert words.cases(text) == "1 prompt and 1 whole run"
    assert words.cases(replace(text, runs=0)) == "1 prompt"
    avatars = replace(coverage, people=(1, 2), styles=("clay",), prompts=(), runs=3)
    assert words.cases(avatars) == "2 people, 1 style and 3 whole runs"
