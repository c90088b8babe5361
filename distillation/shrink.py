"""A smaller denoiser that starts as the teacher and learns from it: the student's size.

As in BK-SDM (arXiv 2305.15798): fewer blocks or channels, weights taken from the teacher where
shapes allow, then the flow's own loss beside the distance to the teacher's answers and to its
features after every stage of the UNet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avatar.model import Decoder, Denoiser, IdentityEncoder
from distillation.data import TrainingData
from distillation.teacher import TeacherTask
from distillation.training import Batch

OUTPUT_WEIGHT, FEATURE_WEIGHT = 1.0, 1.0


def smaller(teacher: Denoiser, widths: tuple[int, ...], blocks: int) -> Denoiser:
    """A denoiser of other widths and number of blocks that starts with the teacher's weights.

    Every tensor that both have takes over the part that both have room for, the leading channels;
    what the teacher lacks keeps its random start.
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
    return {name: value for name, value in denoiser.config.items() if not name.startswith("_")}


class Shrinking(nn.Module):
    """The student beside a convolution a stage, of one pixel, that compares its features with the
    teacher's, however wide either is."""

    def __init__(self, student: Denoiser, teacher: Denoiser) -> None:
        super().__init__()
        self.student = student
        pairs = zip(_widths(student), _widths(teacher), strict=True)
        self.bridges = nn.ModuleList(_bridge(mine, theirs) for mine, theirs in pairs)

    def forward(
        self, latents: Tensor, timestep: Tensor, identity_tokens: Tensor, style: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """The student's velocity, and its features as the teacher would have them."""
        with features_of(self.student) as found:
            velocity = self.student(latents, timestep, identity_tokens, style)
        return velocity, [bridge(part) for bridge, part in zip(self.bridges, found, strict=True)]


def _bridge(mine: int, theirs: int) -> nn.Conv2d:
    """A convolution that starts as none: leading channels are the teacher's own."""
    bridge = nn.Conv2d(mine, theirs, 1, bias=False)
    nn.init.dirac_(bridge.weight)
    return bridge


def _stages(denoiser: Denoiser) -> list[nn.Module]:
    unet = denoiser.unet
    return [*unet.down_blocks, unet.mid_block, *unet.up_blocks]


def _widths(denoiser: Denoiser) -> list[int]:
    """Channels that each stage gives."""
    widths = list(denoiser.config["widths"])
    return [*widths, widths[-1], *reversed(widths)]


@contextmanager
def features_of(denoiser: Denoiser) -> Iterator[list[Tensor]]:
    """Within, the list gets what each stage of the UNet gives, (b,channels,h,w), in their order."""
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
    """The teacher's own lessons, and beside them the teacher."""

    def __init__(
        self,
        network: Shrinking,
        teacher: Denoiser,
        encoder: IdentityEncoder,
        people: TrainingData,
        latents: Tensor,
        shown: TrainingData,
        decoder: Decoder,
    ) -> None:
        """`latents` (avatars,C,32,32) belong to `people.avatars`, entry by entry."""
        super().__init__(network.student, encoder, people, latents, shown, decoder)
        self.network, self.teacher = network, teacher.requires_grad_(False).eval()

    def losses(self, network: nn.Module, batch: Batch, progress: float) -> dict[str, Tensor]:
        asked, wanted_flow = self.asked(batch), batch["noise"] - batch["clean"]
        teacher = self.teacher.to(wanted_flow.device)
        with torch.no_grad(), features_of(teacher) as theirs:
            wanted = teacher(*asked)
        velocity, mine = network(*asked)
        flow, output = F.mse_loss(velocity, wanted_flow), F.mse_loss(velocity, wanted)
        # Stages differ in scale; each counts by the share of the teacher's variance it misses.
        features = torch.stack(
            [F.mse_loss(a, b) / b.var() for a, b in zip(mine, theirs, strict=True)]
        ).mean()
        loss = flow + OUTPUT_WEIGHT * output + FEATURE_WEIGHT * features
        return {"loss": loss, "flow": flow, "output": output, "features": features}
