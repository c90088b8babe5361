"""The judge's training on a few people: its batches, its losses and its ceiling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from avatar.judge import CLASS_COUNTS, Judge
from avatar.people import ATTRIBUTES, DISTRIBUTIONS, STYLES, drawn_labels, sample_identity
from distillation.data import MadeUpPeople
from distillation.errors import RunError
from distillation.pictures import from_pixels
from distillation.report import judge_ceiling, read_ceiling, write_ceiling
from distillation.report.generation import drawing_batches
from distillation.stages.judge import (
    JudgeTask,
    augment_pictures,
    class_probabilities,
    difference_map,
    local_loss,
    sample_twins,
)
from distillation.training import step_rng
from tests.distillation.learning import loss_falls


def test_the_judge_learns_and_its_ceiling_covers_every_kind_of_picture(
    report_people: MadeUpPeople, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    judge = Judge(widths=(4, 4, 4, 8, 8, 8), feature_width=8)
    task = JudgeTask(judge, report_people)
    assert loss_falls(task, task.network, batch=8)
    assert task.grid().size == (256 * 8, 256)
    found = judge_ceiling(judge, report_people)
    assert list(found) == ["drawings", *(style.name for style in STYLES), "selfie"]
    assert "facial_hair" in found["personas"] and "age" not in found["lorelei"]
    for shares in found.values():
        assert all(0 <= share <= 1 for share in shares.values())
    write_ceiling(found, tmp_path)
    assert read_ceiling(tmp_path) == found
    with pytest.raises(RunError, match="distillation judge"):
        read_ceiling(tmp_path / "elsewhere")


def test_half_of_a_batch_are_twins_and_the_others_have_no_local_target(
    judge: Judge, report_people: MadeUpPeople
) -> None:
    drawn = JudgeTask(judge, report_people).sample(step_rng(0, 0), 12)
    assert drawn["images"].shape == (12, 3, 256, 256)
    assert (drawn["changed"] >= 0).tolist() == [False] * 6 + [True] * 6
    assert not drawn["where"][:6].any() and drawn["where"][6:].any()
    pairs = drawn["changed"][6:].unflatten(0, (3, 2))
    assert (pairs[:, 0] == pairs[:, 1]).all()
    for attribute, wanted in zip(
        pairs[:, 0], drawn["wanted"][6:].unflatten(0, (3, 2)), strict=True
    ):
        tables = wanted.split(CLASS_COUNTS, dim=1)
        apart = [i for i, table in enumerate(tables) if not torch.equal(table[0], table[1])]
        assert 1 + int(attribute) in apart


def test_augmented_pictures_keep_their_content(report_people: MadeUpPeople) -> None:
    drawn = torch.cat(list(drawing_batches(report_people.drawings))).float().div(255)
    groups = np.arange(len(drawn))
    changed = augment_pictures(drawn, groups, step_rng(0, 0))
    assert changed.shape == drawn.shape and not torch.equal(changed, drawn)
    # A shift keeps the mean colour; the tint changes it a little.
    np.testing.assert_allclose(changed.mean((2, 3)), drawn.mean((2, 3)), atol=0.1)
    assert torch.equal(augment_pictures(drawn, groups, step_rng(0, 0)), changed)


def test_twins_differ_in_one_label_and_are_augmented_alike() -> None:
    rng = step_rng(3, 0)
    for _ in range(8):
        twins = sample_twins(rng)
        person, twin = twins.people
        changed = [name for name in ATTRIBUTES if person.labels[name] != twin.labels[name]]
        assert changed == [twins.changed] and not np.array_equal(*twins.drawings)
        assert not np.array_equal(
            class_probabilities(person, twins.style), class_probabilities(twin, twins.style)
        )
    same = from_pixels([twins.drawings[0]] * 12)
    groups = np.arange(12) // 2
    together = augment_pictures(same, groups, rng)
    assert torch.equal(together[::2], together[1::2])
    assert not torch.equal(together[0], together[2])


def test_the_difference_map_is_1_where_twins_differ() -> None:
    twins = torch.rand(4, 3, 256, 256)
    twins[1], twins[3] = twins[0], twins[2]
    twins[1, 2, 17, 250] += 0.2  # a pixel in row 2 and column 31 of the positions
    twins[3] += 0.01  # too little to be seen
    found = difference_map(twins)
    expected = torch.zeros(4, 32, 32)
    expected[:2, 2, 31] = 1
    assert torch.equal(found, expected)


def test_the_local_loss_is_of_the_changed_attribute_where_twins_differ() -> None:
    torch.manual_seed(0)
    evidence = torch.randn(3, sum(CLASS_COUNTS), 32, 32)
    wanted = torch.cat([torch.rand(3, n).softmax(1) for n in CLASS_COUNTS], dim=1)
    changed, where = torch.tensor([-1, 2, 7]), (torch.rand(3, 32, 32) < 0.1).float()
    expected = []
    for row in (1, 2):
        part = int(changed[row]) + 1
        logits, table = (
            evidence.split(CLASS_COUNTS, 1)[part][row],
            wanted.split(CLASS_COUNTS, 1)[part],
        )
        there = logits[:, where[row] == 1].T
        expected.append(F.cross_entropy(there, table[row].expand_as(there)))
    found = local_loss(evidence, wanted, changed, where)
    torch.testing.assert_close(found, torch.stack(expected).mean())
    assert float(local_loss(evidence, wanted, torch.full((3,), -1), where)) == 0


@given(st.integers(0, 10**6), st.integers(0, len(STYLES)))
def test_class_probabilities_are_certain_where_shown_and_the_prior_elsewhere(
    seed: int, kind: int
) -> None:
    person = sample_identity(seed)
    tables = np.split(class_probabilities(person, kind), np.cumsum(CLASS_COUNTS)[:-1])
    assert tables[0].argmax() == kind and tables[0].sum() == 1
    shown = person.labels if kind == len(STYLES) else drawn_labels(person, STYLES[kind].name)
    for (name, shares), table in zip(DISTRIBUTIONS.items(), tables[1:], strict=True):
        assert table.sum() == pytest.approx(1)
        prior = np.array(list(shares.values()))
        if name not in shown:
            np.testing.assert_allclose(table, prior, rtol=1e-6)
        else:
            assert table[person.labels[name]] > 0
            alike = table > 0
            np.testing.assert_allclose(table[alike], prior[alike] / prior[alike].sum(), rtol=1e-6)
