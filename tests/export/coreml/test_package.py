from __future__ import annotations

from pathlib import Path

import coremltools as ct
import pytest
import torch
from torch import Tensor, nn

from components import Component, PipelineFacts, TensorSpec
from export import ConversionError, open_artifact
from export.coreml import package
from export.coreml.convert import convert
from export.coreml.run import load
from export.formats import Options
from tests.exports import Exports

FACTS = PipelineFacts(title="T", summary="S", licence="MIT")


def component(module: nn.Module) -> Component:
    return Component(
        name="net",
        description="A net.",
        module=module.eval(),
        inputs=(TensorSpec(name="x", shape=(1, 8), description="The input."),),
        outputs=(TensorSpec(name="y", shape=(1, 4), description="The output."),),
    )


def written(folder: Path, net: Component) -> dict[str, bytes]:
    path = folder / "net.mlpackage"
    spec = convert(net, path, target="ios16", precision="fp16")
    package.describe(spec, net, FACTS, "1.2")
    package.normalise(spec)
    package.write(spec, path)
    files = (file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def test_same_model_same_bytes_and_other_weights_other_identifiers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(8, 4)
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder in folders:
        folder.mkdir()
    first, second = (written(folder, component(linear)) for folder in folders[:2])
    assert first == second
    assert sorted(first) == [
        "Data/com.apple.CoreML/model.mlmodel",
        "Data/com.apple.CoreML/weights/weight.bin",
        "Manifest.json",
    ]
    other = written(folders[2], component(nn.Linear(8, 4)))
    assert other["Manifest.json"] != first["Manifest.json"]


def test_metadata_is_ours_and_dateless(tmp_path: Path) -> None:
    written(tmp_path, component(nn.Linear(8, 4)))
    model = ct.models.MLModel(str(tmp_path / "net.mlpackage"), skip_model_load=True)
    assert (model.license, model.version, model.short_description) == ("MIT", "1.2", "A net.")
    assert model.input_description["x"] == "The input."
    assert model.output_description["y"] == "The output."
    metadata = dict(model.user_defined_metadata)
    assert not any("date" in key for key in metadata)
    assert not any("+" in value for value in metadata.values()), "no local build tag"


class _Svd(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.svd(x.reshape(2, 4))[1][None].repeat(1, 2)


def test_what_core_ml_cannot_express_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="Core ML cannot express net") as caught:
        written(tmp_path, component(_Svd()))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_models_open_in_coremltools_with_our_names_and_an_rgb_image(exports: Exports) -> None:
    artifact = open_artifact(exports.get("avatar", "coreml").folder)
    for entry in artifact.manifest.components:
        path = artifact.model(entry.name, "mlpackage")
        spec = ct.models.MLModel(str(path), skip_model_load=True).get_spec()
        assert spec.specificationVersion == ct.target.iOS16.value
        for features, specs in (
            (spec.description.input, entry.inputs),
            (spec.description.output, entry.outputs),
        ):
            assert [feature.name for feature in features] == [s.name for s in specs]
            for feature, expected in zip(features, specs, strict=True):
                assert feature.shortDescription == expected.description
                if expected.image:
                    image = feature.type.imageType
                    rgb = ct.proto.FeatureTypes_pb2.ImageFeatureType.RGB
                    assert (image.height, image.width) == expected.shape[2:]
                    assert image.colorSpace == rgb
                else:
                    assert tuple(feature.type.multiArrayType.shape) == expected.shape


@pytest.mark.slow
@pytest.mark.parametrize("options", [Options(), Options(precision="fp32", target="ios18")])
def test_no_tensor_has_a_rank_above_four(options: Options, exports: Exports) -> None:
    pipelines = ("avatar", "StableDiffusionPipeline") if options == Options() else ("avatar",)
    for pipeline in pipelines:
        artifact = open_artifact(exports.get(pipeline, "coreml", options).folder)
        for entry in artifact.manifest.components:
            path = artifact.model(entry.name, "mlpackage")
            spec = ct.models.MLModel(str(path), skip_model_load=True).get_spec()
            (block,) = spec.mlProgram.functions["main"].block_specializations.values()
            for op in block.operations:
                for output in op.outputs:
                    assert output.type.tensorType.rank <= 4, (entry.name, op.type, output.name)


@pytest.mark.slow
def test_images_come_out_in_zero_to_one(exports: Exports) -> None:
    folder = exports.get("avatar", "coreml").folder
    (image,) = load(folder, "decoder")({"latents": torch.randn(1, 8, 32, 32).numpy()}).values()
    assert image.shape == (1, 3, 256, 256) and image.dtype == "float32"
    assert 0 <= image.min() < image.max() <= 1.001
