"""Edits of the numbers in `.ort` files, in place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.InferenceSession import (
    InferenceSession,
)

from tests.eval.planting.files import rewrite


def weight(component: str, name: str, how: Callable[[np.ndarray], np.ndarray]) -> Any:
    """A planting in the numbers of one weight, which is stored in fp32."""

    def plant(folder: Path) -> None:
        path = folder / f"{component}.ort"
        data = bytearray(path.read_bytes())
        array = _numbers(data, name)
        array[...] = how(array.copy())
        rewrite(path, bytes(data))

    return plant


def _numbers(data: bytearray, name: str) -> np.ndarray:
    graph = InferenceSession.GetRootAs(data, 0).Model().Graph()
    for index in range(graph.InitializersLength()):
        tensor = graph.Initializers(index)
        if tensor.Name().decode() == name:
            shape = [tensor.Dims(axis) for axis in range(tensor.DimsLength())]
            return tensor.RawDataAsNumpy().view("<f4").reshape(shape)
    raise KeyError(name)
