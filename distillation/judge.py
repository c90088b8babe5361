"""Training the judge: labels of made people, read off their selfies and their drawings."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from rich.table import Table
from torch import Tensor, nn

from avatar.judge import CLASS_COUNTS, KINDS, SIZE, Examiner, Judge, look_at
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
from distillation.autoencoder import pictures, tile
from distillation.data import HELD_OUT, People
from distillation.errors import RunError
from distillation.pairs import draw_selfies
from distillation.scoring import asked_of, judged_drawings
from distillation.training import Batch
from support import atomic

Hits = NDArray[np.float64]

CEILING = "ceiling.json"

SELFIES = 1 / 12
"""Share of selfies in a batch; the rest are drawings."""

TWINS = 1 / 4
"""Pairs of twins in a batch, as a share of its pictures."""

FAINT, OFTEN = ("freckles", "earrings", "age", "facial_hair", "glasses"), 2 / 3
"""What some drawings show by a few pixels, and the share of twins that differ in it."""

SHIFT, TINT, NOISE = 10, 0.02, 0.03

PLACES, VISIBLE, NEARBY = 32, 0.05, 4.0
"""Side of the grid of places that the judge has evidence for; how much a colour must differ, of 1,
to be told apart there; and the weight of what is told there, beside the sum over all attributes."""


class JudgeTask:
    """Classify pictures by the labels of their person. Where a style hides an attribute or draws
    classes of it alike, what is wanted is how common those classes are: on average that is what the
    person's own label would teach, without its chance, so that freckles of two pixels are not
    drowned. Pictures are moved, tinted, blurred and made noisy, so that a generated one is no
    stranger than a drawn one.

    Half of the pictures are twins: the same in all but one attribute, and disturbed alike. Where
    they differ, that attribute must be told from what is near; without this lesson training never
    finds what is a few pixels in size.
    """

    def __init__(self, network: Judge, people: People) -> None:
        """`people` with selfies and drawings."""
        self.network, self.people = network, people

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """ "images" (batch,3,256,256), about in [0,1]; "wanted" (batch, sum of CLASS_COUNTS), how
        likely each class is to who knows the person and the style; and for twins "changed"
        (batch,), the attribute they differ in, -1 for others, and "where" (batch,32,32) they do.
        """
        count, pairs = round(SELFIES * batch), round(TWINS * batch)
        alone = batch - 2 * pairs
        persons = rng.integers(len(self.people), size=count)
        selfies, _ = draw_selfies(self.people, persons, rng, most=1)
        chosen = rng.integers(len(self.people.avatars), size=alone - count)
        entries = [self.people.avatars[index] for index in chosen]
        twins = [drawn_twins(rng) for _ in range(pairs)]
        drawn = [entry.pixels() for entry in entries] + [p for pair in twins for p in pair.drawings]
        identities = self.people.identities
        wanted = [likely(identities[person], len(STYLES)) for person in persons]
        wanted += [likely(identities[entry.person], entry.style) for entry in entries]
        wanted += [likely(person, pair.style) for pair in twins for person in pair.people]
        seen = F.interpolate(selfies[:, 0], SIZE, mode="nearest")
        scenes = np.concatenate([np.arange(alone), alone + np.arange(2 * pairs) // 2])
        images = disturbed(torch.cat([seen, pictures(drawn)]), scenes, rng)
        changed = [list(ATTRIBUTES).index(pair.changed) for pair in twins]
        return {
            "images": images,
            "wanted": torch.from_numpy(np.stack(wanted)),
            "changed": torch.tensor([-1] * alone + [each for each in changed for _ in range(2)]),
            "where": torch.cat([torch.zeros(alone, PLACES, PLACES), differing(images[alone:])]),
        }

    def losses(self, network: nn.Module, batch: Batch, progress: float) -> dict[str, Tensor]:
        _, logits, places = network(batch["images"])
        found, wanted = (t.split(CLASS_COUNTS, dim=1) for t in (logits, batch["wanted"]))
        pairs = list(zip(found, wanted, strict=True))
        reading = torch.stack([F.cross_entropy(part, table) for part, table in pairs]).sum()
        nearby = told_nearby(places, batch["wanted"], batch["changed"], batch["where"])
        known = torch.stack([table.amax(1) == 1 for _, table in pairs])
        hits = torch.stack([part.argmax(1) == table.argmax(1) for part, table in pairs])
        right = hits[known].float().mean()
        return {"loss": reading + NEARBY * nearby, "nearby": nearby, "right": right}

    def grid(self) -> Image.Image:
        return tile([self.draw(np.random.default_rng(0), 8)["images"]])


def likely(person: Identity, kind: int) -> NDArray[np.float32]:
    """(sum of CLASS_COUNTS,) of a picture of `person`, `kind` an index into `KINDS`: the chance of
    each class, "kind" and then every attribute, by all that such a picture can show."""
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
    """Two people who differ in the attribute `changed` alone, drawn (256,256,3) in a style that
    shows it."""

    people: tuple[Identity, Identity]
    changed: str
    style: int
    drawings: tuple[NDArray[np.uint8], NDArray[np.uint8]]


def drawn_twins(rng: np.random.Generator) -> Twins:
    """Twins made anew. What few styles show comes as often as what all do."""
    changed = str(rng.choice(FAINT if rng.random() < OFTEN else list(ATTRIBUTES)))
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


def differing(twins: Tensor) -> Tensor:
    """(2n,32,32): 1 at the places where one of n pairs (2n,3,256,256), each followed by its twin,
    differs from the other, else 0."""
    far = (twins[::2] - twins[1::2]).abs().amax(1, keepdim=True)
    visible = F.max_pool2d(far, SIZE // PLACES)[:, 0] > VISIBLE
    return visible.float().repeat_interleave(2, 0)


def told_nearby(places: Tensor, wanted: Tensor, changed: Tensor, where: Tensor) -> Tensor:
    """Cross-entropy, at the places where twins differ, of the attribute they differ in: the mean
    over places, then over twins.

    `places` (b,classes,32,32) logits, `wanted` (b,classes), `changed` (b,), `where` (b,32,32).
    """
    tables = zip(places.split(CLASS_COUNTS, 1), wanted.split(CLASS_COUNTS, 1), strict=True)
    losses = []
    for attribute, (logits, table) in enumerate(list(tables)[1:]):
        rows = changed == attribute
        target = table[rows, :, None, None].expand_as(logits[rows])
        each = F.cross_entropy(logits[rows], target, reduction="none") * where[rows]
        losses.append(each.sum((1, 2)) / where[rows].sum((1, 2)).clamp(min=1))
    told = torch.cat(losses)
    return told.sum() / max(1, len(told))


def disturbed(images: Tensor, scenes: NDArray[np.integer], rng: np.random.Generator) -> Tensor:
    """Pictures a little moved and tinted, every third one blurred, every third one noisy; those of
    one scene alike. `scenes` (len(images),) holds numbers below len(images)."""
    count, side = len(images), images.shape[-1]
    shifts = rng.integers(-SHIFT, SHIFT + 1, size=(count, 2))[scenes].tolist()
    out = torch.stack([image.roll(s, (1, 2)) for image, s in zip(images, shifts, strict=True)])
    out += torch.from_numpy(rng.normal(0, TINT, (count, 3, 1, 1))[scenes]).float()
    blurred, noisy = rng.random((2, count)) < 1 / 3
    softness, loudness = rng.random((2, count))
    soft = torch.from_numpy(blurred[scenes])
    smooth = F.interpolate(F.avg_pool2d(out[soft], 4), side, mode="bilinear")
    out[soft] = out[soft].lerp(
        smooth, torch.from_numpy(softness[scenes])[soft, None, None, None].float()
    )
    for scene in np.unique(scenes[noisy[scenes]]):
        noise = NOISE * loudness[scene] * rng.standard_normal(images.shape[1:], np.float32)
        out[scenes == scene] += torch.from_numpy(noise)
    return out


def ceiling(judge: Judge, people: People) -> dict[str, dict[str, float]]:
    """What the judge makes of held-out people's drawings and selfies.

    By kind of picture: the share read right of each attribute it shows, of all of them
    ("accuracy"), and how often the right one of 100 people is found in another style
    ("retrieval"); under "drawings" the same over all styles.
    """
    asked, drawn = asked_of(people), judged_drawings(judge, people)
    examiner = Examiner(asked, drawn)
    right, found = examiner.right(drawn), examiner.found(drawn)
    kinds = {style.name: asked.styles == place for place, style in enumerate(STYLES)}
    shares = {
        name: _shares({part: values[rows] for part, values in right.items()}, found[rows])
        for name, rows in {"drawings": asked.styles >= 0, **kinds}.items()
    }
    seen = look_at(judge, torch.from_numpy(people.selfies[:, 0]))
    truth = {"kind": len(STYLES), **dict(zip(ATTRIBUTES, people.labels.T, strict=True))}
    read = {name: seen.probabilities[name].argmax(1) == label for name, label in truth.items()}
    return {**shares, "selfie": {name: float(hits.mean()) for name, hits in read.items()}}


def _shares(right: dict[str, Hits], found: Hits) -> dict[str, float]:
    known = {name: hits for name, hits in right.items() if not np.isnan(hits).all()}
    shown = np.concatenate([hits for name, hits in known.items() if name != "kind"])
    values = {**known, "accuracy": shown, "retrieval": found}
    return {name: float(np.nanmean(hits)) for name, hits in values.items()}


def table_of(found: dict[str, dict[str, float]]) -> Table:
    """Kinds of pictures against attributes; a dash where a style does not show one."""
    names = ("kind", *ATTRIBUTES, "accuracy", "retrieval")
    table = Table("picture", *names)
    for kind, shares in found.items():
        cells = (f"{shares[name]:.1%}" if name in shares else "–" for name in names)
        table.add_row(kind, *cells)
    return table


def write_ceiling(found: dict[str, dict[str, float]], run: Path) -> None:
    """Keep how good the judge is beside it, for its model card."""
    atomic.write(run / CEILING, f"{json.dumps(found, indent=2)}\n".encode())


def read_ceiling(run: Path) -> dict[str, dict[str, float]]:
    """What `write_ceiling` wrote; raises `RunError` where it is missing."""
    try:
        return dict(json.loads((run / CEILING).read_text()))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{run} holds no trained judge; run: python -m distillation judge"
        ) from error
