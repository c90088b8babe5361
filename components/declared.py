"""What a checkpoint declares, checked before anything of it is computed.

Each kind of pipeline lists its `Part`s. `check_parts` compares them with `model_index.json` and the
files: the class of every part, whole files instead of git-LFS pointers, finite weights.
`load_module` trusts no loader to have used exactly the weights that are there.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from components.checkpoint import INDEX, read_json, require_no_pointer, require_safetensors
from components.errors import CheckpointError
from support.errors import UserError

SCHEDULER_CONFIG = "scheduler_config.json"
_STEMS = {"transformers": "model"}
"""For each library the name, without suffix, under which it looks for weights."""
_STEM = "diffusion_pytorch_model"
"""The same for diffusers, and for classes made with it."""
_FLOATS = ("F16", "BF16", "F32", "F64")
_COUNTERS = (".embeddings.position_ids", "num_batches_tracked")
"""Last parts of the names of integer tensors, which hold indices and counts, never weights."""
_ADAPTERS = (
    "adapter_config.json",
    "adapter_model.safetensors",
    "pytorch_lora_weights.safetensors",
    "learned_embeds.safetensors",
)
"""Files of LoRA and textual inversion."""
_LONGEST_HEADER = 100_000_000
"""Bytes of the longest header that the safetensors format allows."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part that `model_index.json` of some kind of pipeline names.

    Attributes:
        name: Its key there, which is also its folder.
        libraries: Modules that may define its class.
        classes: Names of the classes that it may have.
        holds: What lies in its folder. The files of a part that holds `nothing` are never read.
        needed: Whether a checkpoint must have it.
    """

    name: str
    libraries: tuple[str, ...]
    classes: tuple[str, ...]
    holds: Literal["weights", "scheduler", "tokenizer", "nothing"] = "weights"
    needed: bool = True


def check_parts(
    checkpoint: Path, parts: Sequence[Part], *, weights: bool, settings: Sequence[str] = ()
) -> None:
    """Compare a checkpoint's index and files with the parts that its kind of pipeline has.

    Args:
        checkpoint: Its folder.
        parts: All parts of this kind of pipeline.
        weights: Whether its weights are read from files, and so are checked.
        settings: Keys of the index that name no part.

    Raises:
        CheckpointError: The first difference: the part, what was found and what was expected.
    """
    declared = _declared(checkpoint)
    for key, value in read_json(checkpoint / INDEX).items():
        if not (key.startswith("_") or key in declared or key in settings) and _says(value):
            raise CheckpointError(
                f"{checkpoint / INDEX} has {key} = {repr(value)[:60]}, expected only parts, each "
                f"as [library, class]"
            )
    _require_no_adapter(checkpoint)
    known = {part.name: part for part in parts}
    for name, (library, kind) in declared.items():
        if name not in known:
            raise CheckpointError(
                f"{checkpoint / INDEX} has a part {name} ({kind}), expected only {', '.join(known)}"
            )
        part = known[name]
        if kind not in part.classes or library not in part.libraries:
            raise CheckpointError(
                f"{checkpoint / INDEX}: {name} is a {library}.{kind}, "
                f"expected {' or '.join(part.classes)} of {' or '.join(part.libraries)}"
            )
    for part in parts:
        if part.name in declared:
            _check_files(checkpoint / part.name, part, declared[part.name][1], weights=weights)
        elif part.needed:
            raise CheckpointError(
                f"{checkpoint / INDEX} names no {part.name}, expected a {part.classes[0]}"
            )


def _says(value: Any) -> bool:
    """Whether a field of a configuration that no class knows asks for anything."""
    return value not in (None, False, [], {}, [None, None])


def _require_no_adapter(folder: Path) -> None:
    """Raise `CheckpointError` where weights to be added to others lie beside them."""
    for name in _ADAPTERS:
        if (folder / name).exists():
            raise CheckpointError(
                f"{folder} has {name}, which no loader of a checkpoint applies: fuse it into the "
                f"weights, or remove it"
            )


def declared_class(checkpoint: Path, part: str) -> str:
    """The name of a part's class, as `model_index.json` has it."""
    return _declared(checkpoint)[part][1]


def _declared(checkpoint: Path) -> dict[str, tuple[str, str]]:
    """For each part that the index names, and that is not null, its library and class."""
    found = {}
    for name, value in read_json(checkpoint / INDEX).items():
        if name.startswith("_") or not isinstance(value, list) or value == [None, None]:
            continue
        if len(value) != 2 or not all(isinstance(text, str) for text in value):
            raise CheckpointError(
                f"{checkpoint / INDEX}: {name} is {repr(value)[:80]}, expected [library, class]"
            )
        found[name] = (value[0], value[1])
    return found


def _check_files(folder: Path, part: Part, kind: str, *, weights: bool) -> None:
    if part.holds == "nothing":
        return
    if part.holds == "tokenizer":
        tokenizer_files(folder)
        return
    name = SCHEDULER_CONFIG if part.holds == "scheduler" else "config.json"
    config = read_json(folder / name)
    own = config.get("_class_name") or config.get("architectures") or [kind]
    own = own if isinstance(own, list) else [own]
    if kind not in own:
        raise CheckpointError(
            f"{folder / name} is of a {', '.join(map(str, own))}, "
            f"expected {kind} as {folder.parent / INDEX} says"
        )
    if config.get("quantization_config") is not None:
        raise CheckpointError(
            f"{folder / name} says that its weights are quantized (quantization_config), "
            f"expected weights in float16, bfloat16 or float32"
        )
    if not isinstance(config.get("_diffusers_version", ""), str):
        raise CheckpointError(f"{folder / name} has a _diffusers_version that is no text")
    if part.holds == "weights":
        _require_no_adapter(folder)
    if weights and part.holds == "weights":
        for path in weight_files(folder, part.libraries[0]):
            check_weights(path, folder.name)


def tokenizer_files(folder: Path) -> tuple[str, ...]:
    """The files that a CLIP tokenizer is read from: vocabulary and merges, else tokenizer.json.

    Raises:
        CheckpointError: None of them are there, or one is a git-LFS pointer.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder.parent} has no {folder.name} folder")
    for names in (("vocab.json", "merges.txt"), ("tokenizer.json",)):
        if all((folder / name).is_file() for name in names):
            for name in names:
                require_no_pointer(folder / name)
            for path in sorted(folder.glob("*.json")):
                read_json(path)  # whichever of them the library reads
            return names
    raise CheckpointError(
        f"{folder} holds no tokenizer, expected vocab.json and merges.txt, or tokenizer.json"
    )


def weight_files(folder: Path, library: str) -> list[Path]:
    """The safetensors files that a library reads from a part's folder: one, or its shards.

    Raises:
        CheckpointError: There are none under the name that it knows, or there are both, or a shard
            is missing or holds other weights than its index says.
    """
    stem = _STEMS.get(library, _STEM)
    index = folder / f"{stem}.safetensors.index.json"
    single = folder / f"{stem}.safetensors"
    if index.is_file() and single.is_file():
        raise CheckpointError(f"{folder} has both {single.name} and {index.name}, expected one")
    if index.is_file():
        return _shards(folder, index)
    if single.is_file():
        return [single]
    require_safetensors(folder)
    held = ", ".join(sorted(path.name for path in folder.glob("*.safetensors")))[:120]
    raise CheckpointError(f"{folder} holds {held}, expected {single.name}")


def _shards(folder: Path, index: Path) -> list[Path]:
    named = read_json(index).get("weight_map")
    if not isinstance(named, dict) or not all(isinstance(s, str) for s in named.values()):
        raise CheckpointError(f"{index} has no weight_map, expected a file for each weight")
    found = [folder / name for name in sorted(set(named.values()))]
    for path in found:
        if path.parent != folder or path.name in ("", ".."):
            raise CheckpointError(f"{index} names {path}, expected a file beside it")
        if not path.is_file():
            raise CheckpointError(f"{folder} has no {path.name}, which {index.name} names")
    for path in found:
        expected = {weight for weight, file in named.items() if file == path.name}
        if wrong := expected ^ _header(path).keys():
            raise CheckpointError(
                f"{path} and {index.name} disagree on {_some(wrong)}, "
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
    from torch import aminmax, finfo, float32

    for name, dtype in _header(path).items():
        if dtype not in _FLOATS and not name.endswith(_COUNTERS):
            raise CheckpointError(
                f"{part}.{name} in {path} is stored as {dtype}, expected {', '.join(_FLOATS)}: "
                f"quantized parts of other tools are not read"
            )
    with understood(path), safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118 (a reader, not a mapping)
            tensor = file.get_tensor(name)
            if not tensor.is_floating_point() or not tensor.numel():
                continue
            # One pass without a mask of the tensor's size; NaN propagates to both.
            ends = [float(end) for end in aminmax(tensor)]
            if not all(math.isfinite(end) for end in ends):
                raise CheckpointError(not_finite(f"{part}.{name} in {path}"))
            if max(map(abs, ends)) > finfo(float32).max:
                raise CheckpointError(
                    f"{part}.{name} in {path} holds {max(ends, key=abs):.3g}, "
                    f"expected numbers that float32 can hold"
                )


def not_finite(weight: str) -> str:
    """The message about a weight with numbers that are none."""
    return f"{weight} holds NaN or infinity, expected finite numbers"


def _header(path: Path) -> dict[str, str]:
    """The dtype of every tensor of a safetensors file, by name.

    Raises:
        CheckpointError: It is a git-LFS pointer, no safetensors file, or its length is wrong.
    """
    require_no_pointer(path)
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(8)
        length = int.from_bytes(start, "little")
        if len(start) == 8 and length > _LONGEST_HEADER:
            raise CheckpointError(f"{path} is no safetensors file: it begins with {start!r}")
        if len(start) < 8 or length > size - 8:
            raise CheckpointError(f"{path} is cut short: its {size} bytes end inside its header")
        header = stream.read(length)
    try:
        tensors = {k: v for k, v in json.loads(header).items() if k != "__metadata__"}
        end = 8 + length + max((int(v["data_offsets"][1]) for v in tensors.values()), default=0)
        dtypes = {name: str(about["dtype"]) for name, about in tensors.items()}
    except (UnicodeDecodeError, AttributeError, KeyError, IndexError, TypeError, ValueError):
        raise CheckpointError(f"{path} is no safetensors file: its header is malformed") from None
    if size != end:
        problem = "is cut short" if size < end else "has foreign bytes at its end"
        raise CheckpointError(f"{path} {problem}: it has {size} bytes, expected {end}")
    return dtypes


def load_module(kind: Any, checkpoint: Path, part: str) -> Any:
    """Load one part with its library's own loader, in float32, from local files only.

    Args:
        kind: A model class of diffusers or transformers.
        checkpoint: The checkpoint's folder.
        part: The part's folder in it.

    Raises:
        CheckpointError: The loader refuses the files, or reports weights that are missing, unused
            or of another shape.
    """
    folder = checkpoint / part
    weight_files(folder, kind.__module__.partition(".")[0])
    with understood(folder), reports_instead_of_warnings():
        module, report = kind.from_pretrained(
            checkpoint,
            subfolder=part,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are in the report, by name
        )
    _require_exact(folder, kind.__name__, report)
    return module.float()


@contextmanager
def reports_instead_of_warnings() -> Iterator[None]:
    """Silence the loaders' warnings about weights, every one of which `_require_exact` refuses."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)


def _require_exact(folder: Path, kind: str, report: Mapping[str, Any]) -> None:
    """Raise `CheckpointError` where a loader's report names any weight."""
    unexpected = [k for k in report.get("unexpected_keys", ()) if not k.endswith(_COUNTERS)]
    mismatched = [
        str(key[0] if isinstance(key, tuple) else key) for key in report["mismatched_keys"]
    ]
    for problem, names in (
        ("lacks weights", report.get("missing_keys", ())),
        ("has unexpected weights", unexpected),
        ("has weights of other shapes", mismatched),
        ("cannot be read", report.get("error_msgs", ())),
    ):
        if names:
            raise CheckpointError(
                f"{folder} {problem}: {_some(names)}; expected exactly those of a {kind}"
            )


def _some(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    ordered = sorted(map(str, names))
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return ", ".join(name[:100] for name in ordered[:3]) + more


def require_known_fields(known: Collection[str], config: Mapping[str, Any], path: Path) -> None:
    """Raise `CheckpointError` where a configuration sets a field that its class ignores.

    Args:
        known: The fields that its class has.
        config: Its parsed configuration.
        path: The file that it was read from.
    """
    for name, value in config.items():
        if not name.startswith("_") and name not in known and _says(value):
            raise CheckpointError(
                f"{path} has {name} = {repr(value)[:60]}, which its class does not know"
            )


@contextmanager
def understood(place: Path) -> Iterator[None]:
    """Turn whatever a library raises while it reads `place` into one `CheckpointError`."""
    try:
        yield
    except UserError:
        raise
    except MemoryError:
        raise
    # diffusers, transformers, tokenizers, safetensors and protobuf have no error tree in common,
    # and raise plain `Exception` too. All that is done inside is to read files of the user's.
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        name = type(error).__name__
        raise CheckpointError(f"cannot read {place}: {name}: {reason}") from error
