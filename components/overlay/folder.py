"""A checkpoint folder in the making: links to what stays, files of its own for the rest."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from components.checkpoint import INDEX, read_json
from components.errors import OverlayError
from components.overlay.tensors import write_tensors
from support import atomic
from support.found_files import is_system_file

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
            for entry in _entries(base):
                link(entry, path / entry.name)
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
        self._own(part)
        self.write(f"{part}/{name}", config)

    def set_weights(self, part: str, library: str, tensors: Mapping[str, torch.Tensor]) -> None:
        """Write a part's weights, in the place of those that it had."""
        folder = self._own(part)
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
        """Remove a part's folder, if there is one; what it links to stays."""
        place = self.path / name
        if place.is_symlink():
            place.unlink()
        elif place.is_dir():
            shutil.rmtree(place)

    def write(self, name: str, value: Any) -> None:
        """Write a JSON file."""
        path = self.path / name
        path.unlink(missing_ok=True)  # it may be a link, and what it leads to is not ours
        atomic.write(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())

    def finish(self) -> None:
        """Write `model_index.json`."""
        self.write(INDEX, self.index)

    def _own(self, part: str) -> Path:
        """A part's folder, made one of links if it is a link itself."""
        place = self.path / part
        if place.is_symlink():
            source = Path(os.path.realpath(place))
            place.unlink()
            place.mkdir()
            for entry in _entries(source):
                link(entry, place / entry.name)
        place.mkdir(exist_ok=True)
        return place


def link(source: Path, place: Path) -> None:
    """Make a link with an absolute target; a copy where the system allows no links (Windows)."""
    target = source.absolute()
    try:
        place.symlink_to(target, target_is_directory=target.is_dir())
    except (OSError, NotImplementedError):
        if target.is_dir():
            shutil.copytree(target, place)
        else:
            shutil.copyfile(target, place)


def _entries(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.iterdir()) if not is_system_file(path.name))
