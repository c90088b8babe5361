"""The judge: learn to read the labels of made-up people off their selfies and their drawings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from avatar.judge import CLASS_COUNTS, KINDS, SIZE, Judge, load_judge
from avatar.people import (
    ATTRIBUTES,
    DISTRIBUTIONS,
    STYLES,
    Identity,
    can_draw,
    draw,
    drawn_labels,
    merged_classes,
    sample_identity,
)
from distillation.data import HELD_OUT, MadeUpPeople, sample_selfies
from distillation.pictures import from_pixels, sheet
from distillation.run_folder import CHECKPOINT, publishing, run_on
from distillation.training import Batch, Schedule, read_record
from support.progress import Progress, silent

SELFIE_SHARE = 1 / 12
"""Share of selfies in a batch; the rest are drawings."""

TWIN_SHARE = 1 / 4
"""Pairs of twins in a batch, as a share of its pictures."""

FAINT, FAINT_SHARE = ("freckles", "earrings", "age", "facial_hair", "glasses"), 2 / 3
"""Attributes that some styles show by a few pixels, and the share of twins that differ in one."""

SHIFT, TINT, NOISE = 10, 0.02, 0.03
"""Augmentation: largest shift in pixels, deviations of colour and of noise, of a range of 1."""

EVIDENCE_SIDE = 32
"""Side of the grid of positions for which the judge gives evidence."""

VISIBLE = 0.05
"""Colour difference, of a range of 1, from which two twins differ at a position."""

LOCAL_WEIGHT = 4.0
"""Weight of the local loss, beside the sum of losses over all attributes."""


def train_judge(
    people: MadeUpPeople,
    schedule: Schedule,
    out: Path,
    *,
    start_from: Path | None = None,
    progress: Progress = silent,
) -> Judge:
    """Train the judge and save it, or load it where the run is complete already.

    `start_from` is another judge's run, whose network is trained further.
    """
    torch.manual_seed(schedule.seed)
    network = load_judge(start_from / CHECKPOINT) if start_from else Judge()
    run = run_on(people, JudgeTask(network, people), schedule, out)
    run.record.before = read_record(start_from) if start_from else None
    run.train(progress)
    with publishing(out / CHECKPOINT, marker="config.json") as folder:
        network.cpu().eval().save_pretrained(folder)
    return network


class JudgeTask:
    """Classify pictures by the labels of their person.

    Where a style hides an attribute or draws classes of it alike, the target is how common those
    classes are. On average that is what the person's own label would teach, but without its noise,
    which would drown freckles of two pixels. Pictures are augmented, so that generated ones are no
    less familiar than drawn ones.

    Half of the pictures are pairs of twins: two people who differ in one attribute only, drawn and
    augmented alike. Where the pictures differ, that attribute must be read from the pixels nearby.
    Without this, training never finds attributes that are a few pixels in size.
    """

    def __init__(self, network: Judge, people: MadeUpPeople) -> None:
        """`people` need selfies and drawings."""
        self.network, self.people = network, people

    def sample(self, rng: np.random.Generator, batch: int) -> Batch:
        """Selfies, then drawings, then twins.

        Returns:
            "images" (batch,3,256,256), about in [0,1]; "wanted" (batch, sum of CLASS_COUNTS), the
            probability of each class given person and style; "changed" (batch,), index of the
            attribute in which twins differ, -1 for other pictures; "where" (batch,32,32), 1 at the
            positions where twins differ.
        """
        count, pairs = round(SELFIE_SHARE * batch), round(TWIN_SHARE * batch)
        alone = batch - 2 * pairs
        persons = rng.integers(len(self.people), size=count)
        selfies, _ = sample_selfies(self.people, persons, rng, most=1)
        chosen = rng.integers(len(self.people.drawings), size=alone - count)
        entries = [self.people.drawings[index] for index in chosen]
        twins = [sample_twins(rng) for _ in range(pairs)]
        drawn = [entry.pixels() for entry in entries] + [p for pair in twins for p in pair.drawings]
        identities = self.people.identities
        wanted = [class_probabilities(identities[person], len(STYLES)) for person in persons]
        wanted += [class_probabilities(identities[e.person], e.style) for e in entries]
        wanted += [class_probabilities(person, p.style) for p in twins for person in p.people]
        seen = F.interpolate(selfies[:, 0], SIZE, mode="nearest")
        groups = np.concatenate([np.arange(alone), alone + np.arange(2 * pairs) // 2])
        images = augment_pictures(torch.cat([seen, from_pixels(drawn)]), groups, rng)
        changed = [list(ATTRIBUTES).index(pair.changed) for pair in twins]
        nowhere = torch.zeros(alone, EVIDENCE_SIDE, EVIDENCE_SIDE)
        return {
            "images": images,
            "wanted": torch.from_numpy(np.stack(wanted)),
            "changed": torch.tensor([-1] * alone + [each for each in changed for _ in range(2)]),
            "where": torch.cat([nowhere, difference_map(images[alone:])]),
        }

    def losses(self, network: nn.Module, batch: Batch, done: float) -> dict[str, Tensor]:
        """Cross-entropy over all attributes plus the local loss, and the share read right."""
        _, logits, evidence = network(batch["images"])
        found, wanted = (t.split(CLASS_COUNTS, dim=1) for t in (logits, batch["wanted"]))
        pairs = list(zip(found, wanted, strict=True))
        reading = torch.stack([F.cross_entropy(part, table) for part, table in pairs]).sum()
        local = local_loss(evidence, batch["wanted"], batch["changed"], batch["where"])
        known = torch.stack([table.amax(1) == 1 for _, table in pairs])
        hits = torch.stack([part.argmax(1) == table.argmax(1) for part, table in pairs])
        right = hits[known].float().mean()
        return {"loss": reading + LOCAL_WEIGHT * local, "local": local, "right": right}

    def grid(self) -> Image.Image:
        """One small batch, as the network sees it."""
        return sheet([self.sample(np.random.default_rng(0), 8)["images"]])


def class_probabilities(person: Identity, kind: int) -> NDArray[np.float32]:
    """The probability of each class, given all that one kind of picture can show of a person.

    `kind` is an index into `KINDS`. The result (sum of CLASS_COUNTS,) is for "kind", then for every
    attribute.
    """
    style = STYLES[kind].name if kind < len(STYLES) else None
    shown = drawn_labels(person, style) if style else person.labels
    tables = [np.arange(len(KINDS)) == kind]
    for name, shares in DISTRIBUTIONS.items():
        table = np.array(list(shares.values()))
        if name in shown:
            merged = merged_classes(style, name) if style else None
            table = table * (np.array(merged or range(len(table))) == shown[name])
        tables.append(table / table.sum())
    return np.concatenate(tables).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Twins:
    """Two people who differ in one attribute only.

    Attributes:
        people: The two.
        changed: Name of the attribute.
        style: Index of a style that shows it.
        drawings: Both people drawn in that style with one seed, each (256,256,3) uint8.
    """

    people: tuple[Identity, Identity]
    changed: str
    style: int
    drawings: tuple[NDArray[np.uint8], NDArray[np.uint8]]


def sample_twins(rng: np.random.Generator) -> Twins:
    """Make up twins whose drawings differ.

    The attribute is chosen first, so one that few styles show is as frequent as any other.
    """
    changed = str(rng.choice(FAINT if rng.random() < FAINT_SHARE else list(ATTRIBUTES)))
    while True:
        person = sample_identity(HELD_OUT + int(rng.integers(2**40)))
        style = int(rng.integers(len(STYLES)))
        other: dict[str, Any] = {changed: str(rng.choice(ATTRIBUTES[changed]))}
        people = person, replace(person, **other)
        name, seed = STYLES[style].name, int(rng.integers(2**32))
        shown = [drawn_labels(each, name) for each in people if can_draw(each, name)]
        if len(shown) == 2 and shown[0] != shown[1]:
            first, second = (draw(each, name, seed) for each in people)
            return Twins(people=people, changed=changed, style=style, drawings=(first, second))


def difference_map(twins: Tensor) -> Tensor:
    """Where each picture of n pairs (2n,3,256,256) differs from its twin, the next or previous one.

    The result (2n,32,32) is 1 at positions with a visible difference, else 0.
    """
    far = (twins[::2] - twins[1::2]).abs().amax(1, keepdim=True)
    visible = F.max_pool2d(far, SIZE // EVIDENCE_SIDE)[:, 0] > VISIBLE
    return visible.float().repeat_interleave(2, 0)


def local_loss(evidence: Tensor, wanted: Tensor, changed: Tensor, where: Tensor) -> Tensor:
    """Cross-entropy of the attribute in which twins differ, at the positions where they differ.

    The result is the mean over positions, then over twins.

    Args:
        evidence: Logits (b,classes,32,32).
        wanted: Probabilities (b,classes).
        changed: Index of the attribute (b,), -1 for pictures without a twin.
        where: (b,32,32), 1 where twins differ.
    """
    tables = zip(evidence.split(CLASS_COUNTS, 1), wanted.split(CLASS_COUNTS, 1), strict=True)
    losses = []
    for attribute, (logits, table) in enumerate(list(tables)[1:]):
        rows = changed == attribute
        target = table[rows, :, None, None].expand_as(logits[rows])
        each = F.cross_entropy(logits[rows], target, reduction="none") * where[rows]
        losses.append(each.sum((1, 2)) / where[rows].sum((1, 2)).clamp(min=1))
    found = torch.cat(losses)
    return found.sum() / max(1, len(found))


def augment_pictures(
    images: Tensor, groups: NDArray[np.integer], rng: np.random.Generator
) -> Tensor:
    """Shift and tint pictures (n,3,s,s), blur one third of them and add noise to one third.

    Pictures of one group are changed alike; `groups` (n,) holds numbers below n.
    """
    count, side = len(images), images.shape[-1]
    shifts = rng.integers(-SHIFT, SHIFT + 1, size=(count, 2))[groups].tolist()
    out = torch.stack([image.roll(s, (1, 2)) for image, s in zip(images, shifts, strict=True)])
    out += torch.from_numpy(rng.normal(0, TINT, (count, 3, 1, 1))[groups]).float()
    blurred, noisy = rng.random((2, count)) < 1 / 3
    softness, loudness = rng.random((2, count))
    soft = torch.from_numpy(blurred[groups])
    smooth = F.interpolate(F.avg_pool2d(out[soft], 4), side, mode="bilinear")
    out[soft] = out[soft].lerp(
        smooth, torch.from_numpy(softness[groups])[soft, None, None, None].float()
    )
    for group in np.unique(groups[noisy[groups]]):
        noise = NOISE * loudness[group] * rng.standard_normal(images.shape[1:], np.float32)
        out[groups == group] += torch.from_numpy(noise)
    return out
