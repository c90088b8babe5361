"""Artifacts written by a recipe: their weights, read back, are the recipe's, bit for bit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from coremltools.converters.mil.frontend.milproto.load import load as to_mil
from coremltools.models.utils import load_spec
from onnx.reference import ReferenceEvaluator

from export import artifact
from export.exporter import Request, export
from export.formats import Options
from export.report import Row
from quantization import (
    FLOAT16,
    INT8,
    LookUp,
    PackedTensor,
    QuantizedPipeline,
    Recipe,
    RecipeError,
    Scaled,
    SchemeError,
    apply,
    write_quantized,
)
from tests.exports import Exports

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


def check_coreml(tensor: PackedTensor, found: dict[str, np.ndarray]) -> None:
    dense = tensor.dense().astype(np.float16)
    assert found["dense"].dtype == np.float16
    np.testing.assert_array_equal(found["dense"].reshape(dense.shape), dense)
    form = tensor.form
    if isinstance(form, LookUp):
        np.testing.assert_array_equal(found["lut"].reshape(-1), tensor.arrays["table"].reshape(-1))
        if "shape" in found:  # before iOS 18: bytes, packed
            np.testing.assert_array_equal(found["indices"], tensor.arrays["indices"])
        else:
            np.testing.assert_array_equal(found["indices"], form.indices())
    else:
        assert isinstance(form, Scaled)
        data = found["quantized_data"] if "quantized_data" in found else found["data"]
        np.testing.assert_array_equal(data.astype(np.int8), form.integers())
        np.testing.assert_array_equal(
            found["scale"].reshape(-1), tensor.arrays["scale"].reshape(-1)
        )


@dataclass(frozen=True)
class Made:
    """An artifact, its report, and what it must hold."""

    folder: Path
    rows: tuple[Row, ...]
    recipe: Path
    quantized: QuantizedPipeline


@pytest.fixture(scope="module")
def make(exports: Exports, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Made]:
    """Exports by a recipe, each made once."""

    @cache
    def made(format_: str, which: str, options: Options) -> Made:
        folder, checkpoint = tmp_path_factory.mktemp("recipe"), exports.checkpoint("avatar")
        path = recipe_file(folder, {"old": OLD, "new": NEW}[which])
        rows = export(
            Request(
                checkpoint=checkpoint,
                format=format_,
                out=folder / "out",
                options=options,
                recipe=path,
            )
        )
        return Made(folder / "out", rows, path, apply(checkpoint, Recipe.read(path)))

    return made


@pytest.mark.parametrize(("target", "which"), [("ios16", "old"), ("ios18", "new")])
def test_coreml_holds_the_recipes_bits(make: Callable[..., Made], target: str, which: str) -> None:
    made = make("coreml", which, Options(target=target))
    assert artifact.verify(made.folder).manifest.recipe == made.quantized.recipe.digest
    for name in COMPONENTS:
        found = coreml_weights(made.folder / f"{name}.mlpackage")
        state = made.quantized.packed(name).items()
        packed = {key: tensor for key, tensor in state if tensor.scheme != FLOAT16}
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
    # The reference evaluator has no int8 DequantizeLinear before opset 21.
    model = onnx.helper.make_model(part, opset_imports=[onnx.helper.make_opsetid("", 21)])
    return dict(zip(names, ReferenceEvaluator(model).run(None, {}), strict=True))


ONNX = {"old": Options(ort="none"), "new": Options(ort="packed")}


@pytest.mark.parametrize("which", ["old", "new"])
def test_onnx_holds_the_recipes_bits(make: Callable[..., Made], which: str) -> None:
    made = make("onnx", which, ONNX[which])
    for name in COMPONENTS:
        file = made.folder / f"{name}.onnx"
        stored = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(file).graph.initializer}
        values = onnx_weights(file)
        for key, tensor in made.quantized.packed(name).items():
            if tensor.scheme != FLOAT16:
                check_onnx(key, tensor, stored, values)


def check_onnx(
    key: str, tensor: PackedTensor, stored: dict[str, np.ndarray], values: dict[str, np.ndarray]
) -> None:
    made = {name: value for name, value in values.items() if name.startswith(f"{key}.")}
    last = max(made, key=lambda name: int(name.removeprefix(f"{key}.").split(".")[0]))
    turned = not np.array_equal(made[last], tensor.dense())
    np.testing.assert_array_equal(made[last].T if turned else made[last], tensor.dense())
    for array, expected in tensor.arrays.items():
        name = f"{key}.int8" if tensor.scheme == INT8 and array == "data" else f"{key}.{array}"
        turn_back = turned and tensor.scheme == INT8 and array == "data"
        held = (stored[name].T if turn_back else stored[name]).reshape(-1)[: expected.size]
        np.testing.assert_array_equal(held, expected.reshape(-1))


def test_files_are_as_small_as_the_recipe_promises(
    make: Callable[..., Made], exports: Exports
) -> None:
    made, dense = make("onnx", "new", ONNX["new"]), exports.get("avatar", "onnx").folder
    assert {row.runtime for row in made.rows} == {"PyTorch", "onnx", "ort"}
    name = "identity_encoder"  # the largest of the tiny ones
    saved = sum(
        2 * math.prod(tensor.shape) - tensor.size for tensor in made.quantized.packed(name).values()
    )
    for kind, halves in (("onnx", 1), ("ort", 2)):  # .ort files hold fp32
        packed, full = (f / f"{name}.{kind}" for f in (made.folder, dense))
        assert packed.stat().st_size < full.stat().st_size - 0.6 * halves * saved


def test_a_quantized_checkpoint_gives_the_same_artifact_as_its_recipe(
    make: Callable[..., Made], tmp_path: Path
) -> None:
    made = make("onnx", "old", ONNX["old"])
    write_quantized(made.quantized, tmp_path / "quantized")
    export(
        Request(
            checkpoint=tmp_path / "quantized",
            format="onnx",
            out=tmp_path / "out",
            options=ONNX["old"],
        )
    )
    for name in COMPONENTS:
        again = (tmp_path / "out" / f"{name}.onnx").read_bytes()
        assert again == (made.folder / f"{name}.onnx").read_bytes()
    manifest = artifact.open_artifact(tmp_path / "out").manifest
    assert manifest.recipe == made.quantized.recipe.digest


def test_a_quantized_checkpoint_takes_no_recipe(exports: Exports, tmp_path: Path) -> None:
    path = recipe_file(tmp_path, [("*", "palette-4")])
    write_quantized(apply(exports.checkpoint("avatar"), Recipe.read(path)), tmp_path / "quantized")
    request = Request(
        checkpoint=tmp_path / "quantized", format="onnx", out=tmp_path / "out", recipe=path
    )
    with pytest.raises(RecipeError, match="is quantized already; leave out the recipe"):
        export(request)


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
