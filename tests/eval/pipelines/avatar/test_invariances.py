from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eval.gates import of_tier
from eval.levels import CaseFigures, Scope
from eval.pipelines.avatar import AvatarCase, SelfieSet
from eval.pipelines.avatar.invariances import invariance_runs, invariances
from eval.reference import RecordedRun

RUN_CASE = AvatarCase(selfies=SelfieSet.first(50_000, 4), style="lorelei", seed=3, steps=2)
SCOPE = Scope(artifact="an-artifact", level="image", runtime="onnx", gates=of_tier("fp16"))

Picture = Callable[[AvatarCase], np.ndarray]


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((1, 3, 16, 16))


def right(run: AvatarCase) -> np.ndarray:
    """A picture that depends on the set of selfies, wherever they are, the seed, and the style."""
    return (noise(len(run.selfies.slots)) + noise(run.seed) + noise(len(run.style))) / 3


def first_selfie_only(run: AvatarCase) -> np.ndarray:
    return (noise(run.selfies.slots[0]) + noise(run.seed)) / 2


def same_for_all_styles(run: AvatarCase) -> np.ndarray:
    return noise(run.seed)


def same_for_all_seeds(run: AvatarCase) -> np.ndarray:
    return noise(len(run.selfies.slots))


class Made:
    """Draws given pictures, as a model and as the reference."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    def draw(self, run: AvatarCase) -> RecordedRun:
        return self.recorded(run)

    def recorded(self, run: AvatarCase) -> RecordedRun:
        return RecordedRun(latents=(), picture=self.picture(run))


def figures(picture: Picture) -> dict[str, float]:
    made, reference = Made(picture), Made(right)
    given = (made, reference, ("lorelei", "micah"))
    rows = invariances(CaseFigures(SCOPE), (RUN_CASE,), *given)  # type: ignore[arg-type]
    return {row.metric: row.value for row in rows}


def test_a_right_model_keeps_all_invariances() -> None:
    found = figures(right)
    assert found["order_psnr"] == found["mask_psnr"] == np.inf
    assert found["seed_effect"] == found["style_effect"] == 1


def test_order_and_slots_that_matter_are_seen() -> None:
    found = figures(first_selfie_only)
    assert found["order_psnr"] < 30 and found["mask_psnr"] < 30 and found["seed_effect"] > 1


def test_a_seed_without_effect_is_seen() -> None:
    found = figures(same_for_all_seeds)
    assert found["seed_effect"] == 0 and found["order_psnr"] == np.inf


def test_a_style_without_effect_is_seen() -> None:
    found = figures(same_for_all_styles)
    assert found["style_effect"] == 0 and found["seed_effect"] > 1


def test_a_picture_that_is_no_number_keeps_no_invariance() -> None:
    found = figures(lambda run: right(run) * np.nan)
    assert found["order_psnr"] == found["mask_psnr"] == -np.inf and found["seed_effect"] == 0


def test_invariances_are_tried_where_selfies_have_an_order_and_a_slot_is_free() -> None:
    runs = tuple(
        AvatarCase(selfies=SelfieSet.first(1, n), style="lorelei", seed=n, steps=2)
        for n in range(11)
    )
    assert [len(run.selfies.slots) for run in invariance_runs(runs, 20)] == [*range(3, 10)]
    assert len(invariance_runs(runs, 2)) == 2
