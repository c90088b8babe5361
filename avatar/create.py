"""Selfies, a style and seeds to picture files, whatever executes the components."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar import label
from avatar.errors import OutputError
from avatar.people.errors import UnknownStyleError
from avatar.pipeline import pad_selfies
from avatar.sampler import Array, SamplerTable, noise_of, sample

Runner = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]

SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
"""What an avatar can be written as, by the file's suffix."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A checkpoint or an artifact, opened: its components and the constants of a run.

    `runners` are `identity_encoder`, `denoiser` and `decoder`; `latent_shape` is (1,C,32,32); the
    place of a name in `styles` is its index.
    """

    runners: Mapping[str, Runner]
    table: SamplerTable
    latent_shape: tuple[int, ...]
    styles: tuple[str, ...]


def style_index(styles: Sequence[str], name: str) -> int:
    """The index of a style, however its name is capitalised or hyphenated.

    Raises `UnknownStyleError`, which suggests the nearest name.
    """
    wanted = "-".join(name.lower().replace("_", " ").replace("-", " ").split())
    if wanted in styles:
        return styles.index(wanted)
    near = difflib.get_close_matches(wanted, styles, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(styles)}"
    raise UnknownStyleError(f"no style is named {name!r}; {hint}")


def draw(model: Model, selfies: Array, style: int, seeds: Sequence[int]) -> Iterator[Array]:
    """One avatar a seed, each (3,256,256) float32 in [0,1], of the person in `selfies`.

    `selfies` is (n,3,128,128) float32 sRGB in [0,1], 1 ≤ n ≤ 10. An avatar depends on its own seed
    only, not on the others.
    """
    padded, mask = pad_selfies(selfies)

    def encode(shown: Array, present: Array) -> Array:
        return _only(model.runners["identity_encoder"]({"selfies": shown, "selfie_mask": present}))

    def denoise(latents: Array, timestep: Array, tokens: Array, index: NDArray[np.int32]) -> Array:
        names = ("latents", "timestep", "identity_tokens", "style")
        arrays = (latents, timestep, tokens, index)
        return _only(model.runners["denoiser"](dict(zip(names, arrays, strict=True))))

    tokens, null_tokens = encode(padded, mask), encode(padded * 0, mask * 0)
    for seed in seeds:
        noise = noise_of(seed, model.latent_shape)
        latents = sample(denoise, noise, tokens, null_tokens, style, model.table)
        yield _only(model.runners["decoder"]({"latents": latents}))[0]


def _only(outputs: Mapping[str, np.ndarray]) -> Array:
    (output,) = outputs.values()
    return output


def to_8_bit(avatar: Array) -> NDArray[np.uint8]:
    """(3,h,w) in [0,1] to (h,w,3): `floor(255·x + 0.5)`, clamped."""
    pixels = np.floor(avatar * np.float32(255) + np.float32(0.5))
    return np.clip(pixels, 0, 255).astype(np.uint8).transpose(1, 2, 0)


def output_files(out: Path, count: int) -> list[Path]:
    """Where `count` avatars go: `me.png`, or `me-1.png`, `me-2.png`, … when there are several.

    Raises `OutputError` if nothing can be written there, before any work is done.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise OutputError(
            f"{out}: cannot write {out.suffix or 'a file without suffix'}; "
            f"expected one of {', '.join(SUFFIXES)}"
        )
    if not out.parent.is_dir():
        raise OutputError(f"{out}: there is no folder {out.parent}")
    if not os.access(out.parent, os.W_OK):
        raise OutputError(f"{out}: the folder {out.parent} may not be written")
    digits = len(str(count))
    files = (
        [out]
        if count == 1
        else [
            out.with_name(f"{out.stem}-{number:0{digits}d}{out.suffix}")
            for number in range(1, count + 1)
        ]
    )
    for file in files:
        if file.is_dir():
            raise OutputError(f"{file}: is a folder")
    return files


def save_avatar(pixels: NDArray[np.uint8], file: Path) -> None:
    """As `save_picture`, with the label that says it was made by AI."""
    save_picture(pixels, file, **label.save_options(SUFFIXES[file.suffix.lower()]))


def save_picture(pixels: NDArray[np.uint8], file: Path, **metadata: Any) -> None:
    """Write (h,w,3) sRGB as PNG or JPEG, by suffix, in one step: old or new, never half.

    `metadata` goes to Pillow's `Image.save`. Raises `OutputError` if the file cannot be written.
    """
    kind = SUFFIXES[file.suffix.lower()]
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"optimize": True}
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        try:
            with part.open("xb") as stream:
                Image.fromarray(pixels).save(stream, kind, **options, **metadata)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{file}: cannot be written ({error.strerror or error})") from error
