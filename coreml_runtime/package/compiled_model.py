"""Reads a compiled model (``.mlmodelc``), the form in which a model ships inside an app.

Apple's compiler writes a folder::

    coremldata.bin      the description of the model: its inputs, outputs and states
    model.mil           an ML Program as text (:mod:`.mil_text`)
    weights/            the weight files, as in a package
    metadata.json, analytics/   for people; not read here

A pipeline has no ``model.mil`` but its stages in the folders ``model0``, ``model1`` and so on.
Apple documents neither file. The layout of ``coremldata.bin``, little-endian, is the one that
compilers 3520 and 3600 (Xcode 26) are known to write::

    u32 model type, u32 specification version, 20 bytes
    u64 n, n bytes of target name, 32 bytes
    u64 n, n bytes of a ModelDescription message (Model.proto)
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from ..errors import PackageError, UnsupportedModelError
from .mil_text import read_program_text
from .protobuf_messages import Model_pb2

DESCRIPTION = "coremldata.bin"
_PROGRAM = "model.mil"
_TEXT_LIMIT = 1 << 28  # bytes
_DESCRIPTION_LIMIT = 1 << 24  # bytes
_MAX_STAGES = 64

FindFile = Callable[[str], Path]
"""Returns the checked path of a file of the compiled model, by its name relative to the folder."""


def read_compiled_model(root: Path, find: FindFile) -> Any:
    """Return the ``Model`` message that the compiled model in the folder ``root`` stands for.

    Raises:
        PackageError: A file is missing, or is not what the compiler writes.
        ProgramError: ``model.mil`` is malformed.
        UnsupportedModelError: The model is neither an ML Program nor a pipeline of them.
    """
    if (root / _PROGRAM).exists():
        return _read_program(find, "")
    count = 0
    while count <= _MAX_STAGES and (root / f"model{count}").exists():
        count += 1
    if not 0 < count <= _MAX_STAGES:
        raise UnsupportedModelError(
            f"this compiled model has no {_PROGRAM}: it is no ML Program, the only kind that runs"
        )
    spec = _read_description(find, "")
    for number in range(count):
        folder = f"model{number}"
        if not (root / folder / _PROGRAM).exists():
            raise UnsupportedModelError(f"stage {number + 1} of the pipeline is not an ML Program")
        spec.pipeline.models.append(_read_program(find, folder))
    return spec


def _read_program(find: FindFile, folder: str) -> Any:
    spec = _read_description(find, folder)
    content = _read(find, folder, _PROGRAM, _TEXT_LIMIT)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise PackageError(f"{_PROGRAM} is not UTF-8 text, or is encrypted: {error}") from error
    spec.mlProgram.CopyFrom(read_program_text(text, folder))
    return spec


def _read_description(find: FindFile, folder: str) -> Any:
    """Return a ``Model`` message with the version and the description of the compiled model."""
    content = _read(find, folder, DESCRIPTION, _DESCRIPTION_LIMIT)
    spec = Model_pb2.Model()
    try:
        spec.specificationVersion = struct.unpack_from("<I", content, 4)[0]
        (target,) = struct.unpack_from("<Q", content, 28)
        (size,) = struct.unpack_from("<Q", content, 36 + target + 32)
        begin = 36 + target + 32 + 8
        if begin + size > len(content):
            raise PackageError(f"{DESCRIPTION} is cut off, or has a layout that is not known here")
        spec.description.ParseFromString(content[begin : begin + size])
    except (struct.error, ValueError, OverflowError, DecodeError) as error:
        raise PackageError(f"{DESCRIPTION} has a layout that is not known here: {error}") from error
    return spec


def _read(find: FindFile, folder: str, name: str, limit: int) -> bytes:
    path = find(f"{folder}/{name}" if folder else name)
    try:
        if path.stat().st_size > limit:
            raise PackageError(f"{name} is larger than {limit} bytes")
        return path.read_bytes()
    except OSError as error:
        raise PackageError(f"{name} cannot be read: {error.strerror}") from error
