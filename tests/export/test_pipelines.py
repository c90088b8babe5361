"""Every kind of pipeline: exported to both formats, and drawn from what came out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import components
from components.diffusion.example import PROMPT, example_wish
from components.diffusion.latent_diffusion import LatentDiffusion
from components.metrics import psnr
from components.registry import PIPELINES
from export import open_artifact, verify
from export.formats import Options
from export.report import ANCHOR
from support.images import to_8_bit
from tests.conftest import Command
from tests.exports import Exports

KINDS = sorted(name for name in PIPELINES if not name.endswith("AvatarPipeline"))
OPTIONS = {"onnx": Options(ort="none"), "coreml": Options()}
SEED = 5
PSNR = 45.0
"""What a picture of 8 bits, drawn by an artifact with fp16 weights, must reach, in dB."""


def opened(checkpoint: Path) -> LatentDiffusion:
    pipeline = components.load(checkpoint)
    assert isinstance(pipeline, LatentDiffusion)
    return pipeline


@pytest.mark.parametrize("name", ["onnx", "coreml"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_artifact_alone_draws_what_diffusers_draws(
    exports: Exports, command: Command, tmp_path: Path, kind: str, name: str
) -> None:
    exported = exports.get(kind, name, OPTIONS[name])
    assert ANCHOR in {row.name for row in exported.rows}
    artifact = verify(exported.folder).folder
    assert open_artifact(artifact).manifest.pipeline == kind
    pipeline = opened(exported.checkpoint)
    wish = example_wish(SEED, pipeline.flow.images, pipeline.flow.picture)
    pictures = []
    for image in pipeline.flow.images:
        array = getattr(wish, image)[0]
        option = {"control_image": "control"}.get(image, image)
        file = tmp_path / f"{image}.png"
        pixels = np.broadcast_to(to_8_bit(array), (3, *array.shape[1:]))
        Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(file)
        pictures += [f"--{option}", file]
    out = tmp_path / "picture.png"
    steps = pipeline.recorded_steps
    arguments = ("--prompt", PROMPT, "--seed", SEED, "--steps", steps, "--out", out)
    done = command("export", "run", artifact, *arguments, *pictures)
    assert done.code == 0 and done.out.split() == [str(out)], done.err
    (expected,) = (pipeline.anchor(pipeline.example_run(SEED), SEED) or {}).values()
    drawn = np.asarray(Image.open(out), np.float32).transpose(2, 0, 1)[None] / 255
    assert psnr(to_8_bit(expected) / np.float32(255), drawn, peak=1.0) >= PSNR


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--control: this pipeline needs a picture there"),
        (
            ("--control", "{picture}", "--image", "{picture}"),
            "--image: this pipeline takes no such",
        ),
        (("--control", "{here}/none.png"), "none.png"),
        (("--control", "{picture}", "--strength", "0.5"), "only runs that begin with a picture"),
        (("--control", "{picture}", "--runtime", "ort"), "has no files for 'ort', expected one of"),
        (("--control", "{picture}", "--out", "{here}/picture.txt"), "picture.txt"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    drawn: Path, command: Command, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (32, 32)).save(picture)
    filled = [text.format(picture=picture, here=tmp_path) for text in arguments]
    done = command("export", "run", drawn, "--prompt", PROMPT, *filled)
    assert done.code == 2 and said in done.err.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]


@pytest.fixture(scope="module")
def drawn(exports: Exports) -> Path:
    return exports.get("StableDiffusionControlNetPipeline", "onnx", OPTIONS["onnx"]).folder
