"""Tuning a tiny quantized pipeline: what may change, what must not, and what is written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import components
from components.reference import runners
from distillation.errors import DivergedError, RunError
from distillation.run_folder import CHECKPOINT
from distillation.stages.tunable_tensors import Tunable, TunableTensor
from distillation.stages.tune import Tuned, TuneTask, tune
from distillation.training import Batch, Schedule
from quantization import (
    FLOAT16,
    INT8,
    PackedTensor,
    Recipe,
    apply,
    load,
    open_quantized,
    parse,
    quantize,
    sizes,
)
from quantization.schemes import Palette
from tests.components.tiny import save_tiny_avatar
from tests.conftest import Command

RECIPE = Recipe(
    pipeline="AvatarPipeline",
    patterns=(
        ("denoiser.*conv1.weight", INT8),
        ("denoiser.*attn*", parse("int4/16")),
        ("denoiser.*", Palette(bits=3)),
        ("decoder.*", Palette(bits=3, group=4)),
        ("decoder.*", Palette(bits=3)),
    ),
)
SCHEDULE = Schedule(
    steps=8, batch=2, learning_rate=3e-3, warmup=2, weight_decay=0, ema_decay=0.5, save_every=3
)
SCHEMES = ("float16", "palette-2", "palette-4/4", "int8", "int4/8")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_avatar(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="module")
def tuned(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tuned, Path]:
    out = tmp_path_factory.mktemp("tune")
    return tune(checkpoint, RECIPE, SCHEDULE, out, runs=2, checks=2), out


def packed(scheme: str) -> PackedTensor:
    shape = (8, 16, 3, 3)
    weight = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return quantize(weight, parse(scheme))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_untrained_it_is_the_packed_tensor_bit_for_bit(scheme: str) -> None:
    tensor = packed(scheme)
    tunable = TunableTensor(tensor)
    np.testing.assert_array_equal(tunable().detach().numpy(), tensor.dense())
    for name, array in tunable.repacked().arrays.items():
        np.testing.assert_array_equal(array, tensor.arrays[name])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_packed_is_what_was_trained(scheme: str) -> None:
    tensor = packed(scheme)
    tunable = TunableTensor(tensor)
    tunable().square().sum().backward()
    assert tunable.change.grad is not None and bool(tunable.change.grad.any())
    with torch.no_grad():
        tunable.change -= 0.05 * tunable.change.grad.sign()
    again = tunable.repacked()
    np.testing.assert_allclose(again.dense(), tunable().detach().numpy(), rtol=1e-3)
    assert again.size == tensor.size and again.scheme == tensor.scheme
    for name, array in again.arrays.items():
        assert np.array_equal(array, tensor.arrays[name]) == (name != tensor.scheme.LEARNED)


def test_vectors_are_trained_and_buffers_and_whole_fp16_weights_are_not(checkpoint: Path) -> None:
    quantized = apply(checkpoint, replace(RECIPE, patterns=(("*.layers.0.*", INT8),)))
    component, state = quantized.pipeline.component("decoder"), quantized.packed("decoder")
    names = set(Tunable(component.module, state).names)
    assert {"layers.0.weight", "layers.0.bias", "layers.1.conv1.bias"} <= names
    assert not names & {"layers.1.conv1.weight", "latent_mean", "latent_std"}


def test_integers_and_sizes_stay_and_the_error_falls(
    tuned: tuple[Tuned, Path], checkpoint: Path
) -> None:
    report, out = tuned
    before, after = apply(checkpoint, RECIPE), open_quantized(out / CHECKPOINT)
    assert after.recipe == RECIPE and after.size == before.size
    assert after.size == sum(sizes(components.load(checkpoint), RECIPE).values())
    changed = 0
    for name in before.pipeline.names:
        old, new = before.packed(name), after.packed(name)
        assert sorted(old) == sorted(new)
        for key, tensor in old.items():
            assert (new[key].scheme, new[key].shape) == (tensor.scheme, tensor.shape)
            learned = tensor.scheme.LEARNED
            for array, values in tensor.arrays.items():
                same = np.array_equal(new[key].arrays[array], values)
                assert same or array == learned
                changed += not same
    assert report.better and changed > 20
    assert report.errors["decoder"] < 1 and report.errors["denoiser"] < 1
    assert report.errors["identity_encoder"] == 1.0, "the recipe leaves it as it is"
    assert report.after.mean > report.before.mean


def test_the_reported_error_is_the_stored_tensors(
    tuned: tuple[Tuned, Path], checkpoint: Path
) -> None:
    """Recomputed from files: the decoder's squared error on the calls that it learned from."""
    report, out = tuned
    original = components.load(checkpoint)
    calls = [
        c for seed in range(2) for c in components.record(original, seed=seed).calls["decoder"]
    ]

    def error(pipeline: components.PipelineComponents) -> float:
        found = [runners(pipeline)["decoder"](call.inputs)["avatar"] for call in calls]
        pairs = zip(found, calls, strict=True)
        return float(np.mean([np.square(a - c.outputs["avatar"]).mean() for a, c in pairs]))

    share = error(open_quantized(out / CHECKPOINT).pipeline) / error(
        apply(checkpoint, RECIPE).pipeline
    )
    assert report.errors["decoder"] == pytest.approx(share, rel=1e-3)


def test_an_interrupted_tuning_ends_where_an_uninterrupted_one_does(
    tuned: tuple[Tuned, Path], checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = TuneTask.losses, [0]

    def poisoned(
        self: TuneTask, network: torch.nn.Module, batch: Batch, done: float
    ) -> dict[str, torch.Tensor]:
        calls[0] += 1
        losses = real(self, network, batch, done)
        return {"loss": losses["loss"] * (float("nan") if calls[0] == 13 else 1)}

    monkeypatch.setattr(TuneTask, "losses", poisoned)
    with pytest.raises(DivergedError, match="step 4"):  # of the second component
        tune(checkpoint, RECIPE, SCHEDULE, tmp_path, runs=2, checks=2)
    assert not (tmp_path / CHECKPOINT).exists()
    report = tune(checkpoint, RECIPE, SCHEDULE, tmp_path, runs=2, checks=2)
    assert calls[0] == 13 + 8 - 3
    whole, out = tuned
    assert report == whole
    for name in ("denoiser", "decoder"):
        file = Path(CHECKPOINT) / "quantized" / f"{name}.safetensors"
        assert (tmp_path / file).read_bytes() == (out / file).read_bytes()


def test_tensors_that_are_no_better_are_not_kept(checkpoint: Path, tmp_path: Path) -> None:
    wild = replace(SCHEDULE, learning_rate=0.3, steps=2, warmup=0, ema_decay=0)
    report = tune(checkpoint, RECIPE, wild, tmp_path, runs=1, checks=1)
    assert not report.better and set(report.errors.values()) == {1.0}
    untouched, kept = apply(checkpoint, RECIPE), open_quantized(tmp_path / CHECKPOINT)
    for key, tensor in untouched.packed("denoiser").items():
        np.testing.assert_array_equal(kept.packed("denoiser")[key].dense(), tensor.dense())


def test_int8_layers_are_trained_in_int8(checkpoint: Path, tmp_path: Path) -> None:
    recipe = Recipe(
        pipeline="AvatarPipeline",
        patterns=(("decoder.*", INT8),),
        activations={"decoder.layers.0": INT8},
    )
    tune(checkpoint, recipe, replace(SCHEDULE, steps=2), tmp_path, runs=1, checks=1)
    kept = open_quantized(tmp_path / CHECKPOINT)
    assert kept.int8_layers("decoder") == apply(checkpoint, recipe).int8_layers("decoder")


def test_load_opens_a_tuned_checkpoint(tuned: tuple[Tuned, Path]) -> None:
    selfies = np.random.default_rng(0).random((2, 3, 128, 128), np.float32)
    assert load(tuned[1] / CHECKPOINT)(selfies, 1, [5]).shape == (1, 3, 256, 256)


def test_the_command_prints_before_and_after(
    command: Command, checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "recipe.json").write_bytes(RECIPE.dump())
    few = ("--steps", 2, "--runs", 1, "--checks", 1, "--batch", 1)
    result = command(
        "distillation", "tune", tmp_path / "recipe.json", "--checkpoint", checkpoint,
        "--out", tmp_path / "out", *few,
    )  # fmt: skip
    assert result.code == 0, result.err
    assert "final image, worst" in result.out and "before" in result.out
    assert result.out.rstrip().endswith(CHECKPOINT)


def test_mistakes_are_one_line_and_exit_code_2(
    command: Command, checkpoint: Path, tmp_path: Path
) -> None:
    other = {"schema_version": 1, "pipeline": "StableDiffusionPipeline"}
    missing = {**other, "pipeline": "AvatarPipeline"}
    missing["weights"] = {"decoder.x.weight": {"scheme": "int8", "shape": [1, 1]}}
    (tmp_path / "other.json").write_text(json.dumps(other))
    (tmp_path / "misfit.json").write_text(json.dumps(missing))
    nothing = Recipe(pipeline="AvatarPipeline", patterns=(("*", FLOAT16),))
    (tmp_path / "nothing.json").write_bytes(nothing.dump())
    for recipe, folder, message in (
        ("none.json", checkpoint, "none.json cannot be read"),
        ("other.json", checkpoint, "is for a StableDiffusionPipeline"),
        ("misfit.json", checkpoint, "is for another model: decoder.x.weight"),
        ("nothing.json", checkpoint, "leaves all weights in float16"),
        ("nothing.json", tmp_path / "nowhere", "no checkpoint folder"),
    ):
        out = tmp_path / "out"
        result = command(
            "distillation", "tune", tmp_path / recipe, "--checkpoint", folder, "--out", out
        )
        assert result.code == 2 and result.out == "" and message in result.err
        assert result.err.startswith("error: ") and result.err.count("\n") == 1
    assert not out.exists()


def test_a_recipe_without_quantized_weights_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing to tune"):
        tune(checkpoint, Recipe(pipeline="AvatarPipeline"), SCHEDULE, tmp_path, runs=1, checks=1)
