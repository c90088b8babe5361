"""What a checkpoint declares, checked before anything of it is computed.

Each kind of pipeline lists its `Part`s. `check_parts` compares them with `model_index.json` and the
files: the class of every part, whole files instead of git-LFS pointers, finite weights.
`load_module` trusts no loader to have used exactly the weights that are there.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from components.checkpoint import INDEX, read_json, require_no_pointer, understood
from components.errors import CheckpointError
from components.weights import COUNTERS, check_weights, find_weights, some
from support.found_files import is_system_file

SCHEDULER_CONFIG = "scheduler_config.json"
_ADAPTERS = (
    "adapter_config.json",
    "adapter_model.safetensors",
    "pytorch_lora_weights.safetensors",
    "learned_embeds.safetensors",
)
"""Files of LoRA and textual inversion."""
LARGE = 500_000_000
"""Bytes of a part's weights from which a pipeline's loader would take much memory."""


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
    declared = declared_parts(checkpoint)
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
                f"{folder} has {name}, which no loader of a checkpoint applies: move it out, and "
                f"name a LoRA with --lora"
            )


def declared_class(checkpoint: Path, part: str) -> str:
    """The name of a part's class, as `model_index.json` has it."""
    return declared_parts(checkpoint)[part][1]


def declared_parts(checkpoint: Path) -> dict[str, tuple[str, str]]:
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
        for path in find_weights(folder, part.libraries[0]).files:
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
                if not is_system_file(path.name):
                    read_json(path)  # whichever of them the library reads
            return names
    raise CheckpointError(
        f"{folder} holds no tokenizer, expected vocab.json and merges.txt, or tokenizer.json"
    )


def load_module(kind: Any, checkpoint: Path, part: str) -> Any:
    """Load one part as its library's own loader does, in float32, from local files only.

    Args:
        kind: A model class of diffusers or transformers.
        checkpoint: The checkpoint's folder.
        part: The part's folder in it.

    Raises:
        CheckpointError: The loader refuses the files, or reports weights that are missing, unused
            or of another shape.
    """
    import torch

    from components.streamed import load_streamed

    folder = checkpoint / part
    found = find_weights(folder, library_of(kind))
    with understood(folder), reports_instead_of_warnings():
        if library_of(kind) == "diffusers":
            module, report = load_streamed(kind, folder, found.files)
        else:
            module, report = kind.from_pretrained(
                checkpoint,
                subfolder=part,
                variant=found.variant,
                torch_dtype=torch.float32,  # whatever the configuration says that weights were
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are in the report, by name
            )
    _require_exact(folder, kind.__name__, report)
    return module


def load_by_part(kinds: Mapping[str, Any], checkpoint: Path) -> dict[str, Any]:
    """The parts that a pipeline's loader would not read well, each loaded by itself.

    Such a loader takes one variant for all parts, wherever they have a file of it; and it keeps the
    file of a large part in memory beside the network made of it.

    Args:
        kinds: The class of each part that has weights.
        checkpoint: The checkpoint's folder.
    """
    found = {
        part: find_weights(checkpoint / part, library_of(kind)) for part, kind in kinds.items()
    }
    return {
        part: load_module(kinds[part], checkpoint, part)
        for part, weights in found.items()
        if weights.variant is not None or _bytes(weights.files) > LARGE
    }


def _bytes(files: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in files)


def library_of(kind: Any) -> str:
    """The library that a class comes from."""
    return str(kind.__module__.partition(".")[0])


@contextmanager
def reports_instead_of_warnings() -> Iterator[None]:
    """Silence the loaders' progress bars, and their warnings, which `_require_exact` refuses."""
    from diffusers.utils import logging as bars

    disabled, shown = logging.root.manager.disable, bars.is_progress_bar_enabled()
    logging.disable(logging.WARNING)
    bars.disable_progress_bar()
    try:
        yield
    finally:
        logging.disable(disabled)
        if shown:
            bars.enable_progress_bar()


def _require_exact(folder: Path, kind: str, report: Mapping[str, Any]) -> None:
    """Raise `CheckpointError` where a loader's report names any weight."""
    unexpected = [k for k in report.get("unexpected_keys", ()) if not k.endswith(COUNTERS)]
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
                f"{folder} {problem}: {some(names)}; expected exactly those of a {kind}"
            )


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
