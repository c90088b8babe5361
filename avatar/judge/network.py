"""The judge: a small network that reads style and attributes off avatars and selfies alike.

It is trained on the labels of made-up people only (`python -m distillation judge`). For every
picture it gives the probability of each class of each attribute. Where a style draws two classes
alike or does not show an attribute, a network trained on the person's label learns how common the
classes are; so its probabilities serve both to measure accuracy and to tell people apart.
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
"""Number of classes of "kind", then of each attribute."""

SIZE = 256
"""Width and height of the network's input, in pixels."""

BATCH = 64

AROUND, FAINT = 8, 0.02
"""Side of the neighbourhood that a pixel is compared with, in pixels, and what is added to its
standard deviation, so that the noise of plain areas is not amplified."""


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
    """Reads all labels in two ways, whose logits are added.

    Strided convolutions lead to `feature_width` features with a linear layer for all labels. Beside
    it each of 32×32 positions gives evidence for each class, of which the maximum counts: small
    details that may be anywhere do not reach the features.

    Blocks of 2×2 pixels become channels first (the inverse of arXiv 1609.05158), because
    convolutions at full resolution would cost the most. Local contrasts are given to the network
    beside the colours: in colours alone, freckles of two pixels are so faint beside hair and
    background that training never finds them.
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
        """Read pictures.

        Args:
            images: (b,3,256,256), or (b,3,128,128), which are enlarged; sRGB in [0,1].

        Returns:
            Features (b,F), logits (b, sum of CLASS_COUNTS), and the evidence at each position,
            logits (b, sum of CLASS_COUNTS, 32,32).
        """
        if images.shape[-1] < SIZE:
            images = F.interpolate(images, SIZE, mode="nearest")
        near = self.near(torch.cat([images * 2 - 1, contrasts(images)], dim=1))
        evidence, features = self.evidence(near), self.features(self.far(near))
        return features, self.reader(features) + self.gain * evidence.amax((2, 3)), evidence


def contrasts(images: Tensor) -> Tensor:
    """Local contrast normalisation (Jarrett et al., ICCV 2009, section 2).

    Each pixel of `images` (b,3,h,w) less the mean of its neighbourhood, divided by the
    neighbourhood's standard deviation; h and w are multiples of `AROUND`.
    """

    def around(values: Tensor) -> Tensor:
        coarse = F.avg_pool2d(values, AROUND)
        return F.interpolate(coarse, images.shape[-2:], mode="bilinear", align_corners=False)

    above = images - around(images)
    deviation = around(above.square().mean(1, keepdim=True)).sqrt()
    return above / (deviation + FAINT)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The judge's reading of n pictures.

    Attributes:
        features: (n,F) float32.
        probabilities: For "kind" and each attribute the probability of each of its classes,
            (n, classes) float32.
    """

    features: NDArray[np.float32]
    probabilities: dict[str, NDArray[np.float32]]

    def __len__(self) -> int:
        """The number of pictures."""
        return len(self.features)

    def __getitem__(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> Judgement:
        """The judgement of some of the pictures."""
        return Judgement(
            features=self.features[chosen],
            probabilities={name: table[chosen] for name, table in self.probabilities.items()},
        )


def load_judge(folder: Path = shipped.JUDGE) -> Judge:
    """Load a trained judge, by default the one that ships, in float32.

    Raises:
        CheckpointError: The folder holds no judge, or one of another shape.
    """
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder} holds no judge; train one: python -m distillation judge")
    try:
        judge: Judge = Judge.from_pretrained(folder, use_safetensors=True, local_files_only=True)
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{folder} holds no judge that can be opened: {reason}") from None
    return judge.float().eval()


@torch.inference_mode()
def judge_images(judge: Judge, images: Tensor) -> Judgement:
    """Read pictures (n,3,s,s), s 128 or 256, float32 sRGB in [0,1] or uint8."""
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
