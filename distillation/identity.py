"""The identity encoder's first lessons: read the labelled attributes off the identity tokens, and
expect what a person's drawings look like.

Labels are free for made people, and drawings without noise are quick to learn from: both teach in
minutes what diffusion alone teaches in hours. People without labels teach by their drawings alone.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from avatar.model import Decoder, IdentityEncoder, Sketch
from avatar.people import ATTRIBUTES
from avatar.selfies import MAX_SELFIES
from distillation.data import CLASS_COUNTS, TrainingData
from distillation.pairs import Pairs, first_selfies, grid_of, spread, tokens_of, unconditioned
from distillation.training import Batch


class FirstLessons(nn.Module):
    """The encoder with the sketch of the denoiser to be and, where people have labels, one linear
    reader for all attributes, which does not ship."""

    def __init__(self, encoder: IdentityEncoder, sketch: Sketch, *, labelled: bool = True) -> None:
        super().__init__()
        self.encoder, self.sketch = encoder, sketch
        width = encoder.null_tokens.numel()
        self.reader = nn.Linear(width, sum(CLASS_COUNTS)) if labelled else None

    def forward(
        self, selfies: Tensor, mask: Tensor, style: Tensor, dropped: Tensor
    ) -> tuple[Tensor | None, Tensor]:
        """All class logits (people, classes), if there is a reader, and expected latents
        (b,C,32,32) in `style` (b,).

        `selfies` (people,n,3,128,128) with `mask` (people,n); b is a multiple of the number of
        people, person by person; where `dropped` (b,) is true, nobody is expected.
        """
        tokens = tokens_of(self.encoder, selfies, mask)
        logits = self.reader(tokens.flatten(1)) if self.reader else None
        return logits, self.sketch(spread(tokens, self.encoder, dropped), style)


def label_losses(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy over the attributes, and the share of attributes read right.

    `logits` (people, sum of classes), `labels` (people, attributes).
    """
    errors, right = [], []
    for part, label in zip(logits.split(CLASS_COUNTS, dim=1), labels.T, strict=True):
        errors.append(F.cross_entropy(part, label))
        right.append((part.argmax(1) == label).float().mean())
    return torch.stack(errors).mean(), torch.stack(right).mean()


class IdentityTask:
    """Classify people by a few selfies of each, and expect their drawings."""

    def __init__(
        self,
        network: FirstLessons,
        people: TrainingData,
        latents: Tensor,
        shown: TrainingData,
        decoder: Decoder,
    ) -> None:
        """`latents` (avatars,C,32,32) belong to `people.avatars`, entry by entry."""
        self.network, self.pairs = network, Pairs(people, latents)
        self.shown, self.decoder = shown, decoder

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        drawn = self.pairs.draw(rng, batch)
        return {**drawn, "dropped": unconditioned(rng, len(drawn["clean"]))}

    def losses(self, network: nn.Module, batch: Batch, progress: float) -> dict[str, Tensor]:
        inputs = (batch[name] for name in ("selfies", "mask", "style", "dropped"))
        logits, expected = network(*inputs)
        sketch = F.mse_loss(expected, batch["clean"])
        if logits is None:
            return {"loss": sketch}
        reading, right = label_losses(logits, batch["labels"])
        return {"loss": reading + sketch, "sketch": sketch, "right": right}

    def grid(self) -> Image.Image:
        """Six held-out people, a selfie each, and what is expected of them in all styles."""
        encoder, sketch = self.network.encoder, self.network.sketch
        return grid_of(self.shown, encoder, self.decoder, lambda who, style, _: sketch(who, style))


def all_tokens(
    encoder: IdentityEncoder, people: TrainingData, selfies: int = MAX_SELFIES
) -> Tensor:
    """Tokens of everybody, from their first `selfies` selfies; (people,8,D)."""
    each = (first_selfies(people, person, selfies) for person in range(len(people)))
    return torch.cat([encoder(shown, torch.ones(len(shown))) for shown in each])


@torch.inference_mode()
def sketch_error(network: FirstLessons, people: TrainingData, latents: Tensor) -> float:
    """Mean squared distance between people's drawings and what their selfies let expect."""
    tokens = all_tokens(network.eval().encoder, people)
    owners = torch.tensor([avatar.person for avatar in people.avatars])
    style = torch.tensor([avatar.style for avatar in people.avatars])
    return float(F.mse_loss(network.sketch(tokens[owners], style), latents.float()))


@torch.inference_mode()
def attribute_accuracy(
    network: FirstLessons, people: TrainingData, selfies: int
) -> dict[str, float]:
    """Share of people whose attribute is read right from their first `selfies` selfies; nothing
    where people have no labels."""
    if people.labels is None or network.reader is None:
        return {}
    tokens = all_tokens(network.eval().encoder, people, selfies)
    parts = network.reader(tokens.flatten(1)).split(CLASS_COUNTS, dim=1)
    labels = torch.from_numpy(people.labels)
    return {
        name: float((part.argmax(1) == label).float().mean())
        for name, part, label in zip(ATTRIBUTES, parts, labels.T, strict=True)
    }
