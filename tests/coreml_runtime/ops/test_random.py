"""Tests that random ops follow the documented distributions and that seeds repeat."""

import pytest
import torch

SHAPE = (40, 50, 10)


def test_uniform(run_op) -> None:
    values = run_op("random_uniform", shape=SHAPE, low=-2.0, high=3.0, seed=7)
    assert values.shape == SHAPE and values.min() >= -2 and values.max() < 3
    ordered = (values.flatten().sort().values + 2) / 5
    ideal = (torch.arange(values.numel()) + 0.5) / values.numel()
    assert (ordered - ideal).abs().max() < 1.63 / values.numel() ** 0.5  # Kolmogorov-Smirnov, 1 %


def test_normal(run_op) -> None:
    values = run_op("random_normal", shape=SHAPE, mean=1.0, stddev=2.0, seed=7)
    ordered = torch.special.ndtr((values.flatten().sort().values - 1) / 2)
    ideal = (torch.arange(values.numel()) + 0.5) / values.numel()
    assert (ordered - ideal).abs().max() < 1.63 / values.numel() ** 0.5


@pytest.mark.parametrize("prob", [0.0, 0.3, 1.0])
def test_bernoulli(run_op, prob: float) -> None:
    values = run_op("random_bernoulli", shape=SHAPE, prob=prob, seed=7)
    assert set(values.unique().tolist()) <= {0.0, 1.0}
    assert float(values.mean()) == pytest.approx(prob, abs=0.02)


@pytest.mark.parametrize("mode", ["logits", "probs"])
def test_categorical(run_op, mode: str) -> None:
    probabilities = torch.tensor([[[0.1, 0.2, 0.7]], [[0.5, 0.5, 0.0]]])
    x = probabilities.log() if mode == "logits" else probabilities
    values = run_op("random_categorical", x=x, mode=mode, size=20_000, seed=7)
    assert values.shape == (2, 1, 20_000)
    for row in range(2):
        found = torch.bincount(values[row, 0], minlength=3) / 20_000
        assert torch.allclose(found, probabilities[row, 0], atol=0.02)


def test_seeds_repeat_and_no_seed_does_not(run_op) -> None:
    first, again, other, free, freer = (
        run_op("random_normal", shape=(8,), seed=seed) for seed in (3, 3, 4, -1, -1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other) and not torch.equal(free, freer)


def test_without_a_seed_torchs_generator_is_used(run_op) -> None:
    torch.manual_seed(5)
    first = run_op("random_uniform", shape=(8,))
    torch.manual_seed(5)
    assert torch.equal(first, run_op("random_uniform", shape=(8,)))
