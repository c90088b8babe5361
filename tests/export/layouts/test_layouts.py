"""Every network of every pipeline, in PyTorch: adapted there and back it is the same network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import components
from components import PipelineComponents, Recording, reference
from export import ExportError
from export.formats import Options, format_named
from export.layouts import LAYOUTS, about, laid_out
from export.layouts.apple import PIPELINES as APPLE
from export.layouts.apple import AppleLayout
from export.layouts.layout import Layout
from export.layouts.optimum import PIPELINES as OPTIMUM
from export.layouts.optimum import OptimumLayout
from quantization import quantizable
from tests.conftest import Command

CASES = [(OptimumLayout, kind) for kind in OPTIMUM] + [(AppleLayout, kind) for kind in APPLE]

UNET_XL = {"sample", "timestep", "encoder_hidden_states", "text_embeds", "time_ids"}
OPTIMUM_NAMES = {
    # exporters/onnx/model_configs.py of optimum-onnx 0.1: UNetOnnxConfig, CLIPText…OnnxConfig, Vae…
    "StableDiffusionXLPipeline": {
        "text_encoder": (
            ["input_ids"],
            ["last_hidden_state", "pooler_output", *(f"hidden_states.{i}" for i in range(3))],
        ),
        "text_encoder_2": (
            ["input_ids"],
            ["text_embeds", "last_hidden_state", *(f"hidden_states.{i}" for i in range(3))],
        ),
        "decoder": (["latent_sample"], ["sample"]),
    },
    "StableDiffusionImg2ImgPipeline": {
        "text_encoder": (["input_ids"], ["last_hidden_state", "pooler_output"]),
        "encoder": (["sample"], ["latent_parameters"]),
        "unet": (["sample", "timestep", "encoder_hidden_states"], ["out_sample"]),
    },
    "LatentConsistencyModelPipeline": {
        "unet": (
            ["sample", "timestep", "encoder_hidden_states", "timestep_cond"],
            ["out_sample"],
        ),
    },
}

Opened = tuple[PipelineComponents, Recording]


@pytest.fixture(scope="module")
def opened(tiny_checkpoint: Callable[[str], Path]) -> Callable[[str], Opened]:
    made: dict[str, Opened] = {}

    def get(kind: str) -> Opened:
        if kind not in made:
            pipeline = components.load(tiny_checkpoint(kind))
            made[kind] = (pipeline, components.record(pipeline))
        return made[kind]

    return get


@pytest.mark.parametrize(("layout", "kind"), CASES)
def test_there_and_back_is_the_same_network(
    layout: type[Layout], kind: str, opened: Callable[[str], Opened]
) -> None:
    pipeline, recording = opened(kind)
    made = layout(pipeline)
    for name in pipeline.names:
        ours = pipeline.component(name)
        placed = made.place(ours)
        theirs = placed.component
        assert quantizable(theirs.module) == quantizable(ours.module), "recipes still apply"
        assert theirs.module.state_dict().keys() == ours.module.state_dict().keys()
        run = placed.translation.runner(reference.runner(theirs))
        for case in recording.calls[name]:
            found = run(case.inputs)
            assert found.keys() == case.outputs.keys()
            for output, expected in case.outputs.items():
                np.testing.assert_allclose(found[output], expected, atol=2e-5, rtol=1e-4)
        for spec, tensor in zip(theirs.outputs, _outputs(theirs), strict=True):
            assert tensor.shape == spec.shape, (name, spec)


def _outputs(component: components.Component) -> list[np.ndarray]:
    inputs = {s.name: np.zeros(s.shape, s.dtype) for s in component.inputs}
    return list(reference.runner(component)(inputs).values())


@pytest.mark.parametrize("kind", OPTIMUM_NAMES)
def test_names_are_optimums(kind: str, opened: Callable[[str], Opened]) -> None:
    pipeline, _ = opened(kind)
    layout = OptimumLayout(pipeline)
    for name, (inputs, outputs) in OPTIMUM_NAMES[kind].items():
        theirs = layout.place(pipeline.component(name)).component
        assert [spec.name for spec in theirs.inputs] == inputs, name
        assert [spec.name for spec in theirs.outputs] == outputs, name
    unet = layout.place(pipeline.component("unet")).component
    assert {s.name: s.shape for s in unet.inputs}["timestep"] == ()
    if kind == "StableDiffusionXLPipeline":
        assert {spec.name for spec in unet.inputs} == UNET_XL


def test_a_scale_that_the_swift_package_does_not_know_is_inside_the_network(
    tiny_checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    """Its factor is 0.13025 for SDXL; the tiny VAE has 0.18215, and here channels' means too."""
    checkpoint = shutil.copytree(
        tiny_checkpoint("StableDiffusionXLImg2ImgPipeline"), tmp_path / "c"
    )
    path = checkpoint / "vae" / "config.json"
    config = json.loads(path.read_text()) | {
        "latents_mean": [0.1, -0.2, 0.3, 0.0],
        "latents_std": [0.9, 1.1, 1.2, 0.8],
    }
    path.write_text(json.dumps(config))
    pipeline = components.load(checkpoint)
    layout, recording = AppleLayout(pipeline), components.record(pipeline)
    for name in ("encoder", "decoder"):
        placed = layout.place(pipeline.component(name))
        run = placed.translation.runner(reference.runner(placed.component))
        for case in recording.calls[name]:
            for output, found in run(case.inputs).items():
                np.testing.assert_allclose(found, case.outputs[output], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["StableDiffusionControlNetPipeline", "AvatarPipeline"])
def test_optimum_has_no_such_pipeline(
    kind: str, command: Command, tiny_checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    arguments = ("--checkpoint", tiny_checkpoint(kind), "--out", tmp_path / "out")
    result = command("export", "onnx", *arguments, "--layout", "optimum")
    assert result.code == 2
    assert f"optimum has no pipeline for a {kind}" in result.err.replace("\n", " ")
    assert not (tmp_path / "out").exists()


def test_a_layout_of_another_format_is_refused(tiny_checkpoint: Callable[[str], Path]) -> None:
    pipeline = components.load(tiny_checkpoint("StableDiffusionPipeline"))
    with pytest.raises(ExportError, match="python -m export coreml --layout apple"):
        laid_out("onnx", format_named("onnx"), Options(layout="apple"), pipeline)
    with pytest.raises(ExportError, match="no layout 'other'"):
        laid_out("onnx", format_named("onnx"), Options(layout="other"), pipeline)


def test_a_layout_without_ort_files_takes_no_option_for_them(command: Command) -> None:
    result = command("export", "onnx", "--layout", "optimum", "--ort", "dense")
    assert result.code == 2 and "has no .ort files; leave out --ort" in result.err


def test_every_layout_is_described() -> None:
    for name, layout in LAYOUTS.items():
        assert about({"layout": name}) == (name, layout)
        assert layout.format in ("coreml", "onnx")
    assert about({}) is None and about({"layout": "own"}) is None
