"""Exports whose components are expressed in another way, against the same reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export import ExportError, ManifestError, golden, open_artifact, runtimes, verify
from export.artifact import files_of
from export.exporter import Request, export
from export.formats import Options
from export.manifest import Manifest
from export.report import ANCHOR, FINAL_IMAGE, Row
from quantization import Recipe, parse
from tests.components.tiny import save_tiny_stable_diffusion
from tests.conftest import Command

MIXED = (
    ("unet.*.to_q.weight", "int4/32"),
    ("unet.*.ff.*", "int8"),
    ("unet.*.to_k.weight", "palette-4/8"),
    ("*", "palette-6"),
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_stable_diffusion(tmp_path_factory.mktemp("forms") / "sd")


def recipe(folder: Path) -> Path:
    patterns = tuple((pattern, parse(scheme)) for pattern, scheme in MIXED)
    path = folder / "recipe.json"
    path.write_bytes(Recipe(pipeline="StableDiffusionPipeline", patterns=patterns).dump())
    return path


def of(rows: tuple[Row, ...]) -> list[str]:
    return [row.name for row in rows]


FORMS = {
    "coreml": Options(
        target="ios18", attention="split_einsum", chunks=2, components=("unet",), precision="fp32"
    ),
    "onnx": Options(chunks=2, ort="none", precision="fp32"),
}


@pytest.mark.parametrize("format_", FORMS)
def test_packed_weights_fit_chunks_and_convolutions(
    format_: str, checkpoint: Path, tmp_path: Path
) -> None:
    """The floor of fp32 holds against the quantized reference: the weights are the recipe's."""
    options, out = FORMS[format_], tmp_path / "out"
    rows = export(
        Request(
            checkpoint=checkpoint, format=format_, out=out, options=options, recipe=recipe(tmp_path)
        )
    )
    names = options.components or ("text_encoder", "unet", "decoder")
    expected = names if options.components else (ANCHOR, *names, FINAL_IMAGE)
    assert of(rows) == [*expected] and all(row.psnr > 80 for row in rows)
    manifest = verify(out).manifest
    (whole,) = manifest.chunked
    assert [part.name for part in manifest.parts("unet")] == list(whole.chunks)
    assert list(whole.chunks) == [f"unet_chunk{i + 1}" for i in range(options.chunks)]
    assert manifest.wholes == names and manifest.golden.components.keys() == {*names}
    (kind,) = manifest.components[0].models
    parts = manifest.parts("unet")
    sizes = [sum(f.bytes for f in files_of(manifest, part.models[kind])) for part in parts]
    assert sum(sizes) < 1_900_000, "551,108 weights at 4 to 8 bits, and biases and norms in fp32"
    (runtime,) = [r for r in runtimes.of(manifest) if runtimes.is_here(r)]
    case = golden.read(out / manifest.golden.components["unet"])[0]
    got = runtime.load(out, "unet")(case.inputs)
    np.testing.assert_allclose(got["prediction"], case.outputs["prediction"], atol=2e-3)
    assert Manifest.parse(manifest.dump()) == manifest


def test_some_components_and_no_whole_run(
    checkpoint: Path, tmp_path: Path, command: Command
) -> None:
    call = ("export", "onnx", "--checkpoint", checkpoint, "--ort", "none")
    refused = command(*call, "--components", "vae", "--out", tmp_path / "out")
    assert refused.code == 2
    assert "no component 'vae'; there are text_encoder, unet, decoder" in refused.err
    done = command(*call, "--components", "decoder, text_encoder", "--out", tmp_path / "out")
    assert done.code == 0 and "compared text_encoder, decoder alone; no whole run" in done.err
    assert FINAL_IMAGE not in done.out and ANCHOR not in done.out
    manifest = open_artifact(tmp_path / "out").manifest
    assert manifest.wholes == ("text_encoder", "decoder")
    assert manifest.options["components"] == "decoder,text_encoder"


def test_convolutions_in_int8_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    layer = "decoder.decoder.conv_in"
    made = Recipe(
        pipeline="StableDiffusionPipeline",
        weights={f"{layer}.weight": (parse("int8"), (32, 4, 3, 3))},
        activations={layer: parse("int8")},
    )
    (tmp_path / "recipe.json").write_bytes(made.dump())
    options = Options(attention="split_einsum", ort="none")
    with pytest.raises(ExportError, match="--attention split_einsum makes convolutions"):
        export(
            Request(
                checkpoint=checkpoint,
                format="onnx",
                out=tmp_path / "out",
                options=options,
                recipe=tmp_path / "recipe.json",
            )
        )


def test_a_manifest_with_chunks_that_do_not_fit_is_one_line(
    checkpoint: Path, tmp_path: Path
) -> None:
    options = Options(chunks=2, components=("text_encoder",), ort="none")
    out = tmp_path / "out"
    export(Request(checkpoint=checkpoint, format="onnx", out=out, options=options))
    text = (out / "manifest.json").read_text()
    for planted, message in (
        (text.replace('"text_encoder_chunk2"\n', '"text_encoder_chunk3"\n', 1), "has no chunk"),
        (text.replace('"name": "passed_0"', '"name": "passed_9"', 1), "which nothing passes"),
    ):
        assert planted != text
        with pytest.raises(ManifestError, match=message):
            Manifest.parse(planted.encode())
