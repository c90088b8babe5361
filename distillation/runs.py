"""What each training command does: from a folder of people to a folder with a trained part.

Every run has its own folder; `checkpoint/` in it is what the next one starts from.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from diffusers import ModelMixin
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from avatar.decoder import Decoder, LatentEncoder
from avatar.denoiser import Denoiser, Sketch
from avatar.identity_encoder import IdentityEncoder
from avatar.judge import Judge
from avatar.pipeline import AvatarPipeline
from avatar.sampler import Sampler
from distillation.autoencoder import (
    Autoencoder,
    AutoencoderTask,
    encode_all,
    reconstruction_psnr,
    scale_latents,
)
from distillation.data import People
from distillation.errors import RunError
from distillation.identity import FirstLessons, IdentityTask, attribute_accuracy, sketch_error
from distillation.judge import JudgeTask
from distillation.shrink import Shrinking, ShrinkTask, smaller
from distillation.student import FEW_STEPS, StudentTask
from distillation.teacher import TeacherTask
from distillation.training import Run, Schedule, read_record

CHECKPOINT = "checkpoint"
FIRST_LESSONS = "first_lessons.safetensors"
Model = TypeVar("Model", bound=ModelMixin)


def train_autoencoder(
    people: People, held_out: People, schedule: Schedule, out: Path
) -> dict[int, float]:
    """Train and save both halves; gives PSNR in dB by style, on held-out drawings."""
    torch.manual_seed(schedule.seed)
    network = Autoencoder(LatentEncoder(), Decoder())
    Run(AutoencoderTask(network, people.avatars, held_out.avatars[:12]), schedule, out).train()
    network.cpu().eval()
    scale_latents(network, people.avatars[:: max(1, len(people.avatars) // 512)])
    network.encoder.save_pretrained(out / CHECKPOINT / "latent_encoder")
    network.decoder.save_pretrained(out / CHECKPOINT / "decoder")
    return reconstruction_psnr(network, held_out.avatars[:240])


def train_identity(
    people: People, held_out: People, schedule: Schedule, out: Path, *, autoencoder: Path
) -> tuple[dict[str, float], float]:
    """Train and save identity encoder and sketch; gives accuracy by attribute, and the sketch's
    mean squared error, on held-out people."""
    decoder = load_part(Decoder, autoencoder, "decoder")
    encoder = load_part(LatentEncoder, autoencoder, "latent_encoder")
    torch.manual_seed(schedule.seed)
    network = FirstLessons(IdentityEncoder(), Sketch())
    latents = cached_latents(encoder, people, autoencoder)
    Run(IdentityTask(network, people, latents, held_out, decoder), schedule, out).train()
    network.cpu().eval()
    (out / CHECKPOINT).mkdir(exist_ok=True)
    save_file(network.state_dict(), out / CHECKPOINT / FIRST_LESSONS)
    drawn = cached_latents(encoder, held_out, autoencoder)
    return attribute_accuracy(network, held_out, selfies=3), sketch_error(network, held_out, drawn)


def train_teacher(
    people: People,
    held_out: People,
    schedule: Schedule,
    out: Path,
    *,
    autoencoder: Path,
    identity: Path,
    shape: dict[str, Any] | None = None,
    start_from: Path | None = None,
    compiled: bool = False,
) -> AvatarPipeline:
    """Train the denoiser and save the whole pipeline.

    `shape` has arguments of `Denoiser` that are not to be its defaults. `start_from` is another
    teacher's run: its denoiser goes on, with the sketch that belongs to `identity`, where weights
    would be fresh.
    `compiled` puts the denoiser through `torch.compile` first, which needs a C++ compiler.
    """
    decoder = load_part(Decoder, autoencoder, "decoder")
    encoder = load_part(LatentEncoder, autoencoder, "latent_encoder")
    latents = cached_latents(encoder, people, autoencoder)
    torch.manual_seed(schedule.seed)
    lessons = load_first_lessons(identity)
    denoiser = (
        load_part(Denoiser, start_from, "denoiser") if start_from else Denoiser(**(shape or {}))
    )
    try:
        denoiser.sketch.load_state_dict(lessons.sketch.state_dict())
    except RuntimeError as error:
        raise RunError(f"the denoiser of {start_from} expects another sketch") from error
    if compiled:
        denoiser.compile()
    task = TeacherTask(denoiser, lessons.encoder, people, latents, held_out, decoder)
    run = Run(task, schedule, out)
    run.record.before = read_record(start_from) if start_from else None
    run.train()
    parts = (lessons.encoder.cpu(), denoiser.cpu().eval(), decoder, encoder)
    pipeline = AvatarPipeline(*parts, Sampler())
    pipeline.save_pretrained(out / CHECKPOINT)
    return pipeline


def train_smaller(
    people: People,
    held_out: People,
    schedule: Schedule,
    out: Path,
    *,
    teacher: Path,
    autoencoder: Path,
    widths: tuple[int, ...],
    blocks: int,
) -> AvatarPipeline:
    """Train a smaller denoiser on data and teacher, and save the pipeline with it."""
    pipeline = open_teacher(teacher)
    latents = cached_latents(pipeline.latent_encoder, people, autoencoder)
    torch.manual_seed(schedule.seed)
    network = Shrinking(smaller(pipeline.denoiser, widths, blocks), pipeline.denoiser)
    parts = (pipeline.identity_encoder, people, latents, held_out, pipeline.decoder)
    run = Run(ShrinkTask(network, pipeline.denoiser, *parts), schedule, out)
    run.record.before = read_record(teacher)
    run.train()
    pipeline.register_modules(denoiser=network.student.cpu().eval())
    pipeline.save_pretrained(out / CHECKPOINT)
    return pipeline


def train_student(
    people: People,
    held_out: People,
    schedule: Schedule,
    out: Path,
    *,
    teacher: Path,
    autoencoder: Path,
) -> AvatarPipeline:
    """Tune a copy of the teacher to few steps and save the whole pipeline with it."""
    pipeline = open_teacher(teacher)
    latents = cached_latents(pipeline.latent_encoder, people, autoencoder)
    torch.manual_seed(schedule.seed)
    task = StudentTask(pipeline, people, latents, held_out)
    run = Run(task, schedule, out)
    run.record.before = read_record(teacher)
    run.train()
    pipeline.register_modules(denoiser=task.network.cpu().eval(), sampler=FEW_STEPS)
    pipeline.save_pretrained(out / CHECKPOINT)
    return pipeline


def open_teacher(run: Path) -> AvatarPipeline:
    """The pipeline that a run trained; raises `RunError` where it is missing."""
    folder = run / CHECKPOINT
    if not (folder / "model_index.json").is_file():
        raise RunError(f"{folder} holds no trained teacher; train it first (see --help)")
    return AvatarPipeline.from_pretrained(folder, torch_dtype=torch.float32)


def train_judge(people: People, schedule: Schedule, out: Path) -> Judge:
    """Train and save the judge, or open it where the folder has it trained already."""
    torch.manual_seed(schedule.seed)
    network = Judge()
    Run(JudgeTask(network, people), schedule, out).train()
    network.cpu().eval().save_pretrained(out / CHECKPOINT)
    return network


def load_part(kind: type[Model], run: Path, name: str) -> Model:
    """One trained part of a run; raises `RunError` where it is missing."""
    folder = run / CHECKPOINT / name
    if not (folder / "config.json").is_file():
        raise RunError(f"{folder} holds no trained {name}; train it first (see --help)")
    return kind.from_pretrained(folder).eval()


def load_first_lessons(run: Path) -> FirstLessons:
    """What an identity run learned; raises `RunError` where it is missing or of another shape."""
    network, path = FirstLessons(IdentityEncoder(), Sketch()), run / CHECKPOINT / FIRST_LESSONS
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise RunError(f"{path} is no identity encoder of this shape; train it first") from error
    return network.eval()


def cached_latents(encoder: LatentEncoder, people: People, out: Path) -> Tensor:
    """Latents of all drawings, (avatars,C,32,32) fp16, kept in the folder `out` for the next."""
    digest = hashlib.sha256()
    for tensor in encoder.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    for avatar in people.avatars:
        digest.update(hashlib.sha256(avatar.png).digest())
    path = out / f"latents-{digest.hexdigest()[:16]}.safetensors"
    with PartialState().main_process_first():
        if not path.exists():
            out.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            save_file({"latents": encode_all(encoder, people.avatars)}, partial)
            partial.replace(path)
    return load_file(path)["latents"]
