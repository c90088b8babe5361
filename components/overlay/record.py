"""What was done to a checkpoint, written down in its folder as `overlay.json`; and its licence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.errors import CheckpointError
from support.hub_cache import snapshot
from support.json_records import Exact, dump, optional, read, record

RECORD = "overlay.json"
"""The file's name. It is hashed with the rest: a checkpoint that was changed is another one."""
_CARD = "README.md"


@record
@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that was done.

    Attributes:
        what: The option's name without dashes: `lora`, `unet`, `size`, ...
        value: Name of the file or folder that was used, without the way to it, or the value.
        sha256: Hash of that file, or fingerprint of that folder.
        strength: What a LoRA's update was multiplied by.
    """

    what: str
    value: str
    sha256: str | None = optional(None)
    strength: Exact | None = optional(None)


@record
@dataclass(frozen=True, kw_only=True)
class Overlay:
    """What distinguishes a checkpoint from the one that it was made of.

    Attributes:
        base: Fingerprint of the checkpoint, or SHA-256 of the single file, that was changed.
        changes: What was done, in order.
        batch: Number of pictures that one run draws.
        guidance: Scale of guidance; None for that of the kind of pipeline.
        steps: Steps of the sampler's tables, the default first; empty for the usual ones.
        strength: How far a run from a picture goes back to noise; None for the usual.
        licence: The licence that the single file's metadata names.
    """

    base: str
    changes: tuple[Change, ...] = ()
    batch: int = 1
    guidance: Exact | None = optional(None)
    steps: tuple[int, ...] = optional(())
    strength: Exact | None = optional(None)
    licence: str | None = optional(None)

    def dump(self) -> bytes:
        """The record as JSON; equal records give equal bytes."""
        return dump(self)


def overlay_of(checkpoint: Path) -> Overlay | None:
    """What was done to a checkpoint; None where nothing was.

    Raises:
        CheckpointError: `overlay.json` is not such a record.
    """
    path = snapshot(checkpoint) / RECORD
    if not path.is_file():
        return None
    return read(Overlay, path.read_bytes(), lambda text: CheckpointError(f"{path}: {text}"))


def licence_of(checkpoint: Path) -> str | None:
    """The licence that a checkpoint's model card names in its front matter, else its metadata.

    Returns:
        An identifier of Hugging Face's, such as `creativeml-openrail-m`, or a name of the
        licence's own where the identifier is `other`; None where nothing is said.
    """
    folder = snapshot(checkpoint)
    about = _front_matter(folder / _CARD)
    licence = about.get("license")
    if licence == "other":
        licence = about.get("license_name") or licence
    if isinstance(licence, list):
        licence = ", ".join(map(str, licence))
    if isinstance(licence, str) and licence.strip():
        return " ".join(licence.split())
    overlay = overlay_of(folder)
    return overlay.licence if overlay else None


def _front_matter(card: Path) -> dict[str, Any]:
    """The YAML at a model card's beginning; nothing where it is missing or broken."""
    from huggingface_hub.repocard import metadata_load
    from yaml import YAMLError

    try:
        return dict(metadata_load(card) or {}) if card.is_file() else {}
    except (OSError, ValueError, TypeError, YAMLError):
        return {}  # a card is written for readers: what it says badly, it does not say
