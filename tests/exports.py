"""Artifacts of tiny pipelines with random weights, which tests of several rooms use."""

from __future__ import annotations

import pickle
from dataclasses import astuple, dataclass
from pathlib import Path

from safetensors.torch import load_file, save_file

from export.exporter import Request, export
from export.formats import Options
from export.report import Row
from tests.components.tiny import PIPELINES, save_tiny_avatar
from tests.shared import made_once

DEFAULT = Options()
MAKERS = {**PIPELINES, "avatar": save_tiny_avatar}


@dataclass(frozen=True)
class Exported:
    """A published artifact, what it was made from, and the report it was published with."""

    folder: Path
    checkpoint: Path
    rows: tuple[Row, ...]


class Exports:
    """Exports of tiny pipelines, each made once for all processes of a run, when first needed.

    fp16 holds their weights exactly, as those of checkpoints that ship.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def checkpoint(self, pipeline: str) -> Path:
        """`avatar`, or the class of a pipeline."""
        return made_once(self._root / pipeline, lambda folder: _make(pipeline, folder))

    def get(self, pipeline: str, format_: str, options: Options = DEFAULT) -> Exported:
        checkpoint = self.checkpoint(pipeline)
        # What tells two of them apart must be in the name, or one would replace the other.
        out = self._root / "-".join((pipeline, format_, *map(str, astuple(options))))
        request = Request(checkpoint=checkpoint, format=format_, out=out, options=options)
        rows = made_once(
            out.with_name(f"{out.name}.rows"),
            lambda file: file.write_bytes(pickle.dumps(export(request))),
        )
        return Exported(out, checkpoint, pickle.loads(rows.read_bytes()))


def _make(pipeline: str, folder: Path) -> None:
    MAKERS[pipeline](folder)
    for file in folder.rglob("*.safetensors"):
        halves = {
            name: value.half().float() if value.is_floating_point() else value
            for name, value in load_file(file).items()
        }
        save_file(halves, file, metadata={"format": "pt"})
