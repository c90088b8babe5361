from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from export.exporter import Request, export
from export.formats import Options
from tests.exports import Exported

Laid = Callable[[str, str, str], Exported]


@pytest.fixture(scope="session")
def laid(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_checkpoint: Callable[[str], Path],
) -> Laid:
    """From the class of a pipeline, a format and a layout to an export, made once."""
    root = tmp_path_factory.mktemp("layouts")

    @cache
    def make(kind: str, format_: str, layout: str) -> Exported:
        out = root / f"{kind}-{layout}"
        checkpoint, options = tiny_checkpoint(kind), Options(layout=layout)
        request = Request(checkpoint=checkpoint, format=format_, out=out, options=options)
        return Exported(out, checkpoint, export(request))

    return make
