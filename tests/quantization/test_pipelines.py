"""Every kind of pipeline: planned, quantized, saved, opened again and exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from peft import LoraConfig

import components
from components.metrics import psnr
from components.reference import runners
from export.exporter import Request, export
from export.formats import Options
from quantization import INT8, Recipe, apply, open_quantized, parse, sizes, write_quantized
from quantization.planning import ActivationPlanner, Planner, PlanSettings
from quantization.targets import Target
from tests.components.tiny import PIPELINES

Checkpoints = Callable[[str], Path]

KINDS = sorted(PIPELINES.keys() - {"AvatarPipeline"})
SD = "StableDiffusionPipeline"


def picture(pipeline: components.PipelineComponents, seed: int) -> np.ndarray:
    (image,) = pipeline.run(runners(pipeline), pipeline.example_run(seed)).values()
    return image


def settings(folder: Path, target: Target = Target.IOS16) -> PlanSettings:
    return PlanSettings(target=target, runs=1, checks=1, cache=folder / "cache")


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_is_what_its_quantized_checkpoint_draws(
    kind: str, tiny_checkpoint: Checkpoints, tmp_path: Path
) -> None:
    """It is better than uniform bits at their size, and saved and opened it is still as good."""
    checkpoint = tiny_checkpoint(kind)
    planner = Planner(checkpoint, settings(tmp_path))
    uniform = planner.uniform(4)
    plan = planner.for_size(uniform.size)
    assert plan.size <= uniform.size and plan.quality.mean >= uniform.quality.mean + 1
    (seed,) = planner.meter.seeds
    reference = planner.runs.image(seed)
    write_quantized(apply(checkpoint, plan.recipe), tmp_path / "quantized")
    opened = open_quantized(tmp_path / "quantized")
    assert opened.size == sum(sizes(components.load(checkpoint), plan.recipe).values()) == plan.size
    found = psnr(reference, picture(opened.pipeline, seed), peak=1.0)
    assert found == pytest.approx(plan.quality.mean, abs=0.5)


def test_layers_of_latent_diffusion_compute_in_int8(
    tiny_checkpoint: Checkpoints, tmp_path: Path
) -> None:
    checkpoint = tiny_checkpoint("StableDiffusionXLControlNetPipeline")
    planner = ActivationPlanner(checkpoint, settings(tmp_path, Target.ONNX))
    plan = planner.with_layers(len(planner.layers))
    assert "unet.model.conv_in" in plan.recipe.activations
    assert "decoder.decoder.conv_out" in plan.recipe.activations
    assert all(layer.cost > 0 for layer in planner.layers if layer.name.startswith("unet."))
    assert plan.quality.mean > 10 and plan.share > 0.2


@pytest.mark.slow
def test_a_planned_stable_diffusion_in_onnx(tiny_checkpoint: Checkpoints, tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint(SD)
    planner = Planner(checkpoint, settings(tmp_path, Target.ONNX))
    plan = planner.for_size(int(planner.parameters * 5 / 8))
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
    assert next(row.psnr for row in rows if row.name == "final image") > 40


def test_a_recipe_survives_a_lora(tiny_checkpoint: Checkpoints, tmp_path: Path) -> None:
    """Names and shapes stay, so the recipe of the base fits, and still beats uniform bits."""
    base, tuned = tiny_checkpoint(SD), tmp_path / "tuned"
    planner = Planner(base, settings(tmp_path))
    uniform = planner.uniform(6)
    plan = planner.for_size(uniform.size)
    fuse_lora(base, tuned)
    (seed,) = planner.meter.seeds
    reference = picture(components.load(tuned), seed)
    assert psnr(planner.runs.image(seed), reference, peak=1.0) < plan.quality.mean  # it does a lot
    planned, plain = (
        psnr(reference, picture(apply(tuned, recipe).pipeline, seed), peak=1.0)
        for recipe in (plan.recipe, uniform.recipe)
    )
    assert planned > plain + 1


def fuse_lora(base: Path, out: Path) -> None:
    """Save a checkpoint with a random LoRA in its UNet's attention, fused by diffusers."""
    torch.manual_seed(0)
    pipeline = StableDiffusionPipeline.from_pretrained(base, safety_checker=None)
    layers = ["to_q", "to_k", "to_v", "to_out.0"]
    pipeline.unet.add_adapter(LoraConfig(r=4, target_modules=layers, init_lora_weights=False))
    pipeline.unet.fuse_lora(lora_scale=0.3)
    pipeline.unload_lora_weights()
    pipeline.save_pretrained(out, safe_serialization=True)


@pytest.mark.parametrize("scheme", ["int4/8", "palette-4/8"])
def test_schemes_of_a_pipeline_of_two_text_encoders(
    scheme: str, tiny_checkpoint: Checkpoints, tmp_path: Path
) -> None:
    kind = "StableDiffusionXLPipeline"
    patterns = (("*", parse(scheme)), ("*", INT8))
    quantized = apply(tiny_checkpoint(kind), Recipe(pipeline=kind, patterns=patterns))
    write_quantized(quantized, tmp_path / "out")
    opened = open_quantized(tmp_path / "out")
    opened.require_recipe()
    images = [picture(p, 0) for p in (components.load(tiny_checkpoint(kind)), opened.pipeline)]
    assert psnr(*images, peak=1.0) > 15
