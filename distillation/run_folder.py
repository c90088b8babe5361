"""The folder of a stage's run: its people, its checkpoint, and latents kept for later stages.

`checkpoint/` in it is what the next stage starts from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch
from accelerate import PartialState
from diffusers import ModelMixin
from diffusers.utils.logging import disable_progress_bar
from safetensors.torch import load_file, save_file
from torch import Tensor

import components
from avatar.model import AvatarPipeline, Decoder, Denoiser, IdentityEncoder, LatentEncoder
from avatar.people import DesignerStyle
from avatar.styles_file import STYLES_FILE, dump_styles, styles_of
from components.checkpoint import understood
from components.declared import load_module
from distillation.data import Drawing, TrainingData
from distillation.errors import RunError
from distillation.pictures import from_pixels
from distillation.training import RECORD_FILE, Run, Schedule, Task, read_record
from support import atomic
from support.publish import publish

CHECKPOINT = "checkpoint"
PIPELINE_FILE = "model_index.json"
"""File that every pipeline's checkpoint has."""

_NETWORKS = {
    "identity_encoder": IdentityEncoder,
    "denoiser": Denoiser,
    "decoder": Decoder,
    "latent_encoder": LatentEncoder,
}
"""The networks of a pipeline, by the names of their folders."""

Model = TypeVar("Model", bound=ModelMixin)


def run_on(people: TrainingData, task: Task, schedule: Schedule, out: Path) -> Run:
    """Prepare a run whose record says which people it is trained on.

    People without labels count as a team's own.

    Raises:
        RunError: The folder has a run on people of the other kind.
    """
    run, own = Run(task, schedule, out), people.labels is None
    if (out / RECORD_FILE).exists() and read_record(out).get("own_data", False) != own:
        others = "made-up people" if own else "people of your own"
        raise RunError(f"{out} holds a run on {others}; choose another --out")
    run.record.people, run.record.own_data = len(people), own
    return run


@contextmanager
def publishing(checkpoint: Path, *, marker: str) -> Iterator[Path]:
    """Give an empty folder that becomes `checkpoint` in one step when the block ends well.

    `marker` is a file that every checkpoint of this kind has. Raises `PublishError` where something
    else is at `checkpoint`.
    """
    with publish(checkpoint, marker=marker, kind="a checkpoint") as folder:
        yield folder


def save_pipeline(pipeline: AvatarPipeline, styles: Sequence[DesignerStyle], out: Path) -> None:
    """Save the checkpoint of a run, with the styles that it knows."""
    with publishing(out / CHECKPOINT, marker=PIPELINE_FILE) as folder:
        pipeline.save_pretrained(folder)
        write_styles(styles, folder)


def write_styles(styles: Sequence[DesignerStyle], folder: Path) -> None:
    """Write `styles.json` into a checkpoint."""
    (folder / STYLES_FILE).write_bytes(dump_styles(styles))


def check_styles(people: TrainingData, checkpoint: Path) -> None:
    """Check that a checkpoint knows the styles that people are drawn in, in the same order.

    Raises:
        RunError: It knows others.
    """
    known, drawn = (
        ", ".join(style.name for style in styles)
        for styles in (styles_of(checkpoint), people.styles)
    )
    if known != drawn:
        raise RunError(
            f"{checkpoint} knows the styles {known}, but the people are drawn in {drawn}; train it "
            "with these people, or name people drawn in its styles"
        )


def open_pipeline(folder: Path) -> AvatarPipeline:
    """Open a trained pipeline in float32.

    Raises:
        RunError: The folder holds none.
        ComponentsError: What it holds is damaged, or not what it declares.
    """
    if not (folder / PIPELINE_FILE).is_file():
        raise RunError(f"{folder} holds no trained pipeline; train it first (see --help)")
    disable_progress_bar()  # its parts load in no time
    components.load(folder)  # checks it
    parts = {
        name: load_module(kind, folder, name)
        for name, kind in _NETWORKS.items()
        if (folder / name).is_dir()
    }
    with understood(folder):
        return AvatarPipeline.from_pretrained(folder, local_files_only=True, **parts)


def load_part(kind: type[Model], run: Path, name: str) -> Model:
    """Load one network of a run's checkpoint.

    Raises:
        RunError: The checkpoint does not hold it.
        CheckpointError: Its files are damaged.
    """
    folder = run / CHECKPOINT / name
    if not (folder / "config.json").is_file():
        raise RunError(f"{folder} holds no trained {name}; train it first (see --help)")
    module: Model = load_module(kind, run / CHECKPOINT, name)
    return module.eval()


def copy_weights(source: Denoiser, target: Denoiser, run: Path) -> None:
    """Copy the weights of `source`, the denoiser of `run`, to `target`.

    Raises:
        RunError: The two differ in shape.
    """
    try:
        target.load_state_dict(source.state_dict())
    except RuntimeError as error:
        raise RunError(f"the denoiser of {run} has another shape than the teacher's") from error


def cached_latents(encoder: LatentEncoder, people: TrainingData, out: Path) -> Tensor:
    """Latents of all drawings, (drawings,C,32,32) fp16.

    They are kept in the folder `out`, under a name that depends on the encoder's weights and on
    every drawing, and computed only where that file is missing.
    """
    digest = hashlib.sha256()
    for tensor in encoder.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    for drawing in people.drawings:
        digest.update(drawing.digest())
    path = out / f"latents-{digest.hexdigest()[:16]}.safetensors"
    with PartialState().main_process_first():
        if not path.exists():
            with atomic.replacing(path) as partial:
                save_file({"latents": encode_drawings(encoder, people.drawings)}, partial)
    return load_file(path)["latents"]


@torch.inference_mode()
def encode_drawings(encoder: LatentEncoder, drawings: Sequence[Drawing], batch: int = 16) -> Tensor:
    """Latents of drawings, scaled as the encoder's buffers say, (n,C,32,32) fp16."""
    chunks = [
        encoder(
            from_pixels([drawing.pixels() for drawing in drawings[start : start + batch]])
        ).half()
        for start in range(0, len(drawings), batch)
    ]
    return torch.cat(chunks).contiguous()
