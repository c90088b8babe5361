"""A checkpoint folder in the making: links to what stays, files of its own for the rest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from components.checkpoint import INDEX, files, read_json
from components.errors import OverlayError
from components.overlay.tensors import write_tensors
from support import atomic

CONFIG = "config.json"
WEIGHT_FILES = {
    "diffusers": "diffusion_pytorch_model.safetensors",
    "transformers": "model.safetensors",
}
"""The name under which each library looks for weights."""
_WEIGHTS = (".safetensors", ".bin", ".ckpt", ".pt", ".pth", ".msgpack", ".h5", ".onnx", ".gguf")


class CheckpointFolder:
    """A folder that becomes a checkpoint.

    Args:
        path: The folder, which is empty.
        base: The checkpoint whose files it links to; None for none.
    """

    def __init__(self, path: Path, base: Path | None = None) -> None:
        self.path, self.base = path, base
        path.mkdir(parents=True)
        if base is not None:
            link(base, path)
        self.index: dict[str, Any] = read_json(base / INDEX) if base else {}

    def part(self, name: str) -> tuple[str, str]:
        """Library and class of a part.

        Raises:
            OverlayError: There is no such part.
        """
        named = self.index.get(name)
        if not isinstance(named, list) or len(named) != 2 or not all(named):
            raise OverlayError(
                f"{self.base or self.path} is a {self.index.get('_class_name')} without "
                f"{name.replace('_', ' ')}, which this option changes"
            )
        return str(named[0]), str(named[1])

    def has(self, name: str) -> bool:
        """Whether there is such a part."""
        named = self.index.get(name)
        return isinstance(named, list) and len(named) == 2 and all(named)

    def config(self, part: str, name: str = CONFIG) -> dict[str, Any]:
        """A part's configuration."""
        return read_json(self.path / part / name)

    def set_config(self, part: str, config: Mapping[str, Any], name: str = CONFIG) -> None:
        """Write a part's configuration."""
        self.write(f"{part}/{name}", config)

    def set_weights(self, part: str, library: str, tensors: Mapping[str, torch.Tensor]) -> None:
        """Write a part's weights, in the place of those that it had."""
        folder = self.path / part
        folder.mkdir(exist_ok=True)
        for path in [*folder.iterdir()]:
            if path.suffix in _WEIGHTS or ".index." in path.name:
                path.unlink()
        write_tensors(folder / WEIGHT_FILES[library], tensors)

    def set_part(self, part: str, source: Path, library: str, kind: str) -> None:
        """Put the folder of one model in a part's place."""
        self.remove(part)
        link(source, self.path / part)
        self.index[part] = [library, kind]

    def remove(self, name: str) -> None:
        """Remove a part's folder, if there is one; what its links lead to stays."""
        shutil.rmtree(self.path / name, ignore_errors=True)

    def write(self, name: str, value: Any) -> None:
        """Write a JSON file."""
        path = self.path / name
        path.unlink(missing_ok=True)  # it may be a link, and what it leads to is not ours
        atomic.write(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())

    def finish(self) -> None:
        """Write `model_index.json`."""
        self.write(INDEX, self.index)


def link(source: Path, place: Path) -> None:
    """Make a folder of links to all files below another; copies where Windows denies links.

    Folders are no links themselves: not everything that walks through a folder follows those.
    Links have absolute targets. What systems and tools keep for themselves is left out.

    Raises:
        CheckpointError: A link in `source` leads nowhere, or to a folder that holds it.
    """
    for name, path in files(source):
        made = place / name
        made.parent.mkdir(parents=True, exist_ok=True)
        try:
            made.symlink_to(path.absolute())
        except (OSError, NotImplementedError):
            shutil.copyfile(path, made)
