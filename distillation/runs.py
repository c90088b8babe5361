"""What each training command does: from a folder of people to a folder with a trained part.

Every run has its own folder; `checkpoint/` in it is what the next one starts from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from diffusers import ModelMixin
from diffusers.utils.logging import disable_progress_bar
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from avatar.judge import Judge, load_judge
from avatar.model import (
    AvatarPipeline,
    Decoder,
    Denoiser,
    IdentityEncoder,
    LatentEncoder,
    Sampler,
    Sketch,
)
from avatar.people import DesignerStyle
from avatar.styles import STYLES_FILE, dump_styles, styles_of
from distillation.autoencoder import (
    Autoencoder,
    AutoencoderTask,
    encode_all,
    reconstruction_psnr,
    scale_latents,
)
from distillation.data import People, TrainingData
from distillation.errors import RunError
from distillation.identity import FirstLessons, IdentityTask, attribute_accuracy, sketch_error
from distillation.judge import JudgeTask
from distillation.shrink import Shrinking, ShrinkTask, smaller
from distillation.student import FEW_STEPS, StudentTask
from distillation.teacher import TeacherTask
from distillation.training import RECORD, Run, Schedule, Task, read_record
from support import atomic

CHECKPOINT = "checkpoint"
FIRST_LESSONS = "first_lessons.safetensors"
Model = TypeVar("Model", bound=ModelMixin)


def train_autoencoder(
    people: TrainingData, held_out: TrainingData, schedule: Schedule, out: Path
) -> dict[int, float]:
    """Train and save both halves; gives PSNR in dB by style, on held-out drawings."""
    torch.manual_seed(schedule.seed)
    network = Autoencoder(LatentEncoder(), Decoder())
    task = AutoencoderTask(network, people.avatars, held_out.avatars[:12])
    run_on(people, task, schedule, out).train()
    network.cpu().eval()
    scale_latents(network, people.avatars[:: max(1, len(people.avatars) // 512)])
    network.encoder.save_pretrained(out / CHECKPOINT / "latent_encoder")
    network.decoder.save_pretrained(out / CHECKPOINT / "decoder")
    return reconstruction_psnr(network, held_out.avatars[:240])


def train_identity(
    people: TrainingData,
    held_out: TrainingData,
    schedule: Schedule,
    out: Path,
    *,
    autoencoder: Path,
) -> tuple[dict[str, float], float]:
    """Train and save identity encoder and sketch; gives accuracy by attribute (none where people
    have no labels), and the sketch's mean squared error, on held-out people."""
    decoder = load_part(Decoder, autoencoder, "decoder")
    encoder = load_part(LatentEncoder, autoencoder, "latent_encoder")
    torch.manual_seed(schedule.seed)
    styles, labelled = len(people.styles), people.labels is not None
    network = FirstLessons(IdentityEncoder(), Sketch(styles=styles), labelled=labelled)
    latents = cached_latents(encoder, people, autoencoder)
    task = IdentityTask(network, people, latents, held_out, decoder)
    run_on(people, task, schedule, out).train()
    network.cpu().eval()
    write_styles(people.styles, out / CHECKPOINT)
    save_file(network.state_dict(), out / CHECKPOINT / FIRST_LESSONS)
    drawn = cached_latents(encoder, held_out, autoencoder)
    return attribute_accuracy(network, held_out, selfies=3), sketch_error(network, held_out, drawn)


def train_teacher(
    people: TrainingData,
    held_out: TrainingData,
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
    check_styles(people, identity / CHECKPOINT)
    if start_from:
        denoiser = load_part(Denoiser, start_from, "denoiser")
        check_styles(people, start_from / CHECKPOINT)
    else:
        denoiser = Denoiser(styles=len(people.styles), **(shape or {}))
    try:
        denoiser.sketch.load_state_dict(lessons.sketch.state_dict())
    except RuntimeError as error:
        raise RunError(f"the denoiser of {start_from} expects another sketch") from error
    if compiled:
        denoiser.compile()
    task = TeacherTask(denoiser, lessons.encoder, people, latents, held_out, decoder)
    run = run_on(people, task, schedule, out)
    run.record.before = read_record(start_from) if start_from else None
    run.train()
    parts = (lessons.encoder.cpu(), denoiser.cpu().eval(), decoder, encoder)
    pipeline = AvatarPipeline(*parts, Sampler())
    save(pipeline, people.styles, out)
    return pipeline


def train_smaller(
    people: TrainingData,
    held_out: TrainingData,
    schedule: Schedule,
    out: Path,
    *,
    teacher: Path,
    autoencoder: Path,
    widths: tuple[int, ...],
    blocks: int,
) -> AvatarPipeline:
    """Train a smaller denoiser on data and teacher, and save the pipeline with it."""
    pipeline = open_pipeline(teacher / CHECKPOINT)
    check_styles(people, teacher / CHECKPOINT)
    latents = cached_latents(pipeline.latent_encoder, people, autoencoder)
    torch.manual_seed(schedule.seed)
    network = Shrinking(smaller(pipeline.denoiser, widths, blocks), pipeline.denoiser)
    parts = (pipeline.identity_encoder, people, latents, held_out, pipeline.decoder)
    task = ShrinkTask(network, pipeline.denoiser, *parts)
    run = run_on(people, task, schedule, out)
    run.record.before = read_record(teacher)
    run.train()
    pipeline.register_modules(denoiser=network.student.cpu().eval())
    save(pipeline, people.styles, out)
    return pipeline


def train_student(
    people: TrainingData,
    held_out: TrainingData,
    schedule: Schedule,
    out: Path,
    *,
    teacher: Path,
    autoencoder: Path,
    start_from: Path | None = None,
) -> AvatarPipeline:
    """Tune a copy of the teacher to few steps and save the whole pipeline with it. `start_from` is
    another student's run of the same teacher: its denoiser goes on, instead of the copy."""
    pipeline = open_pipeline(teacher / CHECKPOINT)
    check_styles(people, teacher / CHECKPOINT)
    latents = cached_latents(pipeline.latent_encoder, people, autoencoder)
    torch.manual_seed(schedule.seed)
    task = StudentTask(pipeline, people, latents, held_out)
    if start_from:
        copy_weights(load_part(Denoiser, start_from, "denoiser"), task.network, start_from)
    run = run_on(people, task, schedule, out)
    run.record.before = read_record(start_from or teacher)
    run.train()
    pipeline.register_modules(denoiser=task.network.cpu().eval(), sampler=FEW_STEPS)
    save(pipeline, people.styles, out)
    return pipeline


def copy_weights(source: Denoiser, target: Denoiser, run: Path) -> None:
    """Give `target` the weights of `source`, which is a run's; raises `RunError` where shapes
    differ."""
    try:
        target.load_state_dict(source.state_dict())
    except RuntimeError as error:
        raise RunError(f"the denoiser of {run} has another shape than the teacher's") from error


def open_pipeline(folder: Path) -> AvatarPipeline:
    """A trained pipeline; raises `RunError` where it is missing."""
    if not (folder / "model_index.json").is_file():
        raise RunError(f"{folder} holds no trained pipeline; train it first (see --help)")
    disable_progress_bar()  # parts load in no time, and results go to files
    return AvatarPipeline.from_pretrained(folder, torch_dtype=torch.float32)


def train_judge(
    people: People, schedule: Schedule, out: Path, *, start_from: Path | None = None
) -> Judge:
    """Train and save the judge, or open it where the folder has it trained already. `start_from` is
    another judge's run, whose network goes on."""
    torch.manual_seed(schedule.seed)
    network = load_judge(start_from / CHECKPOINT) if start_from else Judge()
    run = run_on(people, JudgeTask(network, people), schedule, out)
    run.record.before = read_record(start_from) if start_from else None
    run.train()
    network.cpu().eval().save_pretrained(out / CHECKPOINT)
    return network


def run_on(people: TrainingData, task: Task, schedule: Schedule, out: Path) -> Run:
    """A run whose record says what people it sees: who has no labels was not made up.

    Raises `RunError` where the folder's run saw others.
    """
    run, own = Run(task, schedule, out), people.labels is None
    if (out / RECORD).exists() and read_record(out).get("own_data", False) != own:
        others = "made-up people" if own else "people of your own"
        raise RunError(f"{out} holds a run on {others}; choose another --out")
    run.record.people, run.record.own_data = len(people), own
    return run


def save(pipeline: AvatarPipeline, styles: Sequence[DesignerStyle], out: Path) -> None:
    """The checkpoint of a run, with the styles it knows."""
    pipeline.save_pretrained(out / CHECKPOINT)
    write_styles(styles, out / CHECKPOINT)


def write_styles(styles: Sequence[DesignerStyle], folder: Path) -> None:
    atomic.write(folder / STYLES_FILE, dump_styles(styles))


def check_styles(people: TrainingData, checkpoint: Path) -> None:
    """Raise `RunError` unless a checkpoint knows the styles that people are drawn in, in order."""
    known, drawn = (
        ", ".join(style.name for style in styles)
        for styles in (styles_of(checkpoint), people.styles)
    )
    if known != drawn:
        raise RunError(
            f"{checkpoint} knows the styles {known}, but the people are drawn in {drawn}; train it "
            "with these people, or name people drawn in its styles"
        )


def load_part(kind: type[Model], run: Path, name: str) -> Model:
    """One trained part of a run; raises `RunError` where it is missing."""
    folder = run / CHECKPOINT / name
    if not (folder / "config.json").is_file():
        raise RunError(f"{folder} holds no trained {name}; train it first (see --help)")
    return kind.from_pretrained(folder).eval()


def load_first_lessons(run: Path) -> FirstLessons:
    """What an identity run learned; raises `RunError` where it is missing or of another shape."""
    path = run / CHECKPOINT / FIRST_LESSONS
    try:
        state = load_file(path)
        styles, labelled = len(state["sketch.style.weight"]), "reader.weight" in state
        network = FirstLessons(IdentityEncoder(), Sketch(styles=styles), labelled=labelled)
        network.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise RunError(f"{path} is no identity encoder of this shape; train it first") from error
    return network.eval()


def cached_latents(encoder: LatentEncoder, people: TrainingData, out: Path) -> Tensor:
    """Latents of all drawings, (avatars,C,32,32) fp16, kept in the folder `out` for the next."""
    digest = hashlib.sha256()
    for tensor in encoder.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    for avatar in people.avatars:
        digest.update(avatar.digest())
    path = out / f"latents-{digest.hexdigest()[:16]}.safetensors"
    with PartialState().main_process_first():
        if not path.exists():
            out.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            save_file({"latents": encode_all(encoder, people.avatars)}, partial)
            partial.replace(path)
    return load_file(path)["latents"]
