"""ONNX Runtime on `.onnx` files: the official build's CPU kernels, as on any desktop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

    from components import Arrays, Runner
    from eval.programs import Program


class Onnx:
    """See `eval.runtimes.Runtime`."""

    name = "onnx"
    about = "ONNX Runtime, .onnx, CPU"
    format, kind = "onnx", "onnx"
    byte_images = False

    def require(self) -> None:
        """ONNX Runtime is always here."""

    def load(self, artifact: Path, component: str, threads: int) -> Runner:
        from export.onnx.run import load

        return load(artifact, component, "onnx", threads=threads)

    def program(self, artifact: Path, component: str) -> Program:
        from eval.programs import onnx as reader
        from export.artifact import open_artifact

        return reader.read(open_artifact(artifact).model(component, "onnx"))

    def values(
        self, artifact: Path, component: str, inputs: Arrays
    ) -> Iterator[tuple[str, np.ndarray]]:
        """The graph's intermediate values; nothing is fused then."""
        import onnx

        from export.artifact import open_artifact

        model = onnx.load(open_artifact(artifact).model(component, "onnx"))
        yield from inner_values(model, inputs)


RUNTIMES = (Onnx,)


def inner_values(model: onnx.ModelProto, inputs: Arrays) -> Iterator[tuple[str, np.ndarray]]:
    """Every value that a model computes as it stands, by name, in its order. Values are made
    outputs of the model."""
    import onnx
    import onnxruntime as ort

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
