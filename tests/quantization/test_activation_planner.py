"""Choosing layers for W8A8: costs against runs, floors kept, and what is made of it in ONNX."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import components
from components.metrics import psnr
from export.exporter import Request, export
from export.formats import Options
from quantization.activation_planner import ActivationPlanner
from quantization.activations import LayerScales, calibrate, computing_in_int8
from quantization.errors import BudgetError
from quantization.pipeline import apply
from quantization.planner import Settings
from quantization.recipe import Recipe
from quantization.schemes import FLOAT16, INT8
from tests.components.tiny import save_tiny_avatar


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_avatar(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(target="onnx", runs=1, checks=2, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def planner(checkpoint: Path, settings: Settings) -> ActivationPlanner:
    return ActivationPlanner(checkpoint, settings)


def test_int8_by_hand() -> None:
    layer = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False))
    nn.init.constant_(layer[0].weight, 3.0)  # type: ignore[arg-type]
    scales = {"0": LayerScales(input=0.5, output=2.0)}
    with computing_in_int8(layer, scales):
        # 1.2 -> 2 steps = 1.0, times 3 = 3.0 -> 1.5 steps, even: 2 = 4.0; -99 clips at -64.
        found = layer(torch.tensor([1.2, -99.0]).view(2, 1, 1, 1))
    assert found.flatten().tolist() == [4.0, -192.0]
    assert layer(torch.ones(1, 1, 1, 1)).item() == 3.0, "and only while it is open"


def test_linear_layers_outputs_stay_in_float() -> None:
    layer = nn.Sequential(nn.Linear(1, 1, bias=False))
    nn.init.constant_(layer[0].weight, 0.3)  # type: ignore[arg-type]
    with computing_in_int8(layer, {"0": LayerScales(input=0.5, output=2.0)}):
        assert layer(torch.tensor([[1.2]])).item() == pytest.approx(0.3)


def test_multiplications_by_hand(planner: ActivationPlanner) -> None:
    # 8 latent channels to 16, 3×3, on 32×32 places, once a run.
    assert planner.counts["decoder.layers.0"] == 16 * 8 * 9 * 32 * 32
    # Two steps with guidance are four calls.
    into = planner.trajectories.weights["denoiser.unet.conv_in.weight"]
    assert planner.counts["denoiser.unet.conv_in"] == 4 * into.numel() * 32 * 32
    assert "denoiser.unet.time_embedding.linear_1" in planner.counts


def test_what_a_layer_adds_predicts_how_a_projection_changes(planner: ActivationPlanner) -> None:
    """Weights and bias larger by a thousandth add a thousandth of the output, in every call."""
    trajectories, seed, layer, step = planner.trajectories, 1, "denoiser.unet.conv_in", 1e-3
    found = trajectories.changes(seed, 1, {layer: lambda came, went: step * went})
    module = trajectories.component("denoiser").module.get_submodule("unet.conv_in")
    values = {f"{layer}.{name}": value.numpy().copy() for name, value in module.named_parameters()}
    images = [
        trajectories.image(seed, {name: value * share for name, value in values.items()})
        for share in (1 + step, 1 - step)
    ]
    change = (images[0] - images[1]) / 2  # what is even in the step cancels
    noise = torch.randn(change.shape, generator=torch.Generator().manual_seed(seed)).numpy()
    expected = float((change * noise).sum()) / change.size**0.5
    assert found.shape == (1, 1) and found[0, 0] == pytest.approx(expected, rel=0.05)


def test_the_cheapest_a_multiplication_come_first(planner: ActivationPlanner) -> None:
    ratios = [layer.cost / layer.multiplications for layer in planner.layers]
    assert ratios == sorted(ratios) and min(ratios) >= 0
    assert all(planner.counts[layer.name] == layer.multiplications for layer in planner.layers)


def test_more_layers_in_float_never_cost_much_quality(planner: ActivationPlanner) -> None:
    count = len(planner.layers)
    found = [planner.of(n).quality.mean for n in (count, count // 2, count // 4)]
    assert found[1] > found[0] - 0.5 and found[2] > found[1] - 0.5
    assert planner.of(count).share > planner.of(count // 2).share > 0


def test_the_floor_is_met_with_as_many_layers_as_the_search_found(
    planner: ActivationPlanner,
) -> None:
    count = len(planner.layers)
    worst = planner.of(count).quality.worst
    assert planner.for_quality(worst - 0.1, 0.0).recipe == planner.of(count).recipe
    wanted = (worst + planner.of(count // 4).quality.worst) / 2
    plan = planner.for_quality(wanted, 0.0)
    assert plan.quality.worst >= wanted
    chosen = sum(layer.int8 for layer in plan.layers)
    assert 0 < chosen < count
    assert planner.of(chosen + 1).quality.worst < wanted
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
    planner: ActivationPlanner, checkpoint: Path, settings: Settings, tmp_path: Path
) -> None:
    again = ActivationPlanner(checkpoint, settings)
    again.trajectories.changes = again.trajectories.image = None  # type: ignore[assignment,method-assign]
    assert again.layers == planner.layers
    assert again.of(len(again.layers)) == planner.of(len(planner.layers))


@pytest.mark.slow
def test_the_meter_measures_what_is_exported(
    planner: ActivationPlanner, checkpoint: Path, tmp_path: Path
) -> None:
    """The same scales as the exporters', and the picture that ONNX Runtime draws with them."""
    plan = planner.of(len(planner.layers))
    quantized = apply(checkpoint, plan.recipe)
    dense = {
        f"{name}.{key}": tensor.dense()
        for name in quantized.pipeline.names
        for key, tensor in quantized.packed(name).items()
    }
    layers = {name: quantized.layers(name) for name in quantized.pipeline.names}
    assert planner.trajectories.scales(plan.recipe, dense) == layers
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
    runs = (planner.trajectories.image(0, dense, given) for given in ({}, layers))
    assert reported == pytest.approx(psnr(*runs, peak=1.0), abs=1.5)


def test_calibration_needs_layers_that_are_there(checkpoint: Path) -> None:
    pipeline = components.load(checkpoint)
    loaded = {name: pipeline.component(name) for name in pipeline.names}
    recipe = Recipe(pipeline="AvatarPipeline", activations={"decoder.nothing": INT8})
    with pytest.raises(ValueError, match=r"no layer decoder\.nothing"):
        calibrate(pipeline, loaded, recipe)
