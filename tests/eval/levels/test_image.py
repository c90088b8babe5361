from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from eval.cases import Ask, Shown
from eval.drawing import Drawn
from eval.gates import of_tier
from eval.levels.image import Laws, compare
from eval.tally import Scope, Tally

ASK = Ask(shown=Shown.first(50_000, 4), style="lorelei", seed=3, steps=2)
SCOPE = Scope(artifact="an-artifact", level="image", runtime="onnx", gates=of_tier("fp16"))
SHAPE = (1, 4, 32, 32)

Picture = Callable[[Ask], np.ndarray]


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((1, 3, 16, 16))


def right(ask: Ask) -> np.ndarray:
    """Of the set of selfies, wherever they are, and the seed."""
    return (noise(len(ask.shown.places)) + noise(ask.seed)) / 2


def first_selfie_only(ask: Ask) -> np.ndarray:
    return (noise(ask.shown.places[0]) + noise(ask.seed)) / 2


def same_for_all_seeds(ask: Ask) -> np.ndarray:
    return noise(len(ask.shown.places))


class Made:
    """Draws what it is told to, as a model and as the truth."""

    latent_shape = SHAPE

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    def draw(self, ask: Ask, latent_shape: tuple[int, ...]) -> Drawn:
        assert latent_shape == SHAPE
        return self.drawn(ask)

    def drawn(self, ask: Ask) -> Drawn:
        return Drawn(tokens=np.zeros((1, 8, 4)), latents=(), avatar=self.picture(ask))


def laws(picture: Picture) -> dict[str, float]:
    rows = Laws.of((ASK,), 1).rows(Tally(SCOPE), Made(picture), Made(right))  # type: ignore[arg-type]
    return {row.metric: row.value for row in rows}


def test_a_right_model_obeys_all_laws() -> None:
    found = laws(right)
    assert found["order_psnr"] == found["mask_psnr"] == np.inf and found["seed_effect"] == 1


def test_order_and_places_that_matter_are_seen() -> None:
    found = laws(first_selfie_only)
    assert found["order_psnr"] < 30 and found["mask_psnr"] < 30 and found["seed_effect"] == 1


def test_a_seed_without_effect_is_seen() -> None:
    found = laws(same_for_all_seeds)
    assert found["seed_effect"] == 0 and found["order_psnr"] == np.inf


def test_a_picture_that_is_no_number_obeys_no_law() -> None:
    found = laws(lambda ask: right(ask) * np.nan)
    assert found["order_psnr"] == found["mask_psnr"] == -np.inf and found["seed_effect"] == 0


def test_laws_are_tried_where_selfies_have_an_order_and_a_place_is_free() -> None:
    asks = tuple(Ask(shown=Shown.first(1, n), style="lorelei", seed=n, steps=2) for n in range(11))
    assert [len(ask.shown.places) for ask in Laws.of(asks, 20).asks] == [*range(3, 10)]
    assert len(Laws.of(asks, 2).asks) == 2


@pytest.mark.parametrize(("byte_images", "alike"), [(True, True), (False, False)])
def test_a_runtime_that_gives_bytes_is_held_against_bytes(byte_images: bool, alike: bool) -> None:
    expected = noise(0).astype(np.float32)
    got = np.floor(expected * 255 + 0.5) / np.float32(255)
    assert (compare(expected, got, byte_images=byte_images)["psnr"] == np.inf) == alike
