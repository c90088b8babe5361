"""Tests pipelines of programs, and detectors that end in the suppression model."""

import shutil
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813

import coreml_runtime
from coreml_runtime.errors import InputError, ProgramError, UnsupportedModelError

BOXES = np.array([[0, 0, 2, 2], [0.1, 0, 2, 2], [5, 5, 1, 1], [9, 9, 1, 1]], np.float32)
SCORES = np.array([[0.6, 0.1], [0.1, 0.9], [0.3, 0.2], [0.05, 0.01]], np.float32)


def _detector() -> Any:
    """Convert a program that returns four boxes, shifted, and their scores, scaled."""

    @mb.program(
        input_specs=[mb.TensorSpec(shape=(1,)), mb.TensorSpec(shape=(1,))],
        opset_version=ct.target.iOS16,
    )
    def program(shift, scale):
        return (
            mb.mul(x=scale, y=SCORES, name="raw_confidence"),
            mb.add(x=shift, y=BOXES, name="raw_coordinates"),
        )

    return ct.convert(
        program, minimum_deployment_target=ct.target.iOS16, skip_model_load=True,
        compute_precision=ct.precision.FLOAT32,
    )  # fmt: skip


def _suppression(per_class: bool) -> Any:
    spec = ct.proto.Model_pb2.Model()
    spec.specificationVersion = 5
    nms = spec.nonMaximumSuppression
    nms.iouThreshold, nms.confidenceThreshold = 0.5, 0.25
    nms.pickTop.perClass = per_class
    nms.stringClassLabels.vector.extend(["cat", "dog"])
    names = {"confidence": 2, "coordinates": 4}
    for name, width in names.items():
        setattr(nms, f"{name}InputFeatureName", f"raw_{name}")
        setattr(nms, f"{name}OutputFeatureName", name)
        for features, label in (
            (spec.description.input, f"raw_{name}"),
            (spec.description.output, name),
        ):
            array = features.add(name=label).type.multiArrayType
            array.dataType = ct.proto.FeatureTypes_pb2.ArrayFeatureType.FLOAT32
            if label == name:
                for low, high in ((0, -1), (width, width)):
                    array.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
            else:
                array.shape.extend([4, width])
    for name, key in (("iouThreshold", "iou"), ("confidenceThreshold", "least")):
        setattr(nms, f"{name}InputFeatureName", key)
        feature = spec.description.input.add(name=key)
        feature.type.doubleType.SetInParent()
        feature.type.isOptional = True
    return spec


def _package(stages: list[Any], path: Path, weights: Path) -> Path:
    """Write a pipeline of ``stages``; its inputs are those that no earlier stage produces."""
    spec = ct.proto.Model_pb2.Model()
    spec.specificationVersion = 7
    made: set[str] = set()
    for stage in stages:
        spec.pipeline.models.add().CopyFrom(stage)
        spec.description.input.extend(f for f in stage.description.input if f.name not in made)
        made |= {feature.name for feature in stage.description.output}
    spec.description.output.extend(stages[-1].description.output)
    saved = ct.models.utils._create_mlpackage(spec, str(weights))
    shutil.copytree(saved, path, copy_function=shutil.copyfile)
    return path


@pytest.fixture(scope="module", params=[True, False], ids=["per class", "across classes"])
def detector(request: pytest.FixtureRequest, tmp_path_factory) -> tuple[Path, bool]:
    model = _detector()
    stages = [model.get_spec(), _suppression(request.param)]
    path = tmp_path_factory.mktemp("pipeline") / "detector.mlpackage"
    return _package(stages, path, Path(model.weights_dir)), request.param


GIVEN = {"shift": np.zeros(1, np.float32), "scale": np.ones(1, np.float32)}


def test_a_detector(detector) -> None:
    path, per_class = detector
    model = coreml_runtime.load(path)
    assert [feature.name for feature in model.outputs] == ["confidence", "coordinates"]
    result = model.predict(GIVEN)
    kept = [1, 0, 2] if per_class else [1, 2]  # 0 is a cat behind the dog 1; 3 is too faint
    assert np.allclose(result["coordinates"], BOXES[kept])
    assert np.allclose(result["confidence"], SCORES[kept])


def test_thresholds_are_optional_inputs(detector) -> None:
    model = coreml_runtime.load(detector[0])
    everything = model.predict(GIVEN | {"iou": 1.0, "least": 0.0})
    assert len(everything["confidence"]) == 4
    nothing = model.predict(GIVEN | {"least": 0.95})
    assert nothing["coordinates"].shape == (0, 4)


def test_the_trace_goes_through_all_stages(detector) -> None:
    names = [name for name, _ in coreml_runtime.load(detector[0]).trace(GIVEN)]
    assert names[-2:] == ["confidence", "coordinates"] and "raw_confidence" in names
    with pytest.raises(InputError, match="missing: scale"):
        coreml_runtime.load(detector[0]).predict({"shift": np.zeros(1)})


def test_stages_that_do_not_fit(tmp_path: Path) -> None:
    model = _detector()
    alone = _suppression(True)
    alone.description.input[0].name = "nobody_makes_this"
    alone.nonMaximumSuppression.confidenceInputFeatureName = "nobody_makes_this"
    path = _package([model.get_spec(), alone], tmp_path / "a.mlpackage", Path(model.weights_dir))
    model_path = next(path.rglob("*.mlmodel"))
    spec = ct.proto.Model_pb2.Model()
    spec.ParseFromString(model_path.read_bytes())
    kept = [feature for feature in spec.description.input if feature.name != "nobody_makes_this"]
    del spec.description.input[:]
    spec.description.input.extend(kept)
    model_path.write_bytes(spec.SerializeToString())
    with pytest.raises(ProgramError, match="stage 2 has no nobody_makes_this"):
        coreml_runtime.load(path)


def test_other_kinds_of_stages_are_named(tmp_path: Path) -> None:
    model = _detector()
    other = ct.proto.Model_pb2.Model()
    other.neuralNetwork.SetInParent()
    path = _package([model.get_spec(), other], tmp_path / "b.mlpackage", Path(model.weights_dir))
    with pytest.raises(UnsupportedModelError, match="stage 2 of the pipeline is a neuralNetwork"):
        coreml_runtime.load(path)
