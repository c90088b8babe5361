"""ONNX and ORT files whose bytes depend on the model alone, and the files that lie beside them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx_ir as ir
import onnxruntime
import onnxscript
from onnxruntime.tools.convert_onnx_models_to_ort import (
    OptimizationStyle,
    convert_onnx_models_to_ort,
)
from onnxruntime.tools.ort_format_model import create_config_from_models

from components import Component, PipelineFacts
from export.artifact import DATA_SUFFIX
from export.onnx.ort_order import in_order
from support.quiet import quiet
from support.version import public_version

IR_VERSION = 8
"""What ONNX Runtime 1.14 reads; nothing in these models needs a newer one."""

EXTERNAL_FROM = 2**30
"""Bytes of stored weights from which on they lie in a file beside the graph. A protobuf message
holds less than 2 GiB, and is three times in memory while it is written or read."""

ORT_FROM = 2**31 - 2**24
"""Bytes of weights from which on there is no `.ort` file: a FlatBuffer holds less than 2 GiB."""

_INLINE = 1024
"""Bytes of the largest tensor that stays in the graph then: shapes, which readers want to see."""

OPERATORS = "required_operators_and_types.config"
"""What a reduced build of ONNX Runtime must contain to run the `.ort` files."""


def describe(model: ir.Model, component: Component, facts: PipelineFacts, version: str) -> None:
    """Replace a model's metadata by the component's descriptions, in place.

    The exporter writes source lines with local paths, fx nodes and stack traces on every node.
    """
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        node.doc_string = None
        for output in node.outputs:
            _strip(output)
    for value in (*model.graph.inputs, *model.graph.initializers.values()):
        _strip(value)
    model.graph.metadata_props.clear()
    model.graph.name, model.graph.doc_string = component.name, None
    model.metadata_props.clear()
    model.metadata_props.update(licence=facts.licence, version=version)
    model.doc_string = component.description
    model.producer_name, model.producer_version = facts.title, version
    model.ir_version = IR_VERSION
    texts = {spec.name: spec.description for spec in (*component.inputs, *component.outputs)}
    for value in (*model.graph.inputs, *model.graph.outputs):
        value.doc_string = texts[value.name or ""]


def stored(model: ir.Model) -> int:
    """Bytes of the weights that a model stores."""
    tensors = (value.const_value for value in model.graph.initializers.values())
    return sum(tensor.nbytes for tensor in tensors if tensor is not None)


def write(model: ir.Model, path: Path, *, external: bool = False) -> None:
    """Write one `.onnx` file. Law: the same model gives the same bytes.

    Args:
        model: The model. With `external` its weights lie in the new file afterwards.
        path: Path of the file.
        external: Whether the weights are written one by one into `NAME.onnx.data`, beside it.
    """
    if external:
        data = path.name + DATA_SUFFIX
        ir.external_data.unload_from_model(
            model, path.parent, data, size_threshold_bytes=_INLINE, alignment=4096
        )
    path.write_bytes(ir.to_proto(model).SerializeToString(deterministic=True))


def write_ort(model: ir.Model, path: Path, *, optimise: bool = True) -> None:
    """Write one `.ort` file for ARM with all optimisations baked in (Fixed style).

    Law: the same model gives the same bytes.

    Args:
        model: An fp32 model. (An fp16 one would get casts baked in on x86 and end up larger.)
        path: Path of the file, ending in `.ort`.
        optimise: False keeps packed weights packed. They are then unpacked in every call, because
            a reader of `.ort` files folds nothing.
    """
    with TemporaryDirectory(dir=path.parent) as scratch:
        write(model, source := Path(scratch) / "model.onnx")
        with quiet(), _level("all" if optimise else "disable"):
            convert_onnx_models_to_ort(
                source,
                optimization_styles=[OptimizationStyle.Fixed],
                target_platform="arm",
                enable_type_reduction=True,
            )
        (unordered,) = Path(scratch).glob("*.ort")
        path.write_bytes(in_order(unordered.read_bytes()))


@contextmanager
def _level(level: str) -> Iterator[None]:
    """Set the converter's level of optimisation, which it reads from the environment only."""
    name = "ORT_CONVERT_ONNX_MODELS_TO_ORT_OPTIMIZATION_LEVEL"
    before = os.environ.get(name)
    os.environ[name] = level
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def write_operators(folder: Path) -> None:
    """Write the required-operators config for all `.ort` files of a folder, without paths."""
    path = folder / OPERATORS
    models = sorted(folder.glob("*.ort"))
    with quiet():
        create_config_from_models(models, path, enable_type_reduction=True)
    lines = path.read_text(encoding="utf-8").splitlines()
    names = ", ".join(model.name for model in models)
    header = f"# ONNX Runtime {onnxruntime.__version__}: operators and types of {names}"
    kept = [line for line in lines if not line.startswith("#")]
    path.write_bytes("\n".join([header, *kept, ""]).encode())


def write_optimum_config(folder: Path) -> None:
    """Write the `config.json` that optimum needs to open a folder.

    Optimum asks for a `model_type` that transformers knows, and `ORTModelForCustomTasks` then reads
    nothing else of it: `ORTModelForCustomTasks.from_pretrained(folder, file_name="X.onnx")`.
    """
    config = {"architectures": ["ORTModelForCustomTasks"], "model_type": "vit"}
    text = json.dumps(config, indent=2, sort_keys=True)
    (folder / "config.json").write_bytes(f"{text}\n".encode())


def operations(model: ir.Model) -> int:
    """The number of operations that the model executes.

    What depends on stored weights alone is folded when the model is loaded, except
    DequantizeLinear, which ONNX Runtime keeps for its int8 kernels.
    """
    constant = {id(value) for value in model.graph.initializers.values()}
    executed = 0
    for node in model.graph.all_nodes():
        inputs = [value for value in node.inputs if value is not None]
        if inputs and node.op_type != "DequantizeLinear" and {*map(id, inputs)} <= constant:
            constant |= {id(value) for value in node.outputs}
        else:
            executed += 1
    return executed


def tools() -> dict[str, str]:
    """Versions of the libraries that shape the files."""
    modules = {"onnxruntime": onnxruntime, "onnxscript": onnxscript, "onnx_ir": ir}
    return {name: public_version(module.__version__) for name, module in modules.items()}


def _strip(value: ir.Value) -> None:
    value.metadata_props.clear()
    value.doc_string = None
