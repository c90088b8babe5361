"""The identity encoder's first lessons: read the labelled attributes off the identity tokens.

Labels are free for made people, and they teach in minutes what diffusion alone teaches in hours.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from avatar.identity_encoder import IdentityEncoder
from avatar.people.identity import ATTRIBUTES
from distillation.autoencoder import tile
from distillation.data import CLASS_COUNTS, People


class LabelledEncoder(nn.Module):
    """The encoder with one linear reader for all attributes; the reader does not ship."""

    def __init__(self, encoder: IdentityEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.reader = nn.Linear(encoder.null_tokens.numel(), sum(CLASS_COUNTS))

    def forward(self, selfies: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(people,n,3,128,128) and mask (people,n) to tokens (people,8,D) and all class logits."""
        people, count = mask.shape
        # Absent selfies cost nothing: only present ones pass the network.
        present = mask.flatten().bool()
        found = self.encoder.features_of(selfies.flatten(0, 1)[present])
        features = found.new_zeros(people * count, found.shape[1])
        features[present] = found
        tokens = self.encoder.tokens_of(features.view(people, count, -1), mask)
        return tokens, self.reader(tokens.flatten(1))


def draw_selfies(
    people: People, chosen: np.ndarray, rng: np.random.Generator, most: int
) -> tuple[Tensor, Tensor]:
    """1 to `most` random selfies of each chosen person, mirrored at times; and their mask."""
    available = people.selfies.shape[1]
    most = min(most, available)
    selfies = np.zeros((len(chosen), most, *people.selfies.shape[2:]), np.float32)
    mask = np.zeros((len(chosen), most), np.float32)
    for row, person in enumerate(chosen):
        count = rng.integers(1, most + 1)
        for place, index in enumerate(rng.permutation(available)[:count]):
            selfie = people.selfies[person, index].astype(np.float32) / 255
            selfies[row, place] = selfie[..., ::-1] if rng.random() < 0.5 else selfie
        mask[row, :count] = 1
    return torch.from_numpy(selfies), torch.from_numpy(mask)


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
    """Classify people by a few selfies of each."""

    def __init__(self, network: LabelledEncoder, people: People, most: int = 3) -> None:
        self.network, self.people, self.most = network, people, most

    def losses(
        self, network: nn.Module, rng: np.random.Generator, batch: int, progress: float
    ) -> dict[str, Tensor]:
        device = next(network.parameters()).device
        chosen = rng.integers(len(self.people), size=batch)
        selfies, mask = draw_selfies(self.people, chosen, rng, self.most)
        _, logits = network(selfies.to(device), mask.to(device))
        labels = torch.from_numpy(self.people.labels[chosen]).to(device)
        loss, right = label_losses(logits, labels)
        return {"loss": loss, "right": right}

    def grid(self) -> Image.Image:
        selfies = torch.from_numpy(self.people.selfies[:8]).float().div(255)
        return tile(list(selfies))


@torch.inference_mode()
def attribute_accuracy(network: LabelledEncoder, people: People, selfies: int) -> dict[str, float]:
    """Share of people whose attribute is read right from their first `selfies` selfies."""
    network.eval()
    images = torch.from_numpy(people.selfies[:, :selfies]).float().div(255)
    logits = torch.cat([network(part, torch.ones(part.shape[:2]))[1] for part in images.split(64)])
    parts = logits.split(CLASS_COUNTS, dim=1)
    labels = torch.from_numpy(people.labels)
    return {
        name: float((part.argmax(1) == label).float().mean())
        for name, part, label in zip(ATTRIBUTES, parts, labels.T, strict=True)
    }
