"""A smaller denoiser that starts with a teacher's weights and learns from it.

As in BK-SDM (arXiv 2305.15798): fewer blocks or channels, weights taken from the teacher where
shapes allow, then the flow's own loss beside the distance to the teacher's predictions and to its
features after every stage of the UNet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avatar.model import AvatarPipeline, Decoder, Denoiser, IdentityEncoder
from distillation.data import TrainingData
from distillation.run_folder import (
    CHECKPOINT,
    cached_latents,
    check_styles,
    open_pipeline,
    run_on,
    save_pipeline,
)
from distillation.stages.teacher import TeacherTask
from distillation.training import Batch, Schedule, read_record
from support.progress import Progress, silent

OUTPUT_WEIGHT, FEATURE_WEIGHT = 1.0, 1.0
"""Weights of the distances to the teacher's predictions and features, beside the flow's loss."""


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
    progress: Progress = silent,
) -> AvatarPipeline:
    """Train a smaller denoiser on data and teacher, and save the pipeline with it.

    `teacher` and `autoencoder` are runs; `widths` and `blocks` are those of the new denoiser.
    """
    pipeline = open_pipeline(teacher / CHECKPOINT)
    check_styles(people, teacher / CHECKPOINT)
    latents = cached_latents(pipeline.latent_encoder, people, autoencoder)
    torch.manual_seed(schedule.seed)
    network = StudentWithBridges(smaller(pipeline.denoiser, widths, blocks), pipeline.denoiser)
    parts = (pipeline.identity_encoder, people, latents, held_out, pipeline.decoder)
    task = ShrinkTask(network, pipeline.denoiser, *parts)
    run = run_on(people, task, schedule, out)
    run.record.before = read_record(teacher)
    run.train(progress)
    pipeline.register_modules(denoiser=network.student.cpu().eval())
    save_pipeline(pipeline, people.styles, out)
    return pipeline


def smaller(teacher: Denoiser, widths: tuple[int, ...], blocks: int) -> Denoiser:
    """A denoiser of other widths and number of blocks that starts with the teacher's weights.

    Of every tensor that both have, the leading channels that fit into both are copied; the rest
    keeps its random start.
    """
    student = Denoiser(**{**_shape(teacher), "widths": widths, "blocks": blocks})
    known = teacher.state_dict()
    with torch.no_grad():
        for name, tensor in student.state_dict().items():
            if name in known and known[name].dim() == tensor.dim():
                common = tuple(
                    slice(min(mine, theirs))
                    for mine, theirs in zip(tensor.shape, known[name].shape, strict=True)
                )
                tensor[common] = known[name][common]
    return student


def _shape(denoiser: Denoiser) -> dict[str, object]:
    """The arguments that a denoiser was made with."""
    return {name: value for name, value in denoiser.config.items() if not name.startswith("_")}


class StudentWithBridges(nn.Module):
    """The student, with a 1×1 convolution for each stage of its UNet.

    The convolution maps the student's features to as many channels as the teacher's have, so that
    the two can be compared.
    """

    def __init__(self, student: Denoiser, teacher: Denoiser) -> None:
        super().__init__()
        self.student = student
        pairs = zip(_widths(student), _widths(teacher), strict=True)
        self.bridges = nn.ModuleList(_bridge(mine, theirs) for mine, theirs in pairs)

    def forward(
        self, latents: Tensor, timestep: Tensor, identity_tokens: Tensor, style: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """The student's velocity (b,C,32,32), and its features in the teacher's channels."""
        with features_of(self.student) as found:
            velocity = self.student(latents, timestep, identity_tokens, style)
        return velocity, [bridge(part) for bridge, part in zip(self.bridges, found, strict=True)]


def _bridge(mine: int, theirs: int) -> nn.Conv2d:
    """A convolution that starts as the identity on the channels that both have."""
    bridge = nn.Conv2d(mine, theirs, 1, bias=False)
    nn.init.dirac_(bridge.weight)
    return bridge


def _stages(denoiser: Denoiser) -> list[nn.Module]:
    unet = denoiser.unet
    return [*unet.down_blocks, unet.mid_block, *unet.up_blocks]


def _widths(denoiser: Denoiser) -> list[int]:
    """Channels of each stage's output, in the order of `_stages`."""
    widths = list(denoiser.config["widths"])
    return [*widths, widths[-1], *reversed(widths)]


@contextmanager
def features_of(denoiser: Denoiser) -> Iterator[list[Tensor]]:
    """Give a list that is filled with the output (b,channels,h,w) of each stage of the UNet.

    It is filled in the order of the stages, by calls of the denoiser inside the block.
    """
    found: list[Tensor] = []

    def keep(_: nn.Module, __: object, output: Tensor | tuple[Tensor, ...]) -> None:
        found.append(output[0] if isinstance(output, tuple) else output)

    handles = [stage.register_forward_hook(keep) for stage in _stages(denoiser)]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


class ShrinkTask(TeacherTask):
    """Train as the teacher was trained, and beside that towards the teacher's own results."""

    def __init__(
        self,
        network: StudentWithBridges,
        teacher: Denoiser,
        encoder: IdentityEncoder,
        people: TrainingData,
        latents: Tensor,
        held_out: TrainingData,
        decoder: Decoder,
    ) -> None:
        """`latents` (drawings,C,32,32) are those of `people.drawings`, in its order."""
        super().__init__(network.student, encoder, people, latents, held_out, decoder)
        self.network, self.teacher = network, teacher.requires_grad_(False).eval()

    def losses(self, network: nn.Module, batch: Batch, done: float) -> dict[str, Tensor]:
        """The flow's loss, and the distances to the teacher's predictions and features."""
        inputs, wanted_flow = self.inputs(batch), batch["noise"] - batch["clean"]
        teacher = self.teacher.to(wanted_flow.device)
        with torch.no_grad(), features_of(teacher) as theirs:
            wanted = teacher(*inputs)
        velocity, mine = network(*inputs)
        flow, output = F.mse_loss(velocity, wanted_flow), F.mse_loss(velocity, wanted)
        # Stages differ in scale: each counts by the share of the teacher's variance that it misses.
        features = torch.stack(
            [F.mse_loss(a, b) / b.var() for a, b in zip(mine, theirs, strict=True)]
        ).mean()
        loss = flow + OUTPUT_WEIGHT * output + FEATURE_WEIGHT * features
        return {"loss": loss, "flow": flow, "output": output, "features": features}
