"""Components of an ONNX artifact, run by ONNX Runtime."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime as ort

from components import Arrays, Runner
from components.component import check_inputs
from export.artifact import open_artifact
from export.joined import joined

Kind = Literal["onnx", "ort"]

EXACT_INT8 = ("session.disable_quant_qdq", "1")
"""Layers in int8 are then computed as the file describes them, quantized values held in fp32.

Phones' int8 kernels add in 32 bits. Those of x86 processors without VNNI add pairs of products in
16 bits first, which overflow and saturate (ONNX Runtime's documentation, "Quantize ONNX models"):
their results would not be a phone's, and would depend on the machine.
"""


def load(artifact: Path | str, component: str, kind: Kind = "onnx", *, threads: int = 0) -> Runner:
    """Load one component as a callable from named arrays to named arrays.

    Args:
        artifact: The artifact's folder.
        component: The component's name; one that is exported in chunks is joined.
        kind: `onnx` (smaller files) or `ort` (for reduced builds of ONNX Runtime).
        threads: Threads inside an operation; 0 lets ONNX Runtime choose.

    Raises:
        ArtifactError: The folder is not a whole ONNX artifact or lacks the component.
    """
    opened = open_artifact(artifact)
    if (whole := opened.manifest.cut(component)) is not None:
        return joined(
            opened.manifest, whole, lambda name: load(artifact, name, kind, threads=threads)
        )
    path = opened.model(component, kind)
    entry = opened.component(component)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if platform.machine().lower() in ("x86_64", "amd64"):
        options.add_session_config_entry(*EXACT_INT8)
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [spec.name for spec in entry.outputs]

    def call(inputs: Arrays) -> dict[str, np.ndarray]:
        check_inputs(entry.inputs, inputs)
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    return call
