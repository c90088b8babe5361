"""A checkpoint and the changes that a user wants, as one checkpoint folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.checkpoint import INDEX, fingerprint, read_index
from components.errors import CheckpointError, OverlayError
from components.foreign import refusal
from components.overlay.changes import PARTS, Changes
from components.overlay.record import RECORD, Change, Overlay, overlay_of
from components.registry import PIPELINES
from support import atomic
from support.found_files import describe
from support.hashes import file_sha256
from support.hub_cache import snapshot
from support.progress import Progress, silent

_LICENCE = "modelspec.license"
"""Where the metadata of a single file names its licence (Stability AI's ModelSpec)."""
_QUANTIZED = ("recipe.json", "quantized")
"""What a quantized checkpoint holds. The room that writes it may import this one, not the other way
round."""


@contextmanager
def overlaid(checkpoint: Path, changes: Changes, progress: Progress = silent) -> Iterator[Path]:
    """Give a checkpoint folder in which changes are made; it is removed at the end.

    What does not change is a link, so that it costs nothing. Weights keep their types, and at most
    one part's are in memory. Where there is nothing to change it is the checkpoint's own folder.

    Law: the same checkpoint and changes give the same `components.fingerprint`, whatever the
    temporary folder is called.

    Args:
        checkpoint: A folder, a download in Hugging Face's cache, or a `.safetensors` file.
        changes: What to change.
        progress: Hears of each step that takes time.

    Raises:
        OverlayError: A change does not fit the checkpoint.
        CheckpointError: Checkpoint, LoRA or model cannot be read.
    """
    checkpoint = snapshot(checkpoint)
    single = checkpoint.is_file()
    if single and describe(checkpoint)[0] != "a safetensors file":
        raise CheckpointError(refusal(checkpoint, INDEX))
    if not single and changes == Changes():
        yield checkpoint
        return
    if not single:
        _require_changeable(checkpoint, changes)
    with tempfile.TemporaryDirectory(prefix="pocket-avatar-") as place:
        folder = Path(place) / checkpoint.stem
        _build(checkpoint, folder, changes, progress, single=single)
        yield folder


def _require_changeable(checkpoint: Path, changes: Changes) -> None:
    """Refuse before any work what cannot be done."""
    read_index(checkpoint)
    if changes.changes_weights and all((checkpoint / name).exists() for name in _QUANTIZED):
        raise OverlayError(
            f"{checkpoint} is quantized, so that its weights are fixed: change the checkpoint that "
            f"it was made of, and quantize that"
        )
    _require_pipeline(changes.pipeline)


def _require_pipeline(name: str | None) -> None:
    if name is not None and name not in PIPELINES:
        raise OverlayError(
            f"--pipeline is {name!r}, expected one of {', '.join(sorted(PIPELINES))}"
        )


def _build(
    checkpoint: Path, path: Path, changes: Changes, progress: Progress, *, single: bool
) -> None:
    # Imported here, because these need PyTorch and diffusers, and most commands change nothing.
    from components.overlay.folder import CheckpointFolder
    from components.overlay.single_file import unpack

    _require_pipeline(changes.pipeline)
    if single:
        progress(f"unpacking {checkpoint.name}")
        folder = CheckpointFolder(path)
        metadata = unpack(checkpoint, folder, changes.prediction)
        digest = file_sha256(checkpoint)
        made = Change(what="checkpoint", value=checkpoint.name, sha256=digest)
        base = Overlay(base=digest, changes=(made,), licence=metadata.get(_LICENCE))
    else:
        folder = CheckpointFolder(path, checkpoint)
        base = overlay_of(checkpoint) or Overlay(base=fingerprint(checkpoint))
    done = [*base.changes, *_apply(folder, changes, progress)]
    folder.finish()
    record = Overlay(
        base=base.base,
        changes=tuple(done),
        batch=changes.batch or base.batch,
        guidance=base.guidance if changes.guidance is None else changes.guidance,
        steps=changes.steps or base.steps,
        strength=base.strength if changes.strength is None else changes.strength,
        licence=base.licence,
    )
    (path / RECORD).unlink(missing_ok=True)
    atomic.write(path / RECORD, record.dump())


def _apply(folder: Any, changes: Changes, progress: Progress) -> Iterator[Change]:
    """Make the changes in an order in which each finds what it needs: parts, LoRAs, settings."""
    from components.overlay.parts import swap
    from components.overlay.settings import set_prediction
    from components.overlay.size import set_size

    for part in PARTS:
        if source := changes.part(part):
            swap(folder, part, source)
            yield Change(what=part, value=source.resolve().name, sha256=hash_of(source))
    if changes.loras:
        from components.overlay.lora import fuse, lora_file

        fuse(folder, changes.loras, progress)
        for lora in changes.loras:
            file = lora_file(lora.file)
            yield Change(
                what="lora", value=lora.file.name, sha256=file_sha256(file), strength=lora.strength
            )
    if changes.pipeline is not None:
        folder.index["_class_name"] = changes.pipeline
        yield Change(what="pipeline", value=changes.pipeline)
    if changes.prediction is not None:
        set_prediction(folder, changes.prediction)
        yield Change(what="prediction", value=changes.prediction)
    if changes.size is not None:
        set_size(folder, changes.size)
        yield Change(what="size", value="x".join(map(str, changes.size)))


def hash_of(path: Path) -> str:
    """SHA-256 of a file, or the fingerprint of a checkpoint's folder."""
    return fingerprint(path) if path.is_dir() else file_sha256(path)
