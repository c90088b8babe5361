"""The safetensors files of one part of a checkpoint: which are read, and whether they are whole.

Parts come in variants: `model.safetensors` beside `model.fp16.safetensors`, each perhaps in shards
with an index, named as diffusers and transformers name them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from components.checkpoint import (
    read_json,
    require_no_pointer,
    require_safetensors,
    understood,
)
from components.errors import CheckpointError
from components.foreign import LONGEST_HEADER
from support.found_files import is_system_file, missing

if TYPE_CHECKING:
    from torch import Tensor

_STEMS = {"transformers": "model"}
"""For each library the name, without suffix, under which it looks for weights."""
_STEM = "diffusion_pytorch_model"
"""The same for diffusers, and for classes made with it."""
_PREFERRED = (None, "fp32", "fp16", "bf16")
"""Variants in the order in which they are read where a part has several: first the one without a
name, which libraries read by default, then the more precise before the less."""
_SHARD = re.compile(r"-\d+-of-\d+")
_FLOATS = ("F16", "BF16", "F32", "F64")
COUNTERS = (".embeddings.position_ids", "num_batches_tracked")
"""Last parts of the names of integer tensors, which hold indices and counts, never weights."""


@dataclass(frozen=True, kw_only=True)
class WeightFiles:
    """The files that a loader reads when it is asked for a variant; None is the one without a name.

    Attributes:
        variant: The variant's name.
        files: One file, or its shards.
    """

    variant: str | None
    files: tuple[Path, ...]


def find_weights(folder: Path, library: str) -> WeightFiles:
    """The safetensors files that a library reads from a part's folder.

    Where there are several variants it is the one without a name, else fp32, fp16 or bf16, else the
    only one there is.

    Raises:
        CheckpointError: There are none under the name that it knows, none of several variants goes
            before the others, a variant is both in one file and in shards, or a shard is missing or
            holds other weights than its index says.
    """
    stem = _STEMS.get(library, _STEM)
    names = sorted(path.name for path in folder.glob("*") if not is_system_file(path.name))
    found = {variant for name in names for variant in _variants(name, stem)}
    for variant in (*_PREFERRED, *(found if len(found) == 1 else ())):
        if variant in found:
            return WeightFiles(variant=variant, files=_files(folder, stem, variant))
    if found:
        raise CheckpointError(
            f"{folder} holds the variants {', '.join(sorted(map(str, found)))} of {stem}, expected "
            f"one of them, or {stem}.safetensors: leave only the one that is meant"
        )
    require_safetensors(folder)
    held = ", ".join(name for name in names if name.endswith(".safetensors"))[:120]
    raise CheckpointError(f"{folder} holds {held}, expected {stem}.safetensors")


def _variants(name: str, stem: str) -> tuple[str | None, ...]:
    """The variant whose weights a file holds or whose shards it lists; nothing for other files."""
    variant = r"\.(?P<variant>[^.]+)"
    for pattern in (
        rf"{stem}({variant})?\.safetensors",
        rf"{stem}\.safetensors\.index({variant})?\.json",
    ):
        found = re.fullmatch(pattern, name)
        if found and not _SHARD.search(name):
            return (found["variant"],)
    return ()


def _files(folder: Path, stem: str, variant: str | None) -> tuple[Path, ...]:
    """One variant's file or shards."""
    middle = f".{variant}" if variant else ""
    single = folder / f"{stem}{middle}.safetensors"
    index = folder / f"{stem}.safetensors.index{middle}.json"
    if single.is_file() and index.is_file():
        # diffusers reads the shards then, and transformers the single file.
        raise CheckpointError(f"{folder} has both {single.name} and {index.name}, expected one")
    return (single,) if single.is_file() else _shards(folder, index)


def _shards(folder: Path, index: Path) -> tuple[Path, ...]:
    named = read_json(index).get("weight_map")
    if not isinstance(named, dict) or not all(isinstance(s, str) for s in named.values()):
        raise CheckpointError(f"{index} has no weight_map, expected a file for each weight")
    found = tuple(folder / name for name in sorted(set(named.values())))
    for path in found:
        if path.parent != folder or path.name in ("", ".."):
            raise CheckpointError(f"{index} names {path}, expected a file beside it")
        if not path.is_file():
            raise CheckpointError(f"{path}, which {index.name} names, {missing(path)}")
    for path in found:
        expected = {weight for weight, file in named.items() if file == path.name}
        if wrong := expected ^ dtypes(path).keys():
            raise CheckpointError(
                f"{path} and {index.name} disagree on {some(wrong)}, "
                f"expected each weight in the file that the index says, and nowhere else"
            )
    return found


def check_weights(path: Path, part: str) -> None:
    """Raise `CheckpointError` unless a safetensors file is whole and all its numbers are finite.

    A file is read once in a process, and again only when it has changed.
    """
    about = path.stat()
    _check_weights(path, part, (about.st_ino, about.st_size, about.st_mtime_ns))


@lru_cache(maxsize=256)
def _check_weights(path: Path, part: str, _state: tuple[int, ...]) -> None:
    from safetensors import safe_open
    from torch import finfo, float32

    for name, dtype in dtypes(path).items():
        if dtype not in _FLOATS and not name.endswith(COUNTERS):
            raise CheckpointError(
                f"{part}.{name} in {path} is stored as {dtype}, expected {', '.join(_FLOATS)}: "
                f"quantized parts of other tools are not read"
            )
    with understood(path), safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118 (a reader, not a mapping)
            tensor = file.get_tensor(name)
            if not tensor.is_floating_point() or not tensor.numel():
                continue
            ends = least_and_greatest(tensor)
            if not all(math.isfinite(end) for end in ends):
                raise CheckpointError(not_finite(f"{part}.{name} in {path}"))
            if max(map(abs, ends)) > finfo(float32).max:
                raise CheckpointError(
                    f"{part}.{name} in {path} holds {max(ends, key=abs):.3g}, "
                    f"expected numbers that float32 can hold"
                )


def least_and_greatest(tensor: Tensor) -> tuple[float, float]:
    """The ends of a tensor's numbers, in one pass and without a copy; NaN where it holds any.

    Args:
        tensor: It has at least one element.
    """
    least, greatest = tensor.aminmax()
    return float(least), float(greatest)


def some(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    ordered = sorted(map(str, names))
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return ", ".join(name[:100] for name in ordered[:3]) + more


def not_finite(weight: str) -> str:
    """The message about a weight with numbers that are none."""
    return f"{weight} holds NaN or infinity, expected finite numbers"


def dtypes(path: Path) -> dict[str, str]:
    """The dtype of every tensor of a safetensors file, by name.

    Raises:
        CheckpointError: It is a git-LFS pointer, no safetensors file, or its length is wrong.
    """
    require_no_pointer(path)
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(8)
        length = int.from_bytes(start, "little")
        if len(start) == 8 and length > LONGEST_HEADER:
            raise CheckpointError(f"{path} is no safetensors file: it begins with {start!r}")
        if len(start) < 8 or length > size - 8:
            raise CheckpointError(f"{path} is cut short: its {size} bytes end inside its header")
        header = stream.read(length)
    try:
        tensors = {k: v for k, v in json.loads(header).items() if k != "__metadata__"}
        end = 8 + length + max((int(v["data_offsets"][1]) for v in tensors.values()), default=0)
        found = {name: str(about["dtype"]) for name, about in tensors.items()}
    except (
        UnicodeDecodeError,
        AttributeError,
        KeyError,
        IndexError,
        TypeError,
        ValueError,
        RecursionError,
    ):
        raise CheckpointError(f"{path} is no safetensors file: its header is malformed") from None
    if size != end:
        problem = "is cut short" if size < end else "has foreign bytes at its end"
        raise CheckpointError(f"{path} {problem}: it has {size} bytes, expected {end}")
    return found
