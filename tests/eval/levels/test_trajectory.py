from __future__ import annotations

import numpy as np
import pytest

from components.metrics import psnr, snr
from eval.levels.trajectory import compare
from eval.reference import RecordedRun

RNG = np.random.default_rng(0)
STEPS = tuple(RNG.standard_normal((1, 4, 8, 8)) for _ in range(3))


def drawn(*latents: np.ndarray) -> RecordedRun:
    return RecordedRun(latents=latents, picture=np.zeros((1, 3, 16, 16)))


def test_each_step_is_compared_with_its_own() -> None:
    got = (STEPS[0], STEPS[1] + 0.01, STEPS[2] * 1.1)
    found = compare(drawn(*STEPS), drawn(*got))
    peaks = [float(np.abs(step).max()) for step in STEPS]
    expected = [psnr(a, b, peak=p) for a, b, p in zip(STEPS, got, peaks, strict=True)]
    assert found["psnr"] == pytest.approx(expected) and found["psnr"][0] == np.inf
    assert found["snr"] == pytest.approx([snr(a, b) for a, b in zip(STEPS, got, strict=True)])
    assert found["snr"][2] == pytest.approx(20)


@pytest.mark.parametrize(
    "got",
    [STEPS[:2], (*STEPS[:2], STEPS[2][:, :2]), (*STEPS[:2], STEPS[2] * np.nan)],
    ids=["missing", "of another shape", "no number"],
)
def test_a_step_that_is_not_there_scores_the_worst(got: tuple[np.ndarray, ...]) -> None:
    found = compare(drawn(*STEPS), drawn(*got))
    assert np.all(found["psnr"][:2] == np.inf)
    assert found["psnr"][2] == found["snr"][2] == -np.inf
