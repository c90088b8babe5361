from __future__ import annotations

from pathlib import Path

import pytest

from components.overlay import Changes, overlaid
from tests.components.overlay.originals import save_original, tiny_modules
from tests.components.tiny import save_tiny_stable_diffusion


@pytest.fixture(scope="session")
def sd_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_stable_diffusion(tmp_path_factory.mktemp("checkpoints") / "sd")


@pytest.fixture(scope="session")
def xl_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Stable Diffusion XL as a folder."""
    import shutil

    root = tmp_path_factory.mktemp("xl")
    file = save_original(root / "xl.safetensors", "sdxl", tiny_modules("sdxl"))
    with overlaid(file, Changes()) as folder:
        shutil.copytree(folder, root / "checkpoint")
    file.unlink()
    return root / "checkpoint"
