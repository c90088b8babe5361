"""Components of an ONNX artifact, run by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime as ort

from components import Arrays, Runner
from components.component import check_inputs
from export.artifact import open_artifact

Kind = Literal["onnx", "ort"]


def load(artifact: Path | str, component: str, kind: Kind = "onnx", *, threads: int = 0) -> Runner:
    """Load one component as a callable from named arrays to named arrays.

    Args:
        artifact: The artifact's folder.
        component: Which component.
        kind: The `.onnx` (smaller) or the `.ort` (for reduced builds of ONNX Runtime).
        threads: Threads inside an operation; 0 lets ONNX Runtime choose.

    Raises:
        ArtifactError: The folder is not a whole ONNX artifact or lacks the component.
    """
    opened = open_artifact(artifact)
    path = opened.model(component, kind)
    entry = opened.component(component)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [spec.name for spec in entry.outputs]

    def call(inputs: Arrays) -> dict[str, np.ndarray]:
        check_inputs(entry.inputs, inputs)
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    return call
