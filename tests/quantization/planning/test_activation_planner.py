"""Choosing layers for W8A8: costs against runs, floors kept, and what is made of it in ONNX."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from components.metrics import psnr
from export.exporter import Request, export
from export.formats import Options
from quantization.errors import BudgetError
from quantization.planning import ActivationPlanner, PlanSettings
from quantization.quantized_pipeline import apply
from quantization.schemes import FLOAT16, INT8
from quantization.targets import Target
from tests.components.tiny import save_tiny_avatar


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_avatar(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> PlanSettings:
    return PlanSettings(
        target=Target.ONNX, runs=1, checks=2, cache=tmp_path_factory.mktemp("cache")
    )


@pytest.fixture(scope="module")
def planner(checkpoint: Path, settings: PlanSettings) -> ActivationPlanner:
    return ActivationPlanner(checkpoint, settings)


def test_multiplications_by_hand(planner: ActivationPlanner) -> None:
    # 8 latent channels to 16, 3×3, on 32×32 places, once a run.
    assert planner.counts["decoder.layers.0"] == 16 * 8 * 9 * 32 * 32
    # Two steps with guidance are four calls.
    into = planner.runs.weights["denoiser.unet.conv_in.weight"]
    assert planner.counts["denoiser.unet.conv_in"] == 4 * into.numel() * 32 * 32
    assert "denoiser.unet.time_embedding.linear_1" in planner.counts


def test_what_a_layer_adds_predicts_how_a_projection_changes(planner: ActivationPlanner) -> None:
    """Weights and bias larger by a thousandth add a thousandth of the output, in every call."""
    runs, seed, layer, step = planner.runs, 1, "denoiser.unet.conv_in", 1e-3
    found = runs.changes(seed, 1, {layer: lambda input_, output: step * output})[layer]
    module = runs.component("denoiser").module.get_submodule("unet.conv_in")
    values = {f"{layer}.{name}": value.numpy().copy() for name, value in module.named_parameters()}
    images = [
        runs.image(seed, {name: value * share for name, value in values.items()})
        for share in (1 + step, 1 - step)
    ]
    change = (images[0] - images[1]) / 2  # what is even in the step cancels
    noise = torch.randn(change.shape, generator=torch.Generator().manual_seed(seed)).numpy()
    expected = float((change * noise).sum()) / change.size**0.5
    assert found.shape == (1, 16) and found.sum() == pytest.approx(expected, rel=0.05)


def test_the_cheapest_a_multiplication_come_first(planner: ActivationPlanner) -> None:
    ratios = [layer.cost / layer.multiplications for layer in planner.layers]
    assert ratios == sorted(ratios) and min(ratios) >= 0
    assert all(planner.counts[layer.name] == layer.multiplications for layer in planner.layers)


def test_more_layers_in_float_never_cost_much_quality(planner: ActivationPlanner) -> None:
    count = len(planner.layers)
    found = [planner.with_layers(n).quality.mean for n in (count, count // 2, count // 4)]
    assert found[1] > found[0] - 0.5 and found[2] > found[1] - 0.5
    assert planner.with_layers(count).share > planner.with_layers(count // 2).share > 0


def test_the_floor_is_met_with_as_many_layers_as_the_search_found(
    planner: ActivationPlanner,
) -> None:
    count = len(planner.layers)
    worst = planner.with_layers(count).quality.worst
    assert planner.for_quality(worst - 0.1, 0.0).recipe == planner.with_layers(count).recipe
    wanted = (worst + planner.with_layers(count // 4).quality.worst) / 2
    plan = planner.for_quality(wanted, 0.0)
    assert plan.quality.worst >= wanted
    chosen = sum(layer.int8 for layer in plan.layers)
    assert 0 < chosen < count
    assert planner.with_layers(chosen + 1).quality.worst < wanted
    assert len(plan.recipe.activations) == chosen
    for name, (scheme, _) in plan.recipe.weights.items():
        layer = name.removesuffix(".weight")
        left = layer in {layer.name for layer in plan.layers if not layer.int8}
        assert scheme == (FLOAT16 if left else INT8)


def test_impossible_floors_are_refused(planner: ActivationPlanner) -> None:
    with pytest.raises(BudgetError, match=r"cannot be reached with any layer in int8"):
        planner.for_quality(99, 0.0)
    with pytest.raises(BudgetError, match=r"SSIM 1\.1 cannot be reached"):
        planner.for_quality(1, 1.1)


def test_a_second_planner_plans_the_same_and_measures_nothing_anew(
    planner: ActivationPlanner, checkpoint: Path, settings: PlanSettings, tmp_path: Path
) -> None:
    again = ActivationPlanner(checkpoint, settings)
    again.runs.changes = again.runs.image = None  # type: ignore[assignment,method-assign]
    assert again.layers == planner.layers
    assert again.with_layers(len(again.layers)) == planner.with_layers(len(planner.layers))


@pytest.mark.slow
def test_the_meter_measures_what_is_exported(
    planner: ActivationPlanner, checkpoint: Path, tmp_path: Path
) -> None:
    """The same scales as the exporters', and the picture that ONNX Runtime draws with them."""
    plan = planner.with_layers(len(planner.layers))
    quantized = apply(checkpoint, plan.recipe)
    dense = {
        f"{name}.{key}": tensor.dense()
        for name in quantized.pipeline.names
        for key, tensor in quantized.packed(name).items()
    }
    layers = {name: quantized.int8_layers(name) for name in quantized.pipeline.names}
    assert planner.runs.calibrated(plan.recipe, dense) == layers
    assert planner.meter.measure_packed(quantized) == plan.quality
    (tmp_path / "recipe.json").write_bytes(plan.recipe.dump())
    rows = export(
        Request(
            checkpoint=checkpoint,
            format="onnx",
            out=tmp_path / "out",
            options=Options(ort="none"),
            recipe=tmp_path / "recipe.json",
        )
    )
    reported = next(row.psnr for row in rows if row.name == "final image")
    runs = (planner.runs.image(0, dense, given) for given in ({}, layers))
    assert reported == pytest.approx(psnr(*runs, peak=1.0), abs=1.5)
