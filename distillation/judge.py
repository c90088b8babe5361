"""Training the judge: labels of made people, read off their selfies and their drawings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from rich.table import Table
from torch import Tensor, nn

from avatar.judge import CLASS_COUNTS, KINDS, SIZE, Judge, look_at
from avatar.people.identity import ATTRIBUTES, DISTRIBUTIONS, Identity, sample_identity
from avatar.people.styles import STYLES, can_draw, draw, drawn_labels, merged_classes
from avatar.scorecard import Examiner
from components import atomic
from distillation.autoencoder import pictures, tile
from distillation.data import HELD_OUT, People
from distillation.errors import RunError
from distillation.pairs import draw_selfies
from distillation.scoring import asked_of, judged_drawings
from distillation.training import Batch

Hits = NDArray[np.float64]

CEILING = "ceiling.json"

SELFIES = 1 / 12
"""Share of selfies in a batch; the rest are drawings."""

TWINS = 3 / 8
"""Pairs of twins in a batch, as a share of its pictures."""

SHIFT, TINT, NOISE = 10, 0.02, 0.03


class JudgeTask:
    """Classify pictures by the labels of their person. Where a style hides an attribute or draws
    classes of it alike, what is wanted is how common those classes are: on average that is what the
    person's own label would teach, without its chance, so that freckles of two pixels are not
    drowned. Pictures are moved, tinted, blurred and made noisy, so that a generated one is no
    stranger than a drawn one.

    Some drawings come as twins: the same in all but one attribute, and disturbed alike, so that
    their two gradients add up to what tells that attribute and nothing else.
    """

    def __init__(self, network: Judge, people: People) -> None:
        """`people` with selfies and drawings."""
        self.network, self.people = network, people

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """ "images" (batch,3,256,256), about in [0,1], and "wanted" (batch, sum of CLASS_COUNTS),
        how likely each class is to who knows the person and the style."""
        count, pairs = round(SELFIES * batch), round(TWINS * batch)
        persons = rng.integers(len(self.people), size=count)
        selfies, _ = draw_selfies(self.people, persons, rng, most=1)
        chosen = rng.integers(len(self.people.avatars), size=batch - count - 2 * pairs)
        entries = [self.people.avatars[index] for index in chosen]
        drawn = pictures([entry.pixels() for entry in entries])
        identities = self.people.identities
        wanted = [likely(identities[person], len(STYLES)) for person in persons]
        wanted += [likely(identities[entry.person], entry.style) for entry in entries]
        twins = [twin for _ in range(pairs) for twin in drawn_twins(rng)]
        wanted += [likely(person, style) for person, style, _ in twins]
        seen = F.interpolate(selfies[:, 0], SIZE, mode="nearest")
        alike = pictures([picture for *_, picture in twins])
        scenes = [*range(batch - 2 * pairs), *(batch - 1 - n // 2 for n in range(2 * pairs))]
        images = disturbed(torch.cat([seen, drawn, alike]), np.array(scenes), rng)
        return {"images": images, "wanted": torch.from_numpy(np.stack(wanted))}

    def losses(self, network: nn.Module, batch: Batch, progress: float) -> dict[str, Tensor]:
        _, logits = network(batch["images"])
        found, wanted = (t.split(CLASS_COUNTS, dim=1) for t in (logits, batch["wanted"]))
        pairs = list(zip(found, wanted, strict=True))
        loss = torch.stack([F.cross_entropy(part, table) for part, table in pairs]).sum()
        known = torch.stack([table.amax(1) == 1 for _, table in pairs])
        hits = torch.stack([part.argmax(1) == table.argmax(1) for part, table in pairs])
        return {"loss": loss, "right": hits[known].float().mean()}

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


def drawn_twins(rng: np.random.Generator) -> list[tuple[Identity, int, NDArray[np.uint8]]]:
    """Two new people who differ in one label alone, in a style that shows the difference: person,
    style and drawing (256,256,3) of each."""
    changed = str(rng.choice(list(ATTRIBUTES)))  # as often what few styles show as what all do
    while True:
        person = sample_identity(HELD_OUT + int(rng.integers(2**40)))
        style = int(rng.integers(len(STYLES)))
        other: dict[str, Any] = {changed: str(rng.choice(ATTRIBUTES[changed]))}
        twin = replace(person, **other)
        name, seed = STYLES[style].name, int(rng.integers(2**32))
        drawable = can_draw(person, name) and can_draw(twin, name)
        if drawable and drawn_labels(person, name) != drawn_labels(twin, name):
            return [(each, style, draw(each, name, seed)) for each in (person, twin)]


def disturbed(images: Tensor, scenes: NDArray[np.integer], rng: np.random.Generator) -> Tensor:
    """Pictures a little moved and tinted, every third one blurred, every third one noisy; those of
    one scene alike. `scenes` (len(images),) holds numbers below len(images)."""
    count, side = len(images), images.shape[-1]
    shifts = rng.integers(-SHIFT, SHIFT + 1, size=(count, 2))[scenes].tolist()
    out = torch.stack([image.roll(s, (1, 2)) for image, s in zip(images, shifts, strict=True)])
    out += torch.from_numpy(rng.normal(0, TINT, (count, 3, 1, 1))[scenes]).float()
    blurred, noisy = torch.from_numpy(rng.random((2, count))[:, scenes] < 1 / 3)
    softness, loudness = torch.from_numpy(rng.random((2, count, 1, 1, 1))[:, scenes]).float()
    soft = F.interpolate(F.avg_pool2d(out[blurred], 4), side, mode="bilinear")
    out[blurred] = out[blurred].lerp(soft, softness[blurred])
    noise = torch.from_numpy(rng.standard_normal(out[noisy].shape, np.float32))
    out[noisy] += NOISE * loudness[noisy] * noise
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
