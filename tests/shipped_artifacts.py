"""The shipped checkpoint's own artifacts, as `python -m export FORMAT` makes them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from avatar import shipped
from avatar.selfies import rules_to_dicts
from components import fingerprint
from export import ExportError, verify
from support.json_records import plain

ROOT = Path(__file__).parents[1]

OPTIONS = {
    "onnx": {"opset": "18", "precision": "fp16"},
    "coreml": {"precision": "fp16", "target": "ios16"},
}
"""What the commands choose by themselves, as manifests have it."""


def shipped_artifact(format_: str, factory: pytest.TempPathFactory) -> Path:
    """`dist/FORMAT` where it is that, else one exported now, once for all processes of this run."""
    if is_shipped(ROOT / "dist" / format_, format_):
        return ROOT / "dist" / format_
    # Beside every worker's own folder: they share one export.
    shared = factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    made = shared / f"shipped-{format_}"
    with FileLock(f"{made}.lock"):
        if not made.is_dir():
            command = [sys.executable, "-m", "export", format_, "--out", str(made)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
    return made


def is_shipped(folder: Path, format_: str) -> bool:
    """Whether it is an artifact of the shipped checkpoint, made with no option."""
    try:
        manifest = verify(folder).manifest
    except ExportError:
        return False
    return (
        manifest.checkpoint == fingerprint(shipped.CHECKPOINT)
        and plain(manifest.selfie_rules) == plain(rules_to_dicts())
        and (manifest.recipe, manifest.options) == (None, OPTIONS[format_])
    )
