"""All golden vectors, written into one folder whose README describes each file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from avatar.ai_label import XMP
from avatar.selfies import SELFIE_SIZE
from sdk_bindings.vectors import prepared, rules
from sdk_bindings.vectors.aligned import aligned_cases
from sdk_bindings.vectors.noise import noise, streams
from sdk_bindings.vectors.preview import preview
from sdk_bindings.vectors.sampler import sampler_cases
from support.images import to_8_bit

LABEL = "label.xmp"
_EIGHT_BIT = (-1.0, -0.002, 0.0, 0.001, 0.0019, 0.00197, 0.5, 0.998, 0.9981, 1.0, 1.004, 2.0)


def write_golden(folder: Path, readme: str) -> None:
    """Write every golden vector into an empty folder, and `readme` as its README."""
    (folder / "noise.safetensors").write_bytes(save(noise()))
    (folder / "streams.safetensors").write_bytes(save(streams()))
    _pictures(folder)
    rules.write_selfies(folder / rules.FOLDER)
    _write_json(folder / "rules.json", rules.rule_cases())
    arrays, values = sampler_cases()
    (folder / "sampler.safetensors").write_bytes(save(arrays))
    _write_json(folder / "sampler.json", values)
    crops, cases = aligned_cases(folder / prepared.FOLDER)
    (folder / "aligned.safetensors").write_bytes(save(crops))
    _write_json(folder / "aligned.json", cases)
    (folder / "preview.safetensors").write_bytes(save(preview()))
    (folder / "eight_bit.safetensors").write_bytes(save(eight_bit()))
    (folder / LABEL).write_bytes(XMP.encode())
    (folder / "README.md").write_bytes(readme.encode())


def eight_bit() -> dict[str, np.ndarray]:
    """Tensors of the 8-bit law: `floats` (n,) float32 and the `bytes` (n,) uint8 they become.

    The floats lie on the edges between bytes, the nearest float32 below and above each edge, and
    outside [0,1].
    """
    edges = ((np.arange(0, 256, 2) + 0.5) / 255).astype(np.float32)
    beside = [np.nextafter(edges, np.float32(side)) for side in (0, 2)]
    floats = np.concatenate([np.array(_EIGHT_BIT, np.float32), edges, *beside])
    return {"floats": floats, "bytes": to_8_bit(floats)}


def _pictures(folder: Path) -> None:
    pictures = folder / prepared.FOLDER
    pictures.mkdir()
    listed = []
    for case in prepared.cases():
        (pictures / f"{case.name}.png").write_bytes(case.file)
        file = f"{prepared.FOLDER}/{case.name}.png"
        listed.append({"name": case.name, "file": file, "step": case.step, "about": case.about})
    (folder / "prepared.safetensors").write_bytes(save(prepared.tensors(pictures)))
    _write_json(folder / "prepared.json", {"size": SELFIE_SIZE, "cases": listed})


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_bytes(f"{json.dumps(values, indent=1)}\n".encode())
