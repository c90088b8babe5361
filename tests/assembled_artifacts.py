"""Artifacts of the example of `avatar assemble`, tiny and random, with another sampler."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock

from components.adapted.assembly import assemble
from examples.assemble.make_parts import make_parts
from export.exporter import Request, export

SAMPLER = """\
scheduler = "EulerAncestralDiscreteScheduler"
settings = { timestep_spacing = "trailing" }
steps = 3
also = [1]
guidance = 1.6
"""
"""A scheduler that draws fresh noise, which the example's own does not."""


def assembled_artifact(format_: str, factory: pytest.TempPathFactory) -> Path:
    """Return its artifact, exported once for all processes of this run."""
    # Beside every worker's own folder: they share one export.
    shared = factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder = shared / "assembled"
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            assemble(_file(folder / "parts"), folder / "checkpoint")
        if not (folder / format_).is_dir():
            out = folder / format_
            export(Request(checkpoint=folder / "checkpoint", format=format_, out=out))
    return folder / format_


def _file(folder: Path) -> Path:
    folder.parent.mkdir(parents=True)
    file = make_parts(folder)
    before, _, after = file.read_text(encoding="utf-8").partition("[sampler]")
    styles = after[after.index("[[style]]") :]
    file.write_text(f"{before}[sampler]\n{SAMPLER}\n{styles}", encoding="utf-8")
    return file
