"""A ``.mlpackage`` folder: its manifest, its model specification and its weight files.

Nothing in the folder is believed: every path in it has to stay inside, by name and after links
are resolved, and what it names must be a plain file.
"""

import json
import os
from pathlib import Path, PurePosixPath
from typing import NoReturn

from google.protobuf.message import DecodeError

from ._proto import Model_pb2
from .blob import BlobFile
from .errors import PackageError, PackagePathError, UnsupportedModelError

_MODEL_PATH = "@model_path/"
_MANIFEST = "Manifest.json"
_MANIFEST_LIMIT = 1 << 20
_MODEL_LIMIT = 1 << 30  # bytes; weights are in files of their own


class Package:
    """An opened package: ``spec`` is the Core ML model message, weights are opened on demand."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.root = Path(path)
        if self.root.is_file():
            _refuse_file(self.root)
        if not self.root.is_dir():
            raise PackageError(f"no package folder at {self.root}")
        self._data = self.root / "Data"
        model = self._inside(self._data, _root_model(self._read_manifest()))
        self._model_folder = model.parent
        self.spec = _parse(model)
        self._blobs: dict[str, BlobFile] = {}

    def _read_manifest(self) -> dict[str, object]:
        path = self._inside(self.root, _MANIFEST)
        try:
            if path.stat().st_size > _MANIFEST_LIMIT:
                raise PackageError(f"{_MANIFEST} is larger than {_MANIFEST_LIMIT} bytes")
            manifest = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise PackageError(f"{_MANIFEST} cannot be read: {error}") from error
        if not isinstance(manifest, dict):
            raise PackageError(f"{_MANIFEST} is not a JSON object")
        return manifest

    def _inside(self, folder: Path, name: str) -> Path:
        """The plain file ``name`` below ``folder``; any way out of the package is an error."""
        parts = PurePosixPath(name.replace("\\", "/"))
        if not name or "\0" in name or parts.is_absolute() or ".." in parts.parts:
            raise PackagePathError(f"path {name!r} leaves the package")
        path = folder.joinpath(*parts.parts)
        try:
            resolved = path.resolve(strict=True)
            inside = resolved.is_relative_to(self.root.resolve(strict=True))
        except (OSError, RuntimeError) as error:
            raise PackageError(f"the package has no file {name!r}") from error
        if not inside:
            raise PackagePathError(f"path {name!r} leads out of the package by a link")
        if not resolved.is_file():
            raise PackageError(f"{name!r} in the package is not a file")
        if resolved.stat().st_nlink > 1:
            raise PackagePathError(f"{name!r} is a hard link, so it may lie outside the package")
        return resolved

    def weights(self, name: str) -> BlobFile:
        """The weight file that the program calls ``name`` (``@model_path/weights/weight.bin``)."""
        if name not in self._blobs:
            if not name.startswith(_MODEL_PATH):
                raise PackagePathError(f"weight file {name!r} is not below {_MODEL_PATH}")
            self._blobs[name] = BlobFile(self._inside(self._model_folder, name[len(_MODEL_PATH) :]))
        return self._blobs[name]


def _refuse_file(path: Path) -> NoReturn:
    """A model in one file, `.mlmodel`, is of an older kind; an archive is yet to be unpacked."""
    try:
        with path.open("rb") as file:
            archive = file.read(4) == b"PK\3\4"
    except OSError as error:
        raise PackageError(f"{path} cannot be read: {error.strerror}") from error
    if archive:
        raise PackageError(f"{path} is an archive: unpack it and name the .mlpackage folder")
    kind = _parse(path).WhichOneof("Type")
    raise UnsupportedModelError(
        f"{path} is one file, with a Core ML model of kind {kind}: an ML Program is a folder, "
        ".mlpackage"
    )


def _root_model(manifest: dict[str, object]) -> str:
    """The path of the root model, below the Data folder."""
    items = manifest.get("itemInfoEntries")
    root = manifest.get("rootModelIdentifier")
    if not isinstance(items, dict) or not isinstance(root, str):
        raise PackageError(f"{_MANIFEST} has no itemInfoEntries or rootModelIdentifier")
    for key, item in items.items():
        if not isinstance(item, dict) or not isinstance(item.get("path"), str):
            raise PackageError(f"{_MANIFEST} entry {key!r} has no path")
        parts = PurePosixPath(item["path"].replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts:
            raise PackagePathError(f"path {item['path']!r} leaves the package")
    if root not in items:
        raise PackageError(f"{_MANIFEST} does not list its root model {root!r}")
    return str(items[root]["path"])


def _parse(path: Path) -> Model_pb2.Model:  # type: ignore[name-defined]
    spec = Model_pb2.Model()
    try:
        if path.stat().st_size > _MODEL_LIMIT:
            raise PackageError(f"model file {path.name} is larger than {_MODEL_LIMIT} bytes")
        spec.ParseFromString(path.read_bytes())
    except (DecodeError, OSError) as error:
        raise PackageError(f"model file {path.name} cannot be parsed: {error}") from error
    if spec.WhichOneof("Type") is None:
        raise PackageError(f"model file {path.name} holds no model")
    return spec
