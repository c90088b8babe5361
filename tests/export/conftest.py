from __future__ import annotations

from dataclasses import astuple, dataclass
from pathlib import Path

import pytest

from export.exporter import Request, export
from export.formats import Options
from export.report import Row
from tests.components.tiny import PIPELINES, save_tiny_avatar, save_tiny_stable_diffusion

DEFAULT = Options()
MAKERS = {**PIPELINES, "avatar": save_tiny_avatar, "sd": save_tiny_stable_diffusion}


@dataclass(frozen=True)
class Exported:
    """A published artifact, what it was made from, and the report it was published with."""

    folder: Path
    checkpoint: Path
    rows: tuple[Row, ...]


class Exports:
    """Exports of tiny pipelines, each made once a session, when first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._checkpoints: dict[str, Path] = {}
        self._made: dict[tuple[str, str, Options], Exported] = {}

    def checkpoint(self, pipeline: str) -> Path:
        """`avatar`, `sd`, or the class of a pipeline."""
        if pipeline not in self._checkpoints:
            self._checkpoints[pipeline] = MAKERS[pipeline](self._root / pipeline)
        return self._checkpoints[pipeline]

    def get(self, pipeline: str, format_: str, options: Options = DEFAULT) -> Exported:
        key = (pipeline, format_, options)
        if key not in self._made:
            checkpoint = self.checkpoint(pipeline)
            # What tells two of them apart must be in the name, or one would replace the other.
            out = self._root / "-".join((pipeline, format_, *map(str, astuple(options))))
            request = Request(checkpoint=checkpoint, format=format_, out=out, options=options)
            self._made[key] = Exported(out, checkpoint, export(request))
        return self._made[key]


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    return Exports(tmp_path_factory.mktemp("exports"))
