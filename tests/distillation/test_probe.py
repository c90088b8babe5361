"""The probe's arithmetic against hand-computed values."""

from __future__ import annotations

import pytest
import torch

from distillation.autoencoder import edge_error
from distillation.data import CLASS_COUNTS
from distillation.identity import label_losses
from distillation.probe import NOT_SHOWN, Score, chance
from distillation.scoring import table_of


def test_chance_names_each_styles_commonest_class() -> None:
    styles = torch.tensor([0, 0, 0, 0, 1, 1, 1])
    labels = torch.tensor([2, 2, 5, NOT_SHOWN, 1, 0, 0])
    # Style 0 shows it on three pictures, two of class 2; style 1 on three, two of class 0.
    assert chance(styles, labels) == pytest.approx(4 / 6)


def test_the_way_goes_from_chance_to_the_drawings_score() -> None:
    score = Score(name="glasses", pictures=10, chance=0.5, generated=0.8, drawn=0.9)
    assert score.way == pytest.approx(0.75)


def test_there_is_no_way_where_drawings_are_read_no_better_than_by_chance() -> None:
    score = Score(name="age", pictures=10, chance=0.66, generated=0.65, drawn=0.63)
    assert score.way is None
    (row,) = table_of([score]).columns[-1].cells
    assert row == "–"


def test_edge_error_sees_blur_but_not_a_constant_offset() -> None:
    step = torch.zeros(1, 1, 4, 4)
    step[..., 2:] = 1
    assert edge_error(step + 0.3, step) == pytest.approx(0, abs=1e-6)
    # Flat instead of the step: one of three column differences is wrong by 1, no row difference.
    assert edge_error(torch.zeros_like(step), step) == pytest.approx(1 / 3)


def test_label_losses_of_certain_and_of_undecided_logits() -> None:
    labels = torch.zeros(2, len(CLASS_COUNTS), dtype=torch.long)
    logits = torch.zeros(2, sum(CLASS_COUNTS))
    loss, _ = label_losses(logits, labels)
    expected = torch.tensor(CLASS_COUNTS, dtype=torch.float32).log().mean()
    assert loss == pytest.approx(float(expected), rel=1e-5)
    start = 0
    for count in CLASS_COUNTS:
        logits[:, start] = 50
        start += count
    loss, right = label_losses(logits, labels)
    assert loss < 1e-6 and right == 1
