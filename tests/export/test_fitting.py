"""Components that overflow in fp16 are exported in fp32, and nothing else is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

import components
from components.recording import Peak
from export import open_artifact
from export.exporter import Request, export
from export.fitting import LARGEST, MARGIN, fitting
from export.formats import Options, format_named
from support.progress import silent

COREML, ONNX = format_named("coreml"), format_named("onnx")


@given(value=st.floats(0, 1e30), precision=st.sampled_from(["fp16", "fp32"]))
def test_the_precision_follows_from_the_largest_number(value: float, precision: str) -> None:
    options, peak = Options(precision=precision), Peak(value=value, operation="mul")
    for format_ in (COREML, ONNX):
        found = fitting(options, format_, "decoder", peak, silent).precision
        too_large = value * MARGIN > LARGEST and format_.computes_in_fp16
        assert found == ("fp32" if too_large else precision)


@pytest.fixture
def overflowing(tiny_checkpoint: Callable[[str], Path], tmp_path: Path) -> Path:
    """A Stable Diffusion whose VAE has numbers that fp16 cannot hold, as that of SDXL has."""
    checkpoint = tmp_path / "checkpoint"
    shutil.copytree(tiny_checkpoint("StableDiffusionPipeline"), checkpoint)
    file = checkpoint / "vae" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    # The next layer is a normalisation, which takes the factor out again.
    weights["decoder.conv_in.weight"] *= 2e5
    save_file(weights, file)
    return checkpoint


def test_a_decoder_that_overflows_is_exported_in_fp32_and_passes(
    overflowing: Path, tmp_path: Path
) -> None:
    peaks = components.record(components.load(overflowing)).peaks
    assert peaks["decoder"].value > LARGEST > peaks["unet"].value
    said: list[str] = []
    out = tmp_path / "out"
    request = Request(checkpoint=overflowing, format="coreml", out=out)
    rows = export(request, lambda what, *_: said.append(what))
    assert all(row.passed for row in rows)
    (line,) = (line for line in said if "fp32" in line)
    assert line.startswith("decoder is exported in fp32: numbers up to ")
    found = {entry.name: entry.precision for entry in open_artifact(out).manifest.components}
    assert found == {"text_encoder": "", "unet": "", "decoder": "fp32"}
