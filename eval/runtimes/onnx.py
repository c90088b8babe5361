"""ONNX Runtime on `.onnx` files: the official build's CPU kernels, as on any desktop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

from components import Arrays, Runner
from eval.programs import Program
from eval.programs import onnx as reader
from export.artifact import open_artifact
from export.onnx.run import load


class Onnx:
    """See `eval.runtimes.Runtime`."""

    name = "onnx"
    about = "ONNX Runtime, .onnx, CPU"
    kind = "onnx"
    byte_images = False

    def require(self) -> None:
        """ONNX Runtime is always here."""

    def load(self, artifact: Path, component: str, threads: int) -> Runner:
        return load(artifact, component, "onnx", threads=threads)

    def program(self, artifact: Path, component: str) -> Program:
        return reader.read(open_artifact(artifact).model(component, "onnx"))

    def values(
        self, artifact: Path, component: str, inputs: Arrays
    ) -> Iterator[tuple[str, np.ndarray]]:
        """The graph's intermediate values; nothing is fused then."""
        model = onnx.load(open_artifact(artifact).model(component, "onnx"))
        yield from inner_values(model, inputs)


def inner_values(model: onnx.ModelProto, inputs: Arrays) -> Iterator[tuple[str, np.ndarray]]:
    """Every value that a model computes as it stands, by name, in its order. Values are made
    outputs of the model."""
    names = [name for node in model.graph.node for name in node.output if name]
    known = {output.name for output in model.graph.output}
    model.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(name) for name in names if name not in known
    )
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    yield from zip(names, session.run(names, dict(inputs)), strict=True)
