"""Golden vectors: inputs and outputs of the reference, for tests in every language.

Safetensors files: eight bytes of header length, a JSON header with each tensor's dtype, shape and
offsets, then raw little-endian data. Tensors are named `INDEX.inputs.NAME` and
`INDEX.outputs.NAME`, where INDEX is the case's index from 0; `run.safetensors` has case 0 only,
which is one whole run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from components import Case, Recording
from export.entries import GoldenEntry

FOLDER = "golden"


def write(folder: Path, recording: Recording) -> GoldenEntry:
    """Write a recording below an artifact's folder; returns the manifest's `golden` entry."""
    (folder / FOLDER).mkdir()
    run = f"{FOLDER}/run.safetensors"
    _write(folder / run, [recording.run])
    files = {name: f"{FOLDER}/{name}.safetensors" for name in recording.calls}
    for name, cases in recording.calls.items():
        _write(folder / files[name], cases)
    return GoldenEntry(seed=recording.seed, run=run, components=files, steps=recording.steps)


def read(path: Path) -> tuple[Case, ...]:
    """The cases of one file, by index. Law: `read` returns what `write` was given."""
    cases: dict[int, dict[str, dict[str, np.ndarray]]] = {}
    for key, array in load_file(path).items():
        index, side, name = key.split(".", 2)
        cases.setdefault(int(index), {"inputs": {}, "outputs": {}})[side][name] = array
    return tuple(Case(**cases[index]) for index in sorted(cases))


def _write(path: Path, cases: Sequence[Case]) -> None:
    tensors = {
        f"{index}.{side}.{name}": np.ascontiguousarray(array)
        for index, case in enumerate(cases)
        for side, arrays in (("inputs", case.inputs), ("outputs", case.outputs))
        for name, array in arrays.items()
    }
    path.write_bytes(save(tensors))  # no metadata: several keys would be written in hash order
