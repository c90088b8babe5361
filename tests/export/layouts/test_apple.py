"""What Apple's Swift package reads, as facts from its source, beside what our packages have."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.proto import FeatureTypes_pb2 as types
from transformers import CLIPTextConfig, CLIPTextModel

import components
import coreml_runtime
from components.component import Component
from components.diffusion.text_encoders import LastHidden, input_ids, outputs
from export import ExportError, verify
from export.coreml.convert import convert
from export.exporter import Request, export
from export.formats import Options
from export.layouts.apple import AppleLayout, _Padding, _text_encoder
from tests.export.layouts.conftest import Laid

pytestmark = pytest.mark.slow

Shapes = dict[str, tuple[int, ...]]
TOKENS, TEXT, POOLED, LATENTS, PICTURE = 16, 32, 32, (4, 16, 16), (3, 32, 32)

TEXT_ENCODER: tuple[Shapes, Shapes] = (
    {"input_ids": (1, TOKENS)},  # TextEncoder.swift `encode(ids:)`: the one input, float32
    {"last_hidden_state": (1, TOKENS, TEXT), "pooled_outputs": (1, TEXT)},
)
TEXT_ENCODER_XL: tuple[Shapes, Shapes] = (
    {"input_ids": (1, TOKENS)},
    # TextEncoderXL.swift unwraps both of each text encoder
    {"hidden_embeds": (1, TOKENS, TEXT), "pooled_outputs": (1, POOLED)},
)
DECODER: tuple[Shapes, Shapes] = (
    {"z": (1, *LATENTS)},  # Decoder.swift: the first input; torch2coreml.py `convert_vae_decoder`
    {"image": (1, *PICTURE)},
)
ENCODER: tuple[Shapes, Shapes] = (
    {"z": (1, *PICTURE)},  # Encoder.swift of 2023: inputDescriptionsByName["z"]; later the first
    {"latent": (1, 8, *LATENTS[1:])},  # `output[0][0..<4]` is the mean, `[4..<8]` the log variance
)
UNET: Shapes = {
    # Unet.swift `predictNoise`; torch2coreml.py `convert_unet`: batch 2, text (2,D,1,T)
    "sample": (2, *LATENTS),
    "timestep": (2,),
    "encoder_hidden_states": (2, TEXT, 1, TOKENS),
}
NOISE: Shapes = {"noise_pred": (2, *LATENTS)}
RESIDUALS: Shapes = {
    # ControlNet.swift hands every output to the UNet under its own name
    "additional_residual_0": (2, 32, 16, 16),
    "additional_residual_1": (2, 32, 16, 16),
    "additional_residual_2": (2, 32, 8, 8),
    "additional_residual_3": (2, 64, 8, 8),
    "additional_residual_4": (2, 64, 8, 8),
}
UNET_XL: Shapes = {
    # Unet.swift `predictNoise` for XL; StableDiffusionXLPipeline.swift `generateConditioning`
    **UNET,
    "encoder_hidden_states": (2, 2 * TEXT, 1, TOKENS),
    "text_embeds": (2, POOLED),
    "time_ids": (2, 6),
}

FACTS: dict[str, dict[str, tuple[Shapes, Shapes]]] = {
    # StableDiffusionPipeline+Resources.swift
    "StableDiffusionImg2ImgPipeline": {
        "TextEncoder": TEXT_ENCODER,
        "VAEEncoder": ENCODER,
        "Unet": (UNET, NOISE),
        "VAEDecoder": DECODER,
    },
    "StableDiffusionControlNetPipeline": {
        "TextEncoder": TEXT_ENCODER,
        "controlnet/ControlNet": ({**UNET, "controlnet_cond": (2, *PICTURE)}, RESIDUALS),
        "ControlledUnet": ({**UNET, **RESIDUALS}, NOISE),
        "VAEDecoder": DECODER,
    },
    # StableDiffusionXL+Resources.swift
    "StableDiffusionXLPipeline": {
        "TextEncoder": TEXT_ENCODER_XL,
        "TextEncoder2": TEXT_ENCODER_XL,
        "Unet": (UNET_XL, NOISE),
        "VAEDecoder": DECODER,
    },
}


def boundary(package: Path) -> tuple[Shapes, Shapes]:
    """Inputs and outputs of a package by name; all of them are float32, as the package passes."""
    description = ct.models.utils.load_spec(str(package)).description
    for feature in (*description.input, *description.output):
        assert feature.type.multiArrayType.dataType == types.ArrayFeatureType.FLOAT32, feature.name
    inputs, given = (
        {feature.name: tuple(feature.type.multiArrayType.shape) for feature in features}
        for features in (description.input, description.output)
    )
    return inputs, given


@pytest.mark.parametrize("kind", FACTS)
def test_names_shapes_and_types_are_what_the_package_reads(kind: str, laid: Laid) -> None:
    folder = laid(kind, "coreml", "apple").folder
    found = {p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*.mlpackage")}
    assert found == FACTS[kind].keys()
    for name, (inputs, given) in FACTS[kind].items():
        found_inputs, found_outputs = boundary(folder / f"{name}.mlpackage")
        assert found_inputs == inputs, name
        assert {n: shape or given[n] for n, shape in found_outputs.items()} == given, name


@pytest.mark.parametrize("kind", FACTS)
def test_it_draws_what_pytorch_draws(kind: str, laid: Laid) -> None:
    exported = laid(kind, "coreml", "apple")
    assert exported.rows and all(row.passed for row in exported.rows)
    manifest = verify(exported.folder).manifest
    assert manifest.options["layout"] == "apple"
    for entry in manifest.components:
        assert {s.name: s.shape for s in entry.inputs} == FACTS[kind][
            entry.models["mlpackage"].removesuffix(".mlpackage")
        ][0]


def test_both_sides_of_guidance_are_computed(laid: Laid) -> None:
    """The check asks for one side; the package takes both."""
    folder = laid("StableDiffusionImg2ImgPipeline", "coreml", "apple").folder
    model = coreml_runtime.load(folder / "Unet.mlpackage")
    torch.manual_seed(0)
    given = {name: torch.randn(shape) for name, shape in UNET.items()}
    given["timestep"] = torch.tensor([500.0, 500.0])
    (made,) = model(**given).values()
    (swapped,) = model(**{name: tensor.flip(0) for name, tensor in given.items()}).values()
    torch.testing.assert_close(made.flip(0), swapped, atol=2e-3, rtol=0)
    assert (made[0] - made[1]).abs().max() > 0.1


def test_a_unet_in_two_chunks_is_run_as_the_package_does(
    tiny_checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    """`Unet.swift` gives each stage the inputs of the whole and all that the last one gave."""
    options = Options(layout="apple", chunks=2, components=("unet",))
    checkpoint = tiny_checkpoint("StableDiffusionPipeline")
    request = Request(checkpoint=checkpoint, format="coreml", out=tmp_path / "a", options=options)
    rows = export(request)
    assert [row.name for row in rows] == ["unet"] and rows[0].passed
    first, second = (
        coreml_runtime.load(tmp_path / "a" / f"UnetChunk{number}.mlpackage") for number in (1, 2)
    )
    torch.manual_seed(0)
    given = {name: torch.randn(shape) for name, shape in UNET.items()}
    given["timestep"] = torch.tensor([500.0, 500.0])
    values = dict(given)
    for stage in (first, second):
        taken = {feature.name for feature in stage.inputs}
        passed = stage(**{name: value for name, value in values.items() if name in taken})
        values = {**given, **passed}
    assert passed.keys() == {"noise_pred"}
    reference = components.load(checkpoint).component("unet").module
    with torch.no_grad():
        expected = reference(
            given["sample"],
            given["timestep"],
            given["encoder_hidden_states"].squeeze(2).transpose(1, 2),
        )
    torch.testing.assert_close(passed["noise_pred"].float(), expected, atol=2e-2, rtol=0)
    with pytest.raises(ExportError, match="in at most 2 chunks, expected no --chunks 3"):
        export(replace(request, options=replace(options, chunks=3)))


def test_large_token_ids_are_exact(tmp_path: Path) -> None:
    """Ids come as float32 and must not become fp16, which has no odd number above 2048."""
    values: dict[str, Any] = {"vocab_size": 49408, "hidden_size": 8, "max_position_embeddings": 6}
    torch.manual_seed(0)
    config = CLIPTextConfig(
        **values, intermediate_size=8, num_attention_heads=2, num_hidden_layers=1, eos_token_id=2
    )
    ours = Component(
        name="text_encoder",
        module=LastHidden(CLIPTextModel(config)).eval(),
        inputs=(input_ids(values),),
        outputs=outputs(values, pooled=False),
    )
    theirs, translation = _text_encoder(ours, Pads(end=49407, pad=0))
    convert(theirs, tmp_path / "t.mlpackage", target="ios16", precision="fp16")
    model = coreml_runtime.load(tmp_path / "t.mlpackage")
    ids = np.array([[49406, 40001, 40003, 49407, 0, 0]], np.int32)
    expected = ours.module(torch.from_numpy(ids)).detach().numpy()
    # The package pads with the end token.
    padded = np.where(ids == 0, 49407, ids)
    for given in (ids, padded):
        made = model(
            **{n: torch.from_numpy(a) for n, a in translation.inputs({"input_ids": given}).items()}
        )
        found = translation.outputs({name: tensor.numpy() for name, tensor in made.items()})
        np.testing.assert_allclose(found["text_embeddings"], expected, atol=0.02)


class Pads(_Padding):
    """A tokenizer's padding, without the tokenizer."""

    def __init__(self, end: int, pad: int) -> None:
        self.end = self.given = end
        self.wanted = pad


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("StableDiffusionInpaintPipeline", "has no pipeline for a StableDiffusionInpaintPipeline"),
        ("LatentConsistencyModelPipeline", "has no pipeline for a LatentConsistencyModelPipeline"),
        ("StableDiffusionXLControlNetPipeline", "has no pipeline for a StableDiffusionXLControl"),
    ],
)
def test_what_the_package_cannot_run_is_refused(
    kind: str, reason: str, tiny_checkpoint: Callable[[str], Path]
) -> None:
    with pytest.raises(ExportError, match=f"Apple's package {reason}"):
        AppleLayout(components.load(tiny_checkpoint(kind)))


def test_other_predictions_are_refused(
    tiny_checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    checkpoint = Path(shutil.copytree(tiny_checkpoint("StableDiffusionPipeline"), tmp_path / "v"))
    path = checkpoint / "scheduler" / "scheduler_config.json"
    path.write_text(path.read_text().replace('"epsilon"', '"v_prediction"'))
    with pytest.raises(ExportError, match=r"noise \(epsilon\) only, not v_prediction"):
        AppleLayout(components.load(checkpoint))


def test_the_script_compiles_every_package(laid: Laid, tmp_path: Path) -> None:
    """With a compiler that copies, in the place of Apple's, which only a Mac has."""
    folder = laid("StableDiffusionControlNetPipeline", "coreml", "apple").folder
    (tmp_path / "bin").mkdir()
    xcrun = tmp_path / "bin" / "xcrun"
    xcrun.write_text('#!/bin/sh\ncp -r "$3" "$4/$(basename "$3" .mlpackage).mlmodelc"\n')
    xcrun.chmod(0o755)
    environment = {"PATH": f"{xcrun.parent}:/usr/bin:/bin"}
    command = ["sh", str(folder / "compile.sh"), "out"]
    for _ in range(2):  # what is there already stays
        subprocess.run(command, env=environment, cwd=tmp_path, check=True)
    found = {path.name for path in (tmp_path / "out").iterdir()}
    models = {"TextEncoder", "ControlledUnet", "VAEDecoder"}
    assert found == {f"{n}.mlmodelc" for n in models} | {"controlnet", "vocab.json", "merges.txt"}
    assert (tmp_path / "out" / "controlnet" / "ControlNet.mlmodelc").is_dir()
