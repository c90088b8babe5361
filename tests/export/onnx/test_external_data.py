"""Models whose weights lie in a file beside the graph, because one file could not hold them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from eval import graphs
from export import ArtifactError, ConversionError, open_artifact, verify
from export.exporter import Request, export
from export.formats import Options
from export.onnx import package
from export.onnx.run import load
from tests.export.onnx.test_compress import _Net, model_of
from tests.exports import Exports

# The tiny UNet and decoder are larger than this, the text encoder is not.
LIMIT = 100_000
SD = "StableDiffusionPipeline"
SPLIT = Options(external_from=LIMIT, ort_from=LIMIT)


def test_large_components_keep_their_weights_beside_the_graph(exports: Exports) -> None:
    exported = exports.get(SD, "onnx", SPLIT)
    artifact = verify(exported.folder)
    listed = {entry.path: entry.bytes for entry in artifact.manifest.files}
    assert "text_encoder.onnx.data" not in listed and "text_encoder.ort" in listed
    for name in ("unet", "decoder"):
        assert artifact.component(name).models == {"onnx": f"{name}.onnx"}
        assert listed[f"{name}.onnx.data"] > 10 * listed[f"{name}.onnx"] / 8
        graph = onnx.load(exported.folder / f"{name}.onnx", load_external_data=False)
        held = [tensor for tensor in graph.graph.initializer if tensor.data_location]
        places = {p.value for tensor in held for p in tensor.external_data if p.key == "location"}
        assert places == {f"{name}.onnx.data"}
    sizes = {row.name: row.size for row in exported.rows if row.runtime == "onnx" and row.size}
    assert sizes["unet"] == listed["unet.onnx"] + listed["unet.onnx.data"]
    assert [row.name for row in exported.rows if row.runtime == "ort"] == ["text_encoder"]


def test_they_compute_what_models_in_one_file_do(exports: Exports) -> None:
    split, whole = (
        exports.get(SD, "onnx", SPLIT),
        exports.get(SD, "onnx"),
    )
    entry = open_artifact(split.folder).component("unet")
    generator = np.random.default_rng(0)
    inputs = {s.name: generator.normal(size=s.shape).astype(np.float32) for s in entry.inputs}
    found, expected = (load(e.folder, "unet")(inputs)["prediction"] for e in (split, whole))
    np.testing.assert_array_equal(found, expected)
    one, other = (graphs.read("onnx", e.folder / "unet.onnx") for e in (split, whole))
    assert one.operations == other.operations and one.stored_as == other.stored_as
    assert all(np.array_equal(one.constants[n], other.constants[n]) for n in other.constants)
    inner = dict(graphs.inner_values("onnx", split.folder / "unet.onnx", inputs))
    np.testing.assert_allclose(inner["prediction"], expected, atol=1e-5)


def test_the_same_model_gives_the_same_two_files(tmp_path: Path) -> None:
    written = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        package.write(model_of(_Seeded()), tmp_path / name / "net.onnx", external=True)
        written.append({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()})
    assert written[0] == written[1] and set(written[0]) == {"net.onnx", "net.onnx.data"}


def test_weights_that_are_cut_short_are_found_when_the_model_is_opened(
    exports: Exports, tmp_path: Path
) -> None:
    folder = shutil.copytree(exports.get(SD, "onnx", SPLIT).folder, tmp_path / "artifact")
    data = folder / "unet.onnx.data"
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=r"unet\.onnx\.data has \d+ bytes"):
        load(folder, "unet")


@pytest.mark.parametrize("files", ["dense", "packed"])
def test_ort_files_that_cannot_exist_are_refused_where_they_were_asked_for(
    files: str, exports: Exports, tmp_path: Path
) -> None:
    request = Request(
        checkpoint=exports.checkpoint(SD),
        format="onnx",
        out=tmp_path / "out",
        options=replace(SPLIT, ort=files),
    )
    with pytest.raises(ConversionError, match=r"unet: its .* that an \.ort file can hold; ") as e:
        export(request)
    assert "\n" not in str(e.value) and not (tmp_path / "out").exists()


def test_what_is_left_out_is_said(exports: Exports, tmp_path: Path) -> None:
    said: list[str] = []
    options = replace(SPLIT, precision="fp32")
    request = Request(
        checkpoint=exports.checkpoint(SD),
        format="onnx",
        out=tmp_path / "out",
        options=options,
    )
    export(request, said.append)
    assert [line for line in said if "no .ort file" in line] == [
        line for name in ("unet", "decoder") for line in said if line.startswith(f"{name} has no")
    ]


class _Seeded(_Net):
    def __init__(self) -> None:
        import torch

        torch.manual_seed(0)
        super().__init__()
