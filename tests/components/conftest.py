from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.components.tiny import PIPELINES


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """From the class of a pipeline to a tiny checkpoint of it, made once."""

    @cache
    def make(kind: str) -> Path:
        return PIPELINES[kind](tmp_path_factory.mktemp("checkpoints") / kind)

    return make


@pytest.fixture(scope="session")
def avatar_checkpoint(tiny_checkpoint: Callable[[str], Path]) -> Path:
    return tiny_checkpoint("AvatarPipeline")


@pytest.fixture(scope="session")
def sd_checkpoint(tiny_checkpoint: Callable[[str], Path]) -> Path:
    return tiny_checkpoint("StableDiffusionPipeline")
