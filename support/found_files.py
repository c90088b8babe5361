"""What lies at a path that a user named, in words, for messages that say what to do instead.

Nothing here is trusted: a file is told by its first bytes, a folder by the names in it.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

_HEAD = 300
"""Bytes of a file that are looked at."""
_UNPACK = "unpack it and name the folder in it"
_SIGNATURES = (
    (0, b"PK\3\4", "a zip archive", _UNPACK),
    (0, b"\x1f\x8b", "a gzip archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"version https://git-lfs.github.com/spec/", "a git-LFS pointer", "run `git lfs pull`"),
    (0, b"\x80\x02", "a file of pickled weights", ""),
    (0, b"GGUF", "a GGUF file", ""),
    (0, b"\x89HDF", "an HDF5 file", ""),
    (4, b"ORTM", "a model of ONNX Runtime (.ort)", ""),
    (4, b"TFL3", "a model of TensorFlow Lite", ""),
    (0, b"\0\5\x16\7", "a resource file of macOS, which holds no data", "name the file without ._"),
    (0, b"\x89PNG", "a picture", ""),
    (0, b"\xff\xd8\xff", "a picture", ""),
    (0, b"<", "a web page or XML", "if it was downloaded, download it again"),
    (8, b"{", "a safetensors file", ""),
)
"""Offset, bytes there, what such a file is, and what to do with it."""
_SUFFIXES = {".onnx": "an ONNX model", ".mlmodel": "a file of a Core ML model"}
_MARKERS = (
    ("model_index.json", "a checkpoint"),
    ("manifest.json", "an artifact"),
    ("Manifest.json", "a Core ML package"),
    ("coremldata.bin", "a compiled Core ML model"),
    ("report.json", "the report of an evaluation"),
    ("adapter_config.json", "an adapter (LoRA)"),
    ("snapshots", "a download of Hugging Face's cache"),
)
"""Names by which kinds of folders are told."""
_FOLDERS = (
    (".onnx", "a folder of ONNX models"),
    (".gguf", "a folder of GGUF files"),
    (".mlpackage", "a folder of Core ML packages"),
)
"""Suffixes of what lies in folders of further kinds."""
_LEVELS = 4
"""Folders around a path that are looked at in search of the right one."""
_MOST = 1000
"""Folders inside it that are looked at."""


def is_macos_file(name: str) -> bool:
    """Whether a file or folder is one that macOS leaves beside others or in the place of others."""
    in_cloud = name.startswith(".") and name.endswith(".icloud")
    return name in (".DS_Store", "__MACOSX") or name.startswith("._") or in_cloud


def is_system_file(name: str) -> bool:
    """Whether a file or folder is one that systems and tools keep for themselves.

    They are hidden ones (`.DS_Store`, `._model.onnx`, `.git`, `.cache`) and `__MACOSX`.
    """
    return name.startswith(".") or name == "__MACOSX"


def placeholder(path: Path) -> Path:
    """Where macOS keeps the placeholder of a file that is in iCloud only."""
    return path.with_name(f".{path.name}.icloud")


def missing(path: Path) -> str:
    """Why there is no file at a path, as the end of a sentence: `is missing`."""
    if os.path.lexists(placeholder(path)):
        return "is in iCloud only: download it first, in Finder"
    return "is missing"


def describe(path: Path) -> tuple[str, str]:
    """What lies at a path, and what to do with it: both in words, the second one may be empty."""
    if path.suffix == ".icloud" and is_macos_file(path.name):
        return "a placeholder of a file in iCloud", "download the file first, in Finder"
    try:
        return (_describe_folder(path), "") if path.is_dir() else _describe_file(path)
    except OSError as error:
        return f"unreadable ({error.strerror or error})", ""


def instead(path: Path, *, markers: Sequence[str], expected: str) -> str:
    """The line about a path that is not a folder of the expected kind.

    Args:
        path: What the user named.
        markers: Names of files, each of which makes a folder one of the expected kind.
        expected: That kind in words, with its article.

    Returns:
        `PATH is a zip archive, expected an artifact: unpack it and name the folder in it`.
    """
    if not os.path.lexists(path):
        return f"there is nothing at {path}, expected {expected}; it {missing(path)}"
    what, advice = describe(path)
    near = nearby(path, markers)
    if near:
        advice = f"name {' or '.join(map(str, near))}"
    return f"{path} is {what}, expected {expected}{advice and f': {advice}'}"


def file_instead(path: Path, *, name: str, expected: str) -> str | None:
    """The line about a path that cannot be a text file of the expected kind.

    Args:
        path: What the user named.
        name: How files of that kind are usually named.
        expected: That kind in words, with its article.

    Returns:
        None where it may be such a file, or where there is nothing and never was.
    """
    if not os.path.lexists(path):
        return f"{path} {missing(path)}" if os.path.lexists(placeholder(path)) else None
    what, advice = describe(path)
    if what in ("a file", "a JSON file"):
        return None
    if os.path.isfile(path / name):
        advice = f"name the file in it, {path / name}"
    return f"{path} is {what}, expected {expected}{advice and f': {advice}'}"


def nearby(path: Path, markers: Sequence[str]) -> list[Path]:
    """The folders with one of the markers that a path is in, else up to three that are in it."""
    above = Path(os.path.abspath(path)).parents[:_LEVELS]
    around = [folder for folder in above if _holds(folder, markers)][:1]
    if around or not path.is_dir():
        return around
    found = []
    for folder in _folders_in(path):
        if _holds(folder, markers):
            found.append(folder)
            if len(found) == 3:
                break
    return sorted(found)


def _folders_in(path: Path) -> Iterator[Path]:
    """Folders below, nearest first; links are not followed, and hidden ones left out."""
    level, seen = [path], 0
    while level:
        below = []
        for folder in level:
            for name in _names(folder):
                child = folder / name
                if is_system_file(name) or child.is_symlink() or not child.is_dir():
                    continue
                seen += 1
                if seen > _MOST:
                    return
                yield child
                below.append(child)
        level = below


def _holds(folder: Path, markers: Sequence[str]) -> bool:
    # Names are compared, because a Mac's file system takes Manifest.json for manifest.json.
    return not set(markers).isdisjoint(_names(folder))


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _describe_folder(folder: Path) -> str:
    names = [name for name in _names(folder) if not is_system_file(name)]
    if not names:
        return "an empty folder"
    found = next((what for marker, what in _MARKERS if marker in names), None)
    ends = {Path(name).suffix for name in names}
    return found or next((what for end, what in _FOLDERS if end in ends), "a folder")


def _describe_file(path: Path) -> tuple[str, str]:
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if not head:
        return "an empty file", "if it was downloaded or copied, get it again"
    for offset, signature, what, advice in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            if what == "a zip archive" and _is_pickle(path):
                return "a file of pickled weights", ""
            return what, advice
    if path.suffix in _SUFFIXES:
        return _SUFFIXES[path.suffix], ""
    return ("a JSON file" if head.lstrip()[:1] in (b"{", b"[") else "a file"), ""


def _is_pickle(path: Path) -> bool:
    """Whether an archive is one that PyTorch writes."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/data.pkl") for name in archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False
