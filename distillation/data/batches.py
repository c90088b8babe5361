"""Batches for the identity encoder and for denoisers: selfies beside latents of drawings."""

from __future__ import annotations

from math import radians

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from avatar.selfies import MAX_SELFIES, SELFIE_SIZE
from distillation.data.training_data import TrainingData
from distillation.pictures import from_planes

DRAWINGS_A_PERSON = 4
"""Drawings in a batch of each person: encoding the person costs as much as several drawings do."""

MAX_SELFIES_A_PERSON = 3
"""Most selfies of one person in a batch."""

TURN, ZOOM, SHIFT = radians(5), 0.08, 0.06
"""Limits of augmentation: rotation in radians, relative zoom, shift in halves of the width."""


class PairSampler:
    """Samples batches of people, their selfies and the latents of their drawings."""

    def __init__(self, people: TrainingData, latents: Tensor) -> None:
        """Take people and the latents (drawings,C,32,32) of `people.drawings`, in its order."""
        self.people, self.latents = people, latents
        self.styles = np.array([drawing.style for drawing in people.drawings])
        persons = np.array([drawing.person for drawing in people.drawings])
        self.first = np.searchsorted(persons, np.arange(len(people) + 1))

    def sample(self, rng: np.random.Generator, batch: int) -> dict[str, Tensor]:
        """A batch of about `batch` drawings, person by person.

        Returns:
            "selfies" (people,n,3,128,128) in [0,1] and "mask" (people,n), 1 = present; "clean", the
            latents (b,C,32,32), and "style" (b,), b a multiple of the number of people; "labels"
            (people, attributes), where the people have labels.
        """
        chosen = rng.integers(len(self.people), size=max(1, batch // DRAWINGS_A_PERSON))
        drawings = np.concatenate(
            [
                rng.integers(self.first[person], self.first[person + 1], size=DRAWINGS_A_PERSON)
                for person in chosen
            ]
        )
        selfies, mask = sample_selfies(self.people, chosen, rng, most=MAX_SELFIES_A_PERSON)
        labels = self.people.labels
        known = {} if labels is None else {"labels": torch.from_numpy(labels[chosen])}
        return {
            "selfies": selfies,
            "mask": mask,
            "clean": self.latents[drawings].float(),
            "style": torch.from_numpy(self.styles[drawings]),
            **known,
        }


def sample_selfies(
    people: TrainingData, chosen: np.ndarray, rng: np.random.Generator, most: int
) -> tuple[Tensor, Tensor]:
    """Sample selfies of each chosen person, without repetition, and augment them.

    Args:
        people: Where the selfies are.
        chosen: Indices of people, (people,).
        rng: The source of chance.
        most: Each person gets 1 to `most` selfies, or all where there are fewer.

    Returns:
        Selfies (people,n,3,128,128) in [0,1], absent ones zero, and their mask (people,n) float32,
        1 = present.
    """
    available = people.selfie_counts[chosen]
    most = min(most, int(available.max()))
    counts = rng.integers(1, np.minimum(available, most) + 1)
    mask = np.arange(most) < counts[:, None]
    order = rng.permuted(np.tile(np.arange(available.max()), (len(chosen), 1)), axis=1)
    # A person with fewer selfies has indices that stand for no selfie: move those to the end.
    last = np.argsort(order >= available[:, None], axis=1, kind="stable")
    which = np.take_along_axis(order, last, axis=1)[:, :most]
    persons = np.broadcast_to(chosen[:, None], mask.shape)
    pairs = zip(persons[mask], which[mask], strict=True)
    found = from_planes([people.selfie(person, index) for person, index in pairs])
    selfies = torch.zeros(len(chosen), most, 3, SELFIE_SIZE, SELFIE_SIZE)
    selfies[torch.from_numpy(mask)] = augment(found, rng)
    return selfies, torch.from_numpy(mask.astype(np.float32))


def first_selfies(people: TrainingData, person: int, most: int = MAX_SELFIES) -> Tensor:
    """The first `most` selfies of a person without augmentation, (n,3,128,128) in [0,1]."""
    count = min(most, int(people.selfie_counts[person]))
    return from_planes([people.selfie(person, index) for index in range(count)])


def augment(selfies: Tensor, rng: np.random.Generator) -> Tensor:
    """Turn, zoom, shift and mirror selfies (n,3,128,128) at random, each differently."""
    count = len(selfies)
    turn = TURN * rng.uniform(-1, 1, count)
    zoom = 1 + ZOOM * rng.uniform(-1, 1, count)
    mirror = rng.choice([-1, 1], count)
    across = np.stack([np.cos(turn) * zoom * mirror, -np.sin(turn) * zoom], axis=1)
    down = np.stack([np.sin(turn) * zoom * mirror, np.cos(turn) * zoom], axis=1)
    shift = SHIFT * rng.uniform(-1, 1, (count, 2, 1))
    affine = np.concatenate([np.stack([across, down], axis=1), shift], axis=2).astype(np.float32)
    grid = F.affine_grid(torch.from_numpy(affine), list(selfies.shape), align_corners=False)
    return F.grid_sample(selfies, grid, padding_mode="border", align_corners=False)
