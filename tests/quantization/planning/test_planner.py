"""Plans on a tiny model: predictions against runs, budgets kept, and going on after a kill."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import components
from components.metrics import psnr
from quantization.errors import BudgetError
from quantization.planning import Planner, PlanSettings
from quantization.planning.sensitivity import _effect
from quantization.planning.size import LARGE, Effort
from quantization.quantized_pipeline import sizes
from quantization.recipe import Recipe
from quantization.schemes import Palette, parse, quantize
from quantization.targets import Target
from tests.components.tiny import save_tiny_avatar


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_avatar(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="module")
def planner(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Planner:
    cache = tmp_path_factory.mktemp("cache")
    return Planner(checkpoint, PlanSettings(runs=3, checks=2, cache=cache))


def test_a_projections_gradient_predicts_a_small_change(planner: Planner) -> None:
    runs, seed, name = planner.runs, 1, "denoiser.unet.conv_in.weight"
    weight = runs.weights[name]
    step = 1e-3 * np.random.default_rng(0).standard_normal(tuple(weight.shape)).astype(np.float32)
    (gradient,) = runs.gradients(seed, 1)
    there = runs.image(seed, {name: weight.numpy() + step})
    back = runs.image(seed, {name: weight.numpy() - step})
    change = (there - back) / 2  # what is even in the step cancels
    noise = torch.randn(change.shape, generator=torch.Generator().manual_seed(seed)).numpy()
    found = float((change * noise).sum()) / change.size**0.5
    assert found == pytest.approx(float((gradient[name].numpy() * step).sum()), rel=0.05)


def test_one_projection_ranks_weights_as_trying_one_at_a_time_does(planner: Planner) -> None:
    sensitivities, scheme = planner.sensitivities, Palette(bits=4)
    names = [*sensitivities.schemes][::4]
    estimated, exact, reference = [], [], planner.runs.image(0)
    for name in names:
        index = sensitivities.schemes[name].index(scheme)
        estimated.append(sensitivities.effects[name][0, index])
        dense = quantize(planner.runs.weights[name].numpy(), scheme).dense()
        error = planner.runs.image(0, {name: dense}) - reference
        exact.append(float(np.square(error).mean()))
    ranks = [np.argsort(np.argsort(values)) for values in (estimated, exact)]
    assert np.corrcoef(ranks)[0, 1] > 0.9


def test_errors_count_by_output_channel() -> None:
    error, gradient = (
        torch.tensor([[1.0, 2.0], [3.0, -1.0]]),
        torch.tensor([[1.0, 1.0], [2.0, 4.0]]),
    )
    assert _effect(error, gradient) == (1 + 2) ** 2 + (6 - 4) ** 2


def test_a_weights_own_numbers_are_known_while_others_stand_in(planner: Planner) -> None:
    runs, name = planner.runs, "decoder.layers.0.weight"
    own = runs.weights[name].numpy()
    runs.image(0, {name: np.zeros_like(own)})
    np.testing.assert_array_equal(runs.weights[name].numpy(), own)
    runs.image(0)
    np.testing.assert_array_equal(runs.component("decoder").module.layers[0].weight, own)


def test_large_pipelines_get_few_runs() -> None:
    small, large = Effort.of(LARGE - 1), Effort.of(LARGE)
    assert small.runs * small.projections > 10 and small.curve
    assert large.runs * large.projections == 1 and not large.curve


def test_runs_in_fp16_are_what_everything_is_compared_with(planner: Planner) -> None:
    first = planner.runs.image(0)
    np.testing.assert_array_equal(planner.runs.image(0, {}), first)
    coarse = Recipe(pipeline="AvatarPipeline", patterns=(("decoder.*", Palette(bits=2)),))
    quality = planner.meter.measure(coarse)
    decoder = {
        name: quantize(weight.numpy(), Palette(bits=2)).dense()
        for name, weight in planner.runs.weights.items()
        if name.startswith("decoder.")
    }
    pairs = [
        (planner.runs.image(seed), planner.runs.image(seed, decoder))
        for seed in planner.meter.seeds
    ]
    found = [psnr(reference, test, peak=1.0) for reference, test in pairs]
    assert quality.mean == pytest.approx(np.mean(found), abs=1e-6)
    assert quality.worst == pytest.approx(min(found), abs=1e-6)


def test_a_plan_beats_uniform_bits_at_the_same_size(planner: Planner, checkpoint: Path) -> None:
    uniform = planner.uniform(4)
    plan = planner.for_size(uniform.size)
    assert plan.size <= uniform.size
    assert plan.size == sum(sizes(components.load(checkpoint), plan.recipe).values())
    assert plan.quality.mean > uniform.quality.mean + 2
    assert plan.predicted == pytest.approx(plan.quality.mean, abs=6)
    assert Recipe.parse(plan.recipe.dump()) == plan.recipe


def test_a_plan_for_a_quality_reaches_it_and_is_no_larger_than_needed(planner: Planner) -> None:
    wanted = planner.uniform(4).quality.mean
    plan = planner.for_quality(wanted)
    assert plan.quality.mean >= wanted
    assert plan.size < planner.uniform(4).size


def test_impossible_budgets_are_refused(planner: Planner) -> None:
    with pytest.raises(BudgetError, match=r"impossible: for ios16 .* at least"):
        planner.for_size(1000)
    with pytest.raises(BudgetError, match="cannot be reached"):
        planner.for_quality(500)


def test_what_was_measured_is_not_measured_again(planner: Planner, checkpoint: Path) -> None:
    """A second planner finds every run's result, whatever the first one's end was."""
    said: list[tuple[str, int, int]] = []
    expected = planner.uniform(4)
    again = Planner(checkpoint, planner.settings, lambda *what: said.append(what))
    again.runs.gradients = again.runs.image = None  # type: ignore[assignment,method-assign]
    assert said and again.uniform(4) == expected
    for name, effects in planner.sensitivities.effects.items():
        np.testing.assert_array_equal(again.sensitivities.effects[name], effects)


def test_only_schemes_of_the_target_are_planned(checkpoint: Path, tmp_path: Path) -> None:
    planner = Planner(
        checkpoint, PlanSettings(target=Target.IOS18, runs=1, checks=1, cache=tmp_path)
    )
    assert parse("palette-3") in planner.sensitivities.schemes["decoder.layers.0.weight"]
