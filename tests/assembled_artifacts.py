"""Artifacts of the example of `avatar assemble`, tiny and random, with another sampler."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.adapted.assembly import assemble
from examples.assemble.make_parts import make_parts
from export.exporter import Request, export
from tests.shared import made_once, shared_folder

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
    folder = shared_folder(factory) / "assembled"
    checkpoint = made_once(
        folder / "checkpoint", lambda out: assemble(_file(folder / "parts"), out)
    )
    return made_once(
        folder / format_,
        lambda out: export(Request(checkpoint=checkpoint, format=format_, out=out)),
    )


def _file(folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    file = make_parts(folder)
    before, _, after = file.read_text(encoding="utf-8").partition("[sampler]")
    styles = after[after.index("[[style]]") :]
    file.write_text(f"{before}[sampler]\n{SAMPLER}\n{styles}", encoding="utf-8")
    return file
