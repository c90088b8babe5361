"""Losses against hand-computed values."""

from __future__ import annotations

import pytest
import torch

from distillation.data import CLASS_COUNTS
from distillation.stages.autoencoder import edge_error
from distillation.stages.identity import label_losses


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
