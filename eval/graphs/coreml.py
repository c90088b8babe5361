"""`.mlpackage` files, read by coremltools, which also unpacks compressed constants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import coreml_runtime
import export.coreml  # noqa: F401 (imports coremltools without its warnings)
from components import Arrays
from coreml_runtime.package import Package
from eval.graphs.graph import Graph, Operation
from support.quiet import quiet

_PREFIXES = ("p_module_", "b_module_")
_ENDS = ("_to_fp16", "_cast_fp16", "_quantized", "_palettized")


def read(package: Path) -> Graph:
    """Read the main function of a package.

    In `stored_as`, parameters have `_` for every dot, as `torch.export` writes them.
    """
    from coremltools.converters.mil.frontend.milproto.load import load as to_mil

    with quiet():
        # Not by coremltools' own load_spec, which writes the package's Manifest.json anew.
        spec = Package(package).spec
        program = to_mil(
            spec,
            specification_version=spec.specificationVersion,
            file_weights_dir=str(package / "Data" / "com.apple.CoreML" / "weights"),
        )
        operations = list(program.functions["main"].operations)
        constants = {}
        for operation in operations:
            if operation.op_type == "const":
                constants[operation.outputs[0].name] = operation.outputs[0].val
            elif operation.op_type.startswith("constexpr_"):
                constants[operation.outputs[0].name] = operation.materialized_val_inference()
    executed = tuple(
        _operation(operation, constants)
        for operation in operations
        if operation.op_type != "const" and not operation.op_type.startswith("constexpr_")
    )
    used = {name for operation in executed for name in operation.constants}
    kept = {name: np.asarray(constants[name]) for name in sorted(used) if _numbers(constants[name])}
    stored = {name: parameter for name in kept if (parameter := _parameter(name))}
    return Graph(operations=executed, constants=kept, stored_as=stored)


def inner_values(package: Path, inputs: Arrays) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every value of the program, as `coreml_runtime` computes it."""
    for name, value in coreml_runtime.load(package).trace(inputs):
        if isinstance(value, torch.Tensor):
            yield name, value.float().numpy()


def _operation(operation: Any, constants: dict[str, Any]) -> Operation:
    names = [
        value.name
        for values in operation.inputs.values()
        if values is not None
        for value in (values if isinstance(values, tuple | list) else (values,))
    ]
    return Operation(
        kind=operation.op_type,
        inputs=tuple(name for name in names if name not in constants),
        constants=tuple(name for name in names if name in constants),
        outputs=tuple(value.name for value in operation.outputs),
    )


def _numbers(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic) and np.asarray(value).dtype.kind == "f"


def _parameter(name: str) -> str:
    """The parameter that a constant is named after; empty where it is named after none."""
    prefix = next((prefix for prefix in _PREFIXES if name.startswith(prefix)), None)
    if prefix is None:
        return ""
    name = name.removeprefix(prefix)
    while ended := next((end for end in _ENDS if name.endswith(end)), None):
        name = name.removesuffix(ended)
    return name
