"""Tests compiled models (``.mlmodelc``): both forms of their text, round trips, and refusals."""

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from coremltools.proto import MIL_pb2, Model_pb2

import coreml_runtime
from coreml_runtime.errors import CoreMLRuntimeError, PackageError, PackagePathError, ProgramError
from coreml_runtime.inspection import random_inputs
from coreml_runtime.package import Package
from coreml_runtime.package.mil_text import read_program_text
from tests.coreml_runtime import seed_packages
from tests.coreml_runtime.mil_printer import Printer, compile_package, description_file

TEXT = """program(1.3)
[buildInfo = dict<string, string>({{"coremlc-component-MIL", "3600.16.1"}, {"note", "a \\"b\\""}})]
{
    func main<ios18>(tensor<fp32, [?, 4]> x) [FlexibleShapeInformation = tuple<tuple<string,
      dict<string, tensor<int32, [?]>>>, tuple<string, dict<string, list<tensor<int32, [2]>, ?>>>>((
      ("DefaultShapes", {{"x", [2, 4]}}), ("RangeDims", {{"x", [[1, 5], [4, 4]]}})))] {
            tensor<fp16, []> half = const()[val = tensor<fp16, []>(-0x1.8p-1)];
            fp32 tenth = const()[name = string("tenth"), val = fp32(0.1)];
            tensor<fp32, [4]> weight = const()[val = tensor<fp32, [4]>([0x1p+0, 2, inf, -1e2])];
            fp32 wide = cast(dtype = string("fp32"), x = half);
            tensor<fp32, [?, 4]> scaled = mul(x = x, y = wide)[name = string("scaled")];
            tensor<fp32, [?, 2]> left, tensor<fp32, [?, 2]> right = split(axis = int32(1),
              num_splits = int32(2), x = scaled);
            tensor<fp32, [?, 4]> swapped = concat(axis = int32(1), interleave = bool(false),
              values = (right, left));
            tensor<fp32, [?, 4]> shifted = add(x = swapped, y = tenth);
            tensor<fp32, [?, 4]> out = minimum(x = shifted, y = weight);
        } -> (out);
    func other<ios17>(tensor<fp32, [?, 4]> x) {
            tensor<fp32, [?, 4]> out = relu(x = x);
        } -> (out);
}"""


def _description(outputs: tuple[str, ...] = ("out",)) -> Model_pb2.Model:
    spec = Model_pb2.Model(specificationVersion=9)
    for features, names in ((spec.description.input, ("x",)), (spec.description.output, outputs)):
        for name in names:
            array = features.add(name=name).type.multiArrayType
            array.dataType = 65568  # float32
            if name == "x":
                array.shape.extend((2, 4))
                array.shapeRange.sizeRanges.add(lowerBound=1, upperBound=5)
                array.shapeRange.sizeRanges.add(lowerBound=4, upperBound=4)
    return spec


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """Return the folder of a compiled model with the program above."""
    folder = tmp_path / "model.mlmodelc"
    folder.mkdir()
    (folder / "model.mil").write_text(TEXT)
    (folder / "coremldata.bin").write_bytes(description_file(_description()))
    return folder


def test_every_form_of_the_text(compiled: Path) -> None:
    model = coreml_runtime.load(compiled)
    assert model.functions == ("main", "other")
    assert model.inputs[0].ranges == ((1, 5), (4, 4))
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    scaled = x * np.float32(-0.75)
    swapped = np.concatenate([scaled[:, 2:], scaled[:, :2]], 1) + np.float32(0.1)
    wanted = np.minimum(swapped, np.array([1, 2, np.inf, -100], np.float32))
    np.testing.assert_array_equal(model.predict({"x": x})["out"], wanted)
    other = coreml_runtime.load(compiled, "other")
    np.testing.assert_array_equal(other.predict({"x": x - 5})["out"], np.maximum(x - 5, 0))


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return seed_packages.build(tmp_path_factory.mktemp("seeds"))


@pytest.mark.parametrize("bare_scalars", [False, True], ids=["typed-scalars", "bare-scalars"])
def test_round_trip_of_every_seed_package(
    packages: list[Path], bare_scalars: bool, tmp_path: Path
) -> None:
    for path in packages:
        target = compile_package(path, tmp_path / path.stem, bare_scalars=bare_scalars)
        model, again = coreml_runtime.load(path), coreml_runtime.load(target)
        assert again.inputs == model.inputs and again.outputs == model.outputs
        given = random_inputs(model.inputs, 0)
        states = [one.make_state() if one.states else None for one in (model, again)]
        wanted, have = model.predict(given, states[0]), again.predict(given, states[1])
        for name, value in wanted.items():
            np.testing.assert_array_equal(have[name], value)
        printer = Printer(Package(target), bare_scalars=bare_scalars)
        text = (target / "model.mil").read_text()
        assert printer.program(Package(target).spec.mlProgram) == text


def test_pipeline_whose_stages_share_a_weight_file(packages: list[Path], tmp_path: Path) -> None:
    """The compiler writes one folder for each stage, and the weights beside them."""
    source = next(path for path in packages if path.stem == "network")
    spec = Package(source).spec
    pipeline = Model_pb2.Model(specificationVersion=spec.specificationVersion)
    pipeline.description.CopyFrom(spec.description)
    pipeline.pipeline.models.add().CopyFrom(spec)
    package = tmp_path / "pipeline.mlpackage"
    shutil.copytree(source, package, copy_function=shutil.copyfile)
    next(package.rglob("*.mlmodel")).write_bytes(pipeline.SerializeToString())
    target = compile_package(package, tmp_path / "pipeline.mlmodelc")
    assert not (target / "model.mil").exists()
    given = random_inputs(coreml_runtime.load(source).inputs, 0)
    wanted = coreml_runtime.load(source).predict(given)
    for name, value in coreml_runtime.load(target).predict(given).items():
        np.testing.assert_array_equal(value, wanted[name])


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("program(1.3)", "programme(1.3)", "line 1: expected 'program', found 'programme'"),
        ("relu(x = x)", "relu(x = )", "line 19: expected a name, found '\\)'"),
        ("int32(2)", "int32([2])", "a value does not fit its type: it has too many axes"),
        ("[0x1p+0, 2,", "[0x1p+0,", "an axis of 4 has another number of elements"),
        ("int32(2)", "int32(3000000000)", "an element lies outside int32"),
        ("bool(false)", "bool(0)", "its elements are not all of type bool"),
        ("tensor<fp16, []>", "tensor<fp17, []>", "unknown element type 'fp17'"),
        ("0x1p+0", "0x1p+99999", "is not a number"),
        ("[?, 4]> x) [", "[-1, 4]> x) [", "-1 is not a size"),
        ("func other", "func main", "a second function 'main'"),
        ("x = half", "x = half, x = half", "a second argument 'x'"),
        ('"3600.16.1"', '"3600.16.1', "line 2"),
        ("(((", "(" * 40, "nested deeper than 32"),
        ("} -> (out);\n}", "} -> (out);\n} more", "text after the program"),
        ("const()", "\x00onst()", "unexpected"),
        ("<ios18>", "<watch>", "unknown opset 'watch'"),
    ],
)  # fmt: skip
def test_malformed_text_is_one_line(compiled: Path, old: str, new: str, problem: str) -> None:
    text = TEXT.replace("((\n      (", "(((")
    assert old in text
    (compiled / "model.mil").write_text(text.replace(old, new))
    with pytest.raises(ProgramError, match=problem) as caught:
        coreml_runtime.load(compiled)
    assert "\n" not in str(caught.value)


def test_cut_text_is_refused_wherever_it_ends(compiled: Path) -> None:
    for length in range(0, len(TEXT) - 1, 7):
        with pytest.raises(ProgramError):
            read_program_text(TEXT[:length])
    assert isinstance(read_program_text(TEXT), MIL_pb2.Program)


def test_description_that_is_cut_or_unknown(compiled: Path) -> None:
    content = (compiled / "coremldata.bin").read_bytes()
    for length in range(0, len(content) - 16, 5):
        (compiled / "coremldata.bin").write_bytes(content[:length])
        with pytest.raises(CoreMLRuntimeError, match=r"coremldata\.bin"):
            coreml_runtime.load(compiled)
    huge = content[:28] + struct.pack("<Q", 1 << 63) + content[36:]
    (compiled / "coremldata.bin").write_bytes(huge)
    with pytest.raises(PackageError, match="a layout that is not known here"):
        coreml_runtime.load(compiled)


def test_weight_file_outside_the_compiled_model(packages: list[Path], tmp_path: Path) -> None:
    source = next(path for path in packages if path.stem == "network")
    target = compile_package(source, tmp_path / "network.mlmodelc")
    text = (target / "model.mil").read_text()
    (target / "model.mil").write_text(text.replace("@model_path/", "@model_path/../"))
    with pytest.raises(PackagePathError, match="leaves the package"):
        coreml_runtime.load(target)


def test_compiled_model_of_another_kind(compiled: Path) -> None:
    (compiled / "model.mil").rename(compiled / "model.espresso.net")
    with pytest.raises(CoreMLRuntimeError, match="no ML Program, the only kind that runs"):
        coreml_runtime.load(compiled)
