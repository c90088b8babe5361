"""The report on tiny models and people: its figures, its cache, its tables and its page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from avatar.judge import Judge
from avatar.model import AvatarPipeline
from avatar.people import STYLES
from distillation.data import MadeUpPeople
from distillation.errors import RunError
from distillation.report import (
    AvatarGenerator,
    Report,
    Target,
    avatar_table,
    comparison,
    make_report,
    read_report,
    report_tables,
    targets,
    worst,
    write_page,
    write_report,
)


def test_avatars_follow_seeds_and_not_batches(
    report_people: MadeUpPeople, pipelines: tuple[AvatarPipeline, AvatarPipeline]
) -> None:
    student = pipelines[1]
    generator = AvatarGenerator(student, report_people, student.sampler.table(), selfies=2)
    generated = generator.generate(np.arange(5))
    first = report_people.drawings[3]
    selfies = report_people.selfies[first.person, :2].astype(np.float32) / 255
    alone = student(selfies, first.style, [3])
    np.testing.assert_allclose(generated[3], alone[0], atol=1e-4)


def test_drawings_of_one_person_in_one_style_are_numbered(report_people: MadeUpPeople) -> None:
    table = avatar_table(report_people)
    for number in np.unique(table.sets):
        assert table.repeats[table.sets == number].tolist() == [0, 1]


def test_every_model_and_number_of_selfies_is_there(made: Report) -> None:
    assert [(e.name, e.steps) for e in made.models] == [
        ("teacher", 32),
        ("student", 1),
        ("student", 2),
        ("student", 4),
    ]
    assert [e.calls for e in made.models] == [64, 1, 2, 4]
    assert [e.selfies for e in made.curve] == [1, 3, 5, 10]
    assert made.drawn.frechet == pytest.approx(0, abs=1e-5) and made.floor > 0
    likeness = [made.likeness[row] for row in worst(made, 5)]
    assert likeness == sorted(made.likeness)[:5]


def test_what_was_sampled_is_not_sampled_again_for_another_judge_either(
    made: Report,
    pipelines: tuple[AvatarPipeline, AvatarPipeline],
    judge: Judge,
    report_people: MadeUpPeople,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def latents(self: AvatarGenerator, rows: np.ndarray) -> np.ndarray:
        raise AssertionError("everything has been sampled")

    with monkeypatch.context() as patch:
        patch.setattr(AvatarGenerator, "latents", latents)
        patch.setattr(comparison, "median_seconds", lambda *_: 1.0)  # its pictures are not cached
        again = make_report(*pipelines, judge, report_people, cache)
        assert again.drawn == made.drawn
        assert [e.scores for e in again.models] == [e.scores for e in made.models]
        other = Judge(**{**judge.config, "feature_width": 4}).eval()
        judged = make_report(*pipelines, other, report_people, cache)
        assert judged.drawn != made.drawn
        with pytest.raises(AssertionError, match="has been sampled"):
            make_report(pipelines[1], pipelines[0], judge, report_people, cache)


def test_the_figures_are_kept_for_the_model_card(made: Report, tmp_path: Path) -> None:
    write_report(made, tmp_path)
    kept = read_report(tmp_path)
    assert kept["drawn"]["accuracy"] == made.drawn.accuracy and kept["people"] == 3
    assert len(kept["targets"]) == len(targets(made))
    assert json.loads(json.dumps(kept)) == kept
    with pytest.raises(RunError, match="distillation report"):
        read_report(tmp_path / "elsewhere")


@pytest.mark.parametrize(("measured", "at_most", "holds"), [(2, True, False), (2, False, True)])
def test_a_target_is_a_bound_on_one_side(measured: float, at_most: bool, holds: bool) -> None:
    assert Target(what="", measured=measured, wanted=1, at_most=at_most).holds == holds
    assert Target(what="", measured=1, wanted=1, at_most=at_most).holds


def test_tables_name_models_and_groups(made: Report) -> None:
    figures, groups, aims = report_tables(made)
    assert figures.row_count == 1 + 4 + 4 and aims.row_count == len(targets(made))
    assert groups.row_count == 2 * (1 + 4)


class Outline(HTMLParser):
    """Collects the pictures of a page, and counts its scripts."""

    VOID = ("meta", "img", "path", "use")

    def __init__(self) -> None:
        super().__init__()
        self.pictures: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        if tag == "img":
            self.pictures.append(dict(attrs)["src"] or "")


def test_the_page_shows_everything_and_needs_no_other_file(
    made: Report,
    pipelines: tuple[AvatarPipeline, AvatarPipeline],
    report_people: MadeUpPeople,
    tmp_path: Path,
) -> None:
    text = write_page(made, *pipelines, report_people, tmp_path).read_text()
    outline = Outline()
    outline.feed(text)
    # Three people: selfies, drawings and four models of each; then the worst.
    assert len(outline.pictures) == 3 * 6 + 16 and not outline.scripts
    assert all(source.startswith("data:image/png;base64,") for source in outline.pictures)
    assert text.count("<svg") == 3 and "currentColor" in text
    for style in {STYLES[report_people.drawings[row].style].name for row in worst(made, 16)}:
        assert style in text
