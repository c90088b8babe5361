"""What people name as a checkpoint that is none: one line says what it is, and what to do instead.

Only names and headers are looked at. Pickled files are never opened, because that runs their code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from support.found_files import describe, is_system_file, missing, nearby

PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
"""Suffixes of pickled weights, which are never read."""
LONGEST_HEADER = 100_000_000
"""Bytes of the longest header that the safetensors format allows."""
_SAFETENSORS = "a safetensors file"
_PICKLED = (
    "StableDiffusionPipeline.from_single_file({name!r}).save_pretrained(FOLDER), with diffusers, "
    "writes one"
)
_ONE_FILE = "export, eval and quantization take it, with --checkpoint {name}"
_FUSE = "name with --checkpoint what it was trained for, and this with --lora {name}"
_PART = "name a whole one with --checkpoint, and this with --{option} {{name}}"
_KINDS = (
    ("lora", "an adapter (LoRA)", _FUSE),
    ("control", "a ControlNet, a part of another pipeline", _PART.format(option="controlnet")),
    ("model.diffusion_model.", "a UNet, one part of a checkpoint", _PART.format(option="unet")),
    ("time_embed", "a UNet, one part of a checkpoint", _PART.format(option="unet")),
    ("decoder.conv_out.", "a VAE, one part of a checkpoint", _PART.format(option="vae")),
    ("first_stage_model.", "a VAE, one part of a checkpoint", _PART.format(option="vae")),
)
"""Texts that some weight's name holds, what such a file is, and what to do with it."""
_WHOLE = ("model.diffusion_model.", "first_stage_model.")
"""Beginnings of names that a whole Stable Diffusion checkpoint in a single file has."""


def refusal(path: Path, index: str) -> str:
    """The line about a path that is no checkpoint.

    Args:
        path: What was named.
        index: Name of the file that every checkpoint has.
    """
    if not os.path.lexists(path):
        reason = missing(path)
        return f"no checkpoint folder at {path}" + (f"; it {reason}" if "iCloud" in reason else "")
    what, advice = _what(path)
    near = nearby(path, (index,))
    if near:
        advice = f"name {' or '.join(map(str, near))}"
    elif os.path.lexists(path / f".{index}.icloud"):
        advice = f"{index} {missing(path / index)}"
    return (
        f"{path} is {what}, not a checkpoint; expected a folder in diffusers' layout, with {index}"
        f"{advice and f': {advice}'}"
    )


def pickled(folder: Path) -> str:
    """The line about a part that holds weights in pickled files only."""
    return (
        f"{folder} holds pickled weights; only safetensors are read, because opening the others "
        f"runs their code: DiffusionPipeline.from_pretrained({str(folder.parent)!r})"
        f".save_pretrained(FOLDER), with diffusers, writes a checkpoint with safetensors"
    )


def described(path: Path) -> str:
    """What lies at a path, in words with an article."""
    return _what(path)[0]


def _what(path: Path) -> tuple[str, str]:
    if path.is_dir():
        return _what_folder(path)
    what, advice = describe(path)
    if what == _SAFETENSORS:
        what, advice = _of_weights(_weight_names(path))
    elif what == "a file of pickled weights" or (what == "a file" and path.suffix in PICKLES):
        what = "a file of pickled weights, which run code when they are opened"
        advice = f"if it is Stable Diffusion, {_PICKLED}"
    return what, advice.format(name=path.name)


def _what_folder(folder: Path) -> tuple[str, str]:
    what, advice = describe(folder)
    if what == "an adapter (LoRA)":
        return what, _FUSE.format(name=folder.name)
    if what != "a folder":
        return what, advice
    config = _config(folder / "config.json")
    for key, library in (("_class_name", "diffusers"), ("model_type", "transformers")):
        if isinstance(config.get(key), str):
            return f"one network of {library} ({config[key][:60]})", ""
    for path in sorted(folder.glob("*.safetensors")):
        if not is_system_file(path.name) and path.is_file():
            kind, advice = _of_weights(_weight_names(path))
            return f"a folder whose {path.name} is {kind}", advice.format(name=path.name)
    return what, advice


def _of_weights(names: Iterable[str]) -> tuple[str, str]:
    """What a file with weights of these names is."""
    names = tuple(names)
    if all(any(name.startswith(prefix) for name in names) for prefix in _WHOLE):
        return "a Stable Diffusion checkpoint in a single file", _ONE_FILE
    for text, what, advice in _KINDS:
        if any(text in name for name in names):
            return what, advice
    return "a file of weights without their configuration", ""


def _weight_names(path: Path) -> tuple[str, ...]:
    """The names in a safetensors file; none where its header cannot be read."""
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(min(length, LONGEST_HEADER)))
    except (OSError, ValueError, RecursionError):
        return ()
    return tuple(header) if isinstance(header, dict) else ()


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}
