"""The shipped checkpoint's own artifacts, as `python -m export FORMAT` makes them."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from avatar import shipped
from avatar.selfies import rules_to_dicts
from components import fingerprint
from export import ExportError, verify
from support.json_records import plain
from tests.shared import made_once, shared_folder

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
    return made_once(shared_folder(factory) / f"shipped-{format_}", partial(_export, format_))


def _export(format_: str, folder: Path) -> None:
    command = [sys.executable, "-m", "export", format_, "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


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
