from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from export.exporter import Request, export
from export.formats import Options
from tests.components.tiny import PIPELINES
from tests.export.conftest import Exported

Laid = Callable[[str, str, str], Exported]


@pytest.fixture(scope="session")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Laid:
    """From the class of a pipeline, a format and a layout to an export, made once."""
    root = tmp_path_factory.mktemp("layouts")

    @cache
    def checkpoint(kind: str) -> Path:
        return PIPELINES[kind](root / kind)

    @cache
    def make(kind: str, format_: str, layout: str) -> Exported:
        out = root / f"{kind}-{layout}"
        request = Request(
            checkpoint=checkpoint(kind), format=format_, out=out, options=Options(layout=layout)
        )
        return Exported(out, checkpoint(kind), export(request))

    return make
