from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import coreml_runtime
from export import ArtifactError, ExportError, golden, verify
from export.coreml.run import load
from export.exporter import Request, export
from export.formats import Options
from export.manifest import Manifest
from export.multifunction import join
from tests.components.tiny import save_tiny_stable_diffusion
from tests.conftest import Command

OPTIONS = Options(target="ios18", components=("decoder",))
WEIGHTS = "decoder.mlpackage/Data/com.apple.CoreML/weights/weight.bin"


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two artifacts: the second has another size, and one other weight, as after a LoRA."""
    root = tmp_path_factory.mktemp("functions")
    square = save_tiny_stable_diffusion(root / "checkpoints" / "square")
    made = {}

    wide = root / "checkpoints" / "wide"
    shutil.copytree(square, wide)
    config = wide / "unet" / "config.json"
    values = json.loads(config.read_text()) | {"sample_size": [16, 24]}
    config.write_text(json.dumps(values))
    path = wide / "vae" / "diffusion_pytorch_model.safetensors"
    state = load_file(path)
    state["decoder.conv_in.weight"] += 0.01 * torch.randn_like(state["decoder.conv_in.weight"])
    save_file(state, path)
    for name, folder in (("square", square), ("wide", wide)):
        made[name] = root / name
        export(Request(checkpoint=folder, format="coreml", out=root / name, options=OPTIONS))
    return made


def test_functions_equal_their_sources_and_share_weights(
    sources: dict[str, Path], tmp_path: Path, command: Command
) -> None:
    out = tmp_path / "joined"
    done = command("export", "multifunction", *sources.values(), "--out", out, "--default", "wide")
    assert (done.code, done.out) == (0, f"published {out}: wide, square\n")
    manifest = verify(out).manifest
    assert Manifest.parse(manifest.dump()) == manifest
    for name, source in sources.items():
        own = verify(source).manifest
        function = manifest.function(name)
        assert function.checkpoint == own.checkpoint
        for entry in own.components:
            shapes = function.component(entry.name)
            assert (shapes.inputs, shapes.outputs) == (entry.inputs, entry.outputs)
            case = golden.read(out / function.golden.components[entry.name])[0]
            expected = load(source, entry.name)(case.inputs)
            got = load(out, entry.name, function=name)(case.inputs)
            for output, array in expected.items():
                np.testing.assert_array_equal(got[output], array)
            if name == "wide":
                assert load(out, entry.name)(case.inputs).keys() == expected.keys()
    package = out / "decoder.mlpackage"
    assert coreml_runtime.load(package).functions == ("square", "wide")
    # The functions have the same weights, but for one convolution of 4 to 32 channels.
    joined, alone = ((folder / WEIGHTS).stat().st_size for folder in (out, sources["square"]))
    assert joined <= alone + 4 * 32 * 9 * 2 + 256
    assert "functions wide, square" in command("export", "verify", out).out
    join([*sources.values()], tmp_path / "again", "wide")
    assert contents(tmp_path / "again") == contents(out), "the same artifacts give the same bytes"


def changed(source: Path, folder: Path, **changes: object) -> Path:
    """A copy of an artifact with other fields in its manifest."""
    shutil.copytree(source, folder)
    path = folder / "manifest.json"
    path.write_bytes(replace(Manifest.parse(path.read_bytes()), **changes).dump())
    return folder


def test_what_cannot_be_joined_is_one_line(sources: dict[str, Path], tmp_path: Path) -> None:
    square, wide = sources["square"], sources["wide"]
    out = tmp_path / "out"
    with pytest.raises(ExportError, match="needs artifacts in folders of two names"):
        join([square], out)
    with pytest.raises(ExportError, match="no function 'tall'; there are square, wide"):
        join([square, wide], out, "tall")
    older = changed(wide, tmp_path / "older", options={"target": "ios17"})
    with pytest.raises(ExportError, match=r"older is of format coreml for ios17.*ios18"):
        join([square, older], out)
    other = changed(wide, tmp_path / "other", licence="MIT")
    with pytest.raises(ExportError, match="other differs in its licence from the default"):
        join([square, other], out)
    shutil.copytree(wide, tmp_path / "512x512")
    with pytest.raises(ExportError, match="512x512 cannot give a function its name"):
        join([square, tmp_path / "512x512"], out)
    with pytest.raises(ArtifactError, match="no artifact at"):
        join([square, tmp_path / "nowhere"], out)
    assert not out.exists()
    with pytest.raises(ArtifactError, match="has no function 'tall'; there are none"):
        load(square, "decoder", function="tall")
