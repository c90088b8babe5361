"""Artifacts written by a recipe: their weights, read back, are the recipe's, bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from coremltools.converters.mil.frontend.milproto.load import load as to_mil
from coremltools.models.utils import load_spec
from onnx.reference import ReferenceEvaluator

from export import artifact
from export.exporter import Request, export
from export.formats import Options
from quantization import Packed, Recipe, SchemeError, apply, open_checkpoint, write
from tests.export.conftest import Exports

COMPONENTS = ("identity_encoder", "denoiser", "decoder")
OLD = [
    ("decoder.layers.1.*", "palette-1"),
    ("decoder.*", "palette-2"),
    ("denoiser.*conv1.weight", "int8"),
    ("denoiser.*attn1.to_*.weight", "int8"),
    ("denoiser.*attn2*", "palette-8"),
    ("denoiser.*", "palette-6"),
    ("*", "palette-4"),
]
NEW = [
    ("decoder.layers.1.*", "palette-3"),
    ("denoiser.*attn1.to_*.weight", "int4/16"),
    ("denoiser.*conv1.weight", "palette-4/8"),
    ("denoiser.*conv2.weight", "int4/8"),
    ("*", "palette-6"),
]


def recipe_file(folder: Path, patterns: list[tuple[str, str]]) -> Path:
    values = {"schema_version": 1, "pipeline": "AvatarPipeline", "patterns": patterns}
    (folder / "recipe.json").write_text(json.dumps(values), encoding="utf-8")
    return folder / "recipe.json"


def coreml_weights(package: Path) -> dict[str, dict[str, np.ndarray]]:
    """Inputs and result of every constexpr operation, by the name of its result."""
    weights = package / "Data" / "com.apple.CoreML" / "weights"
    spec = load_spec(str(package))
    program = to_mil(
        spec, specification_version=spec.specificationVersion, file_weights_dir=str(weights)
    )
    found = {}
    for operation in program.functions["main"].operations:
        if operation.op_type.startswith("constexpr"):
            values = {
                key: value.val for key, value in operation.inputs.items() if value is not None
            }
            dense = operation.materialized_val_inference()
            found[operation.outputs[0].name] = {**values, "dense": dense}
    return found


def check_coreml(tensor: Packed, found: dict[str, np.ndarray]) -> None:
    dense = tensor.dense().astype(np.float16)
    assert found["dense"].dtype == np.float16
    np.testing.assert_array_equal(found["dense"].reshape(dense.shape), dense)
    if tensor.scheme.kind == "palette":
        np.testing.assert_array_equal(found["lut"].reshape(-1), tensor.arrays["table"].reshape(-1))
        if "shape" in found:  # before iOS 18: bytes, packed
            np.testing.assert_array_equal(found["indices"], tensor.arrays["indices"])
        else:
            np.testing.assert_array_equal(found["indices"], tensor.integers())
    else:
        data = found["quantized_data"] if "quantized_data" in found else found["data"]
        np.testing.assert_array_equal(data.astype(np.int8), tensor.integers())
        np.testing.assert_array_equal(
            found["scale"].reshape(-1), tensor.arrays["scale"].reshape(-1)
        )


@pytest.mark.parametrize(("target", "patterns"), [("ios16", OLD), ("ios18", NEW)])
def test_coreml_holds_the_recipes_bits(
    exports: Exports, tmp_path: Path, target: str, patterns: list[tuple[str, str]]
) -> None:
    checkpoint, path = exports.checkpoint("avatar"), recipe_file(tmp_path, patterns)
    request = Request(
        checkpoint=checkpoint,
        format="coreml",
        out=tmp_path / "out",
        options=Options(target=target),
        recipe=path,
    )
    export(request)
    quantized = apply(checkpoint, Recipe.read(path))
    assert artifact.verify(tmp_path / "out").manifest.recipe == quantized.recipe.digest
    for name in COMPONENTS:
        found = coreml_weights(tmp_path / "out" / f"{name}.mlpackage")
        packed = {k: t for k, t in quantized.packed(name).items() if t.scheme.kind != "float16"}
        assert len(packed) == len(found) > 0
        for key, tensor in packed.items():
            check_coreml(tensor, found[f"p_module_{key.replace('.', '_')}_cast_fp16"])


def onnx_weights(path: Path) -> dict[str, np.ndarray]:
    """Every value of a graph that depends on stored weights alone."""
    graph = onnx.load(path).graph
    constant = {tensor.name for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.input and set(node.input) - {""} <= constant:
            constant |= set(node.output)
            nodes.append(node)
    names = [name for node in nodes for name in node.output]
    outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in names]
    part = onnx.helper.make_graph(nodes, "weights", [], outputs, list(graph.initializer))
    model = onnx.helper.make_model(part, opset_imports=[onnx.helper.make_opsetid("", 18)])
    return dict(zip(names, ReferenceEvaluator(model).run(None, {}), strict=True))


@pytest.mark.parametrize("patterns", [OLD, NEW])
def test_onnx_holds_the_recipes_bits(
    exports: Exports, tmp_path: Path, patterns: list[tuple[str, str]]
) -> None:
    checkpoint, path = exports.checkpoint("avatar"), recipe_file(tmp_path, patterns)
    options = Options(ort="none")
    export(
        Request(
            checkpoint=checkpoint, format="onnx", out=tmp_path / "o", options=options, recipe=path
        )
    )
    quantized = apply(checkpoint, Recipe.read(path))
    for name in COMPONENTS:
        file = tmp_path / "o" / f"{name}.onnx"
        stored = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(file).graph.initializer}
        values = onnx_weights(file)
        for key, tensor in quantized.packed(name).items():
            if tensor.scheme.kind != "float16":
                check_onnx(key, tensor, stored, values)


def check_onnx(
    key: str, tensor: Packed, stored: dict[str, np.ndarray], values: dict[str, np.ndarray]
) -> None:
    made = {name: value for name, value in values.items() if name.startswith(f"{key}.")}
    last = max(made, key=lambda name: int(name.removeprefix(f"{key}.").split(".")[0]))
    turned = not np.array_equal(made[last], tensor.dense())
    np.testing.assert_array_equal(made[last].T if turned else made[last], tensor.dense())
    for array, expected in tensor.arrays.items():
        name = (
            f"{key}.int8" if tensor.scheme.kind == "int8" and array == "data" else f"{key}.{array}"
        )
        turn_back = turned and tensor.scheme.kind == "int8" and array == "data"
        held = (stored[name].T if turn_back else stored[name]).reshape(-1)[: expected.size]
        np.testing.assert_array_equal(held, expected.reshape(-1))


def test_packed_files_are_as_small_as_the_recipe_promises(exports: Exports, tmp_path: Path) -> None:
    checkpoint, path = exports.checkpoint("avatar"), recipe_file(tmp_path, [("*", "palette-4")])
    options = Options(ort="packed")
    rows = export(
        Request(
            checkpoint=checkpoint, format="onnx", out=tmp_path / "o", options=options, recipe=path
        )
    )
    assert {row.way for row in rows} == {"onnx", "ort"}
    dense = exports.get("avatar", "onnx").folder
    for kind, share in (("onnx", 0.75), ("ort", 0.6)):
        file = f"identity_encoder.{kind}"
        assert (tmp_path / "o" / file).stat().st_size < share * (dense / file).stat().st_size


def test_a_quantized_checkpoint_gives_the_same_artifact_as_its_recipe(
    exports: Exports, tmp_path: Path
) -> None:
    checkpoint, path = exports.checkpoint("avatar"), recipe_file(tmp_path, OLD)
    write(apply(checkpoint, Recipe.read(path)), tmp_path / "quantized")
    options = Options(ort="none")
    made: list[dict[str, Any]] = []
    for out, request in (
        ("a", {"checkpoint": checkpoint, "recipe": path}),
        ("b", {"checkpoint": tmp_path / "quantized"}),
    ):
        export(Request(format="onnx", out=tmp_path / out, options=options, **request))  # type: ignore[arg-type]
        files = artifact.open_artifact(tmp_path / out).manifest.files
        made.append({entry.path: entry.sha256 for entry in files if entry.path != "README.md"})
    assert made[0] == made[1]
    assert open_checkpoint(tmp_path / "quantized").recipe == Recipe.read(path)


@pytest.mark.parametrize(
    ("scheme", "nearest"),
    [("palette-3", "palette-4"), ("palette-4/8", "palette-4"), ("int4/8", "palette-4")],
)
def test_a_scheme_that_the_target_lacks_names_the_nearest(
    exports: Exports, tmp_path: Path, scheme: str, nearest: str
) -> None:
    path = recipe_file(tmp_path, [("denoiser.*conv1.weight", scheme)])
    request = Request(
        checkpoint=exports.checkpoint("avatar"), format="coreml", out=tmp_path / "o", recipe=path
    )
    with pytest.raises(SchemeError, match=f"as {scheme}; the nearest it has is {nearest}$"):
        export(request)
    assert not (tmp_path / "o").exists()
