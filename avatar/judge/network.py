"""The judge: a small network that reads style and attributes off avatars and selfies alike.

It is trained on the labels of made people only (`python -m distillation judge`). Of every picture
it gives, for each attribute, how likely each class is. Where a style merges two classes or shows
nothing of an attribute, nobody can tell, and a network trained with the person's true label learns
to say just that; so one answer serves accuracy and telling people apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from numpy.typing import NDArray
from torch import Tensor, nn

from avatar import shipped
from avatar.errors import CheckpointError
from avatar.people import ATTRIBUTES, STYLES

KINDS = (*(style.name for style in STYLES), "selfie")
"""What a picture can be: an avatar in one of the styles, or a selfie."""

CLASS_COUNTS = (len(KINDS), *(len(classes) for classes in ATTRIBUTES.values()))
SIZE = 256
BATCH = 64

AROUND, FAINT = 8, 0.02
"""Side of the surroundings that a pixel is compared with, and the deviation, in units of sRGB's
range, below which they count as plain."""


def _conv(width_in: int, width: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width_in, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.SiLU()
    )


class _Block(nn.Module):
    """Half the resolution, then one residual convolution."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.down, self.same = _conv(width_in, width, 2), _conv(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        return x + self.same(x)


class Judge(ModelMixin, ConfigMixin):
    """Strided convolutions to `feature_width` features with a linear reader for all labels, and
    evidence for each class near each of 32×32 places, whose maximum counts beside it.

    Two by two pixels become channels first (arXiv 1609.05158, the other way round): convolutions at
    full resolution would cost most of all. Beside the colours stand local contrasts: in colours
    alone, freckles of two pixels are so faint beside hair and background that training never finds
    them. Nor does what is so small and may be anywhere get through to the features.
    """

    @register_to_config
    def __init__(
        self,
        widths: tuple[int, ...] = (16, 32, 64, 128, 192, 256),
        feature_width: int = 192,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        blocks = [_Block(width_in, width) for width_in, width in pairwise(widths)]
        stem = nn.Sequential(nn.PixelUnshuffle(2), _conv(2 * 12, widths[0], 1))
        self.near, self.far = nn.Sequential(stem, *blocks[:2]), nn.Sequential(*blocks[2:])
        self.evidence = nn.Conv2d(widths[2], sum(CLASS_COUNTS), 1)
        self.gain = nn.Parameter(torch.full((sum(CLASS_COUNTS),), 0.1))
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(16 * widths[-1], feature_width))
        self.reader = nn.Sequential(
            nn.SiLU(), nn.Dropout(dropout), nn.Linear(feature_width, sum(CLASS_COUNTS))
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features (b,F), logits (b, sum of CLASS_COUNTS), and evidence (b, sum of CLASS_COUNTS,
        32,32): what each class is worth by what is near each place.

        `images` (b,3,256,256) or, doubled to that, (b,3,128,128); sRGB in [0,1].
        """
        if images.shape[-1] < SIZE:
            images = F.interpolate(images, SIZE, mode="nearest")
        near = self.near(torch.cat([images * 2 - 1, contrasts(images)], dim=1))
        evidence, features = self.evidence(near), self.features(self.far(near))
        return features, self.reader(features) + self.gain * evidence.amax((2, 3)), evidence


def contrasts(images: Tensor) -> Tensor:
    """Local contrast normalisation (Jarrett et al., ICCV 2009, section 2): what each pixel of
    (b,3,h,w) has above its surroundings' mean, in units of their deviation; h and w multiples of
    `AROUND`."""

    def around(values: Tensor) -> Tensor:
        coarse = F.avg_pool2d(values, AROUND)
        return F.interpolate(coarse, images.shape[-2:], mode="bilinear", align_corners=False)

    above = images - around(images)
    deviation = around(above.square().mean(1, keepdim=True)).sqrt()
    return above / (deviation + FAINT)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the judge sees in n pictures: `features` (n,F) float32, and for "kind" and for each
    attribute the probabilities of its classes, (n, classes) float32."""

    features: NDArray[np.float32]
    probabilities: dict[str, NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> Judgement:
        """The judgement of some of the pictures."""
        return Judgement(
            features=self.features[chosen],
            probabilities={name: table[chosen] for name, table in self.probabilities.items()},
        )


def load_judge(folder: Path = shipped.JUDGE) -> Judge:
    """A trained judge; by default the one that ships. Raises `CheckpointError` where none is, or
    one of another shape than this software's."""
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder} holds no judge; train one: python -m distillation judge")
    try:
        judge: Judge = Judge.from_pretrained(folder, use_safetensors=True)
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{folder} holds no judge that can be opened: {reason}") from None
    return judge.float().eval()


@torch.inference_mode()
def look_at(judge: Judge, images: Tensor) -> Judgement:
    """Judge pictures (n,3,s,s), s 128 or 256, float32 sRGB in [0,1] or uint8."""
    judge.eval()
    features, logits = [], []
    for part in images.split(BATCH):
        pixels = part.float() / 255 if part.dtype == torch.uint8 else part.float()
        found = judge(pixels)
        features.append(found[0])
        logits.append(found[1])
    tables = torch.cat(logits).split(CLASS_COUNTS, dim=1)
    return Judgement(
        features=torch.cat(features).numpy(),
        probabilities={
            name: table.softmax(1).numpy()
            for name, table in zip(("kind", *ATTRIBUTES), tables, strict=True)
        },
    )
