"""A ``.mlpackage`` folder: its manifest, its model message and its weight files.

A compiled model (``.mlmodelc``) is opened in the same way. Every path in the folder has to stay
inside it, by name and after links are resolved, and has to name a plain file. In a download cache,
which keeps contents in ``blobs`` and links to them in ``snapshots``, links may lead to anywhere in
the cache.
"""

import json
import os
from pathlib import Path, PurePosixPath
from typing import NoReturn

from google.protobuf.message import DecodeError

from support.found_files import describe, instead, missing, nearby, placeholder

from ..errors import PackageError, PackagePathError, UnsupportedModelError
from .compiled_model import DESCRIPTION, read_compiled_model
from .mil_text import MODEL_PATH
from .protobuf_messages import Model_pb2
from .weight_file import WeightFile

_MANIFEST = "Manifest.json"
_MARKERS = (_MANIFEST, DESCRIPTION)
_KIND = f"a Core ML package, with {_MANIFEST}, or compiled model, with {DESCRIPTION}"
_CACHE_FOLDERS = ("blobs", "snapshots")  # of the cache of Hugging Face's hub
_MANIFEST_LIMIT = 1 << 20  # bytes
_MODEL_LIMIT = 1 << 30  # bytes; weights are in files of their own


class Package:
    """An opened package folder, or a compiled model.

    ``root`` is the folder and ``spec`` its model message (``Model.proto``). Weight files are
    opened when they are first asked for. ``cache`` is the root of a download cache, into which
    links may lead; without it, the nearest folder around the package that holds both ``blobs`` and
    ``snapshots`` is one.

    Raises:
        PackageError: The folder, its manifest or its model file is missing or malformed.
        PackagePathError: A path in the manifest, or a link, leads out of the folder.
        ProgramError: The text of a compiled model is malformed.
        UnsupportedModelError: ``path`` is a model of an older kind, in a single file.
    """

    def __init__(
        self, path: str | os.PathLike[str], cache: str | os.PathLike[str] | None = None
    ) -> None:
        self.root = Path(path)
        if self.root.is_file():
            _refuse_file(self.root)
        if not self.root.is_dir():
            raise PackageError(f"no package folder at {self.root}")
        self._bounds = _bounds(self.root, cache)
        self._weight_files: dict[str, WeightFile] = {}
        if not any((self.root / name).exists() for name in _MARKERS):
            raise PackageError(instead(self.root, markers=_MARKERS, expected=_KIND))
        if not (self.root / _MANIFEST).exists():
            self._weights_base = self.root
            self.spec = read_compiled_model(
                self.root, lambda name: self._file_inside(self.root, name)
            )
            return
        name = _root_model(self._read_manifest()).replace("\\", "/")
        self.spec = _parse(self._file_inside(self.root / "Data", name))
        self._weights_base = (self.root / "Data" / PurePosixPath(name)).parent

    def _read_manifest(self) -> dict[str, object]:
        path = self._file_inside(self.root, _MANIFEST)
        try:
            if path.stat().st_size > _MANIFEST_LIMIT:
                raise PackageError(f"{_MANIFEST} is larger than {_MANIFEST_LIMIT} bytes")
            manifest = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise PackageError(f"{_MANIFEST} cannot be read: {error}") from error
        if not isinstance(manifest, dict):
            raise PackageError(f"{_MANIFEST} is not a JSON object")
        return manifest

    def _file_inside(self, folder: Path, name: str) -> Path:
        """Return the resolved path of the plain file ``name`` below ``folder``.

        Raises:
            PackagePathError: The path or a link leads out of the package.
            PackageError: There is no such file.
        """
        parts = PurePosixPath(name.replace("\\", "/"))
        if not name or "\0" in name or parts.is_absolute() or ".." in parts.parts:
            raise PackagePathError(f"path {name!r} leaves the package")
        path = folder.joinpath(*parts.parts)
        try:
            resolved = path.resolve(strict=True)
            inside = any(map(resolved.is_relative_to, self._bounds))
        except (OSError, RuntimeError, ValueError) as error:  # or a name that no file can have
            problem = f"the package has no file {name!r}"
            if os.path.lexists(placeholder(path)):
                problem = f"{name!r} in the package {missing(path)}"
            raise PackageError(problem) from error
        if not inside:
            raise PackagePathError(f"path {name!r} leads out of the package by a link")
        if not resolved.is_file():
            raise PackageError(f"{name!r} in the package is not a file")
        if resolved.stat().st_nlink > 1:
            raise PackagePathError(f"{name!r} is a hard link, so it may lie outside the package")
        return resolved

    def weights(self, name: str) -> WeightFile:
        """Return the weight file that the program names, as ``@model_path/weights/weight.bin``.

        Raises:
            PackageError: There is no such file in the package.
            WeightsError: It is not a weight file of format version 2.
        """
        if name not in self._weight_files:
            if not name.startswith(MODEL_PATH):
                raise PackagePathError(f"weight file {name!r} is not below {MODEL_PATH}")
            path = self._file_inside(self._weights_base, name[len(MODEL_PATH) :])
            self._weight_files[name] = WeightFile(path)
        return self._weight_files[name]


def _bounds(root: Path, cache: str | os.PathLike[str] | None) -> tuple[Path, ...]:
    """Return the folders that a link in the package may lead into."""
    try:
        own = root.resolve(strict=True)
        if cache is not None:
            return own, Path(cache).resolve(strict=True)
        around = (p for p in own.parents if all((p / part).is_dir() for part in _CACHE_FOLDERS))
        return own, *list(around)[:1]
    except (OSError, RuntimeError) as error:
        raise PackageError(f"{root} or its cache cannot be opened: {error}") from error


def _refuse_file(path: Path) -> NoReturn:
    """Say what a single file is: a file of a package, a model of an older kind, or another."""
    maybe_a_model = describe(path)[0] in ("a file", "a file of a Core ML model", "an empty file")
    if nearby(path, _MARKERS) or not maybe_a_model:
        raise PackageError(instead(path, markers=_MARKERS, expected=_KIND))
    kind = _parse(path).WhichOneof("Type")
    raise UnsupportedModelError(
        f"{path} is a single file with a Core ML model of kind {kind}: an ML Program is a folder, "
        ".mlpackage"
    )


def _root_model(manifest: dict[str, object]) -> str:
    """Return the path of the root model, relative to the Data folder."""
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
