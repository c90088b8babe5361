"""Generate avatars of held-out people with a checkpoint and score them with the probe."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.table import Table
from torch import Tensor

from avatar.pipeline import AvatarPipeline
from avatar.sampler import SamplerTable, sample
from distillation.data import People
from distillation.errors import RunError
from distillation.probe import Score

BATCH = 24


@torch.inference_mode()
def generate(
    pipeline: AvatarPipeline,
    people: People,
    *,
    selfies: int = 5,
    table: SamplerTable | None = None,
    on_batch: Callable[[int, int], None] | None = None,
) -> Tensor:
    """An avatar for every entry of `people.avatars`, in its style, from `selfies` selfies.

    Seed i is used for entry i. Gives (avatars,3,256,256) in [0,1].
    """
    images = torch.from_numpy(people.selfies[:, :selfies]).float().div(255)
    encoder = pipeline.identity_encoder
    tokens = torch.cat([encoder(person, torch.ones(len(person))) for person in images]).numpy()
    null = encoder(images[0] * 0, torch.zeros(images.shape[1])).numpy()
    finished = []
    for start in range(0, len(people.avatars), BATCH):
        entries = people.avatars[start : start + BATCH]
        noise = [
            torch.randn(pipeline.latent_shape, generator=torch.Generator().manual_seed(start + i))
            for i in range(len(entries))
        ]
        latents = sample(
            lambda *arrays: pipeline.denoiser(*map(torch.from_numpy, arrays)).numpy(),
            torch.cat(noise).numpy(),
            tokens[[entry.person for entry in entries]],
            np.repeat(null, len(entries), axis=0),
            np.array([entry.style for entry in entries], np.int32),
            table or pipeline.sampler.table(),
        )
        finished.append(pipeline.decoder(torch.from_numpy(latents)))
        if on_batch:
            on_batch(start + len(entries), len(people.avatars))
    return torch.cat(finished)


def table_of(found: Sequence[Score]) -> Table:
    """The scores for the terminal."""
    table = Table("attribute", "pictures", "chance", "generated", "drawn", "way")
    for score in found:
        shares = (score.chance, score.generated, score.drawn)
        table.add_row(
            score.name,
            str(score.pictures),
            *(f"{share:.1%}" for share in shares),
            "–" if score.way is None else f"{score.way:.0%}",
        )
    return table


def write_scores(found: Sequence[Score], *, people: int, selfies: int, path: Path) -> None:
    """Keep the scores as JSON, for the model card."""
    attributes = [{**asdict(score), "way": score.way} for score in found]
    values = {"people": people, "selfies": selfies, "attributes": attributes}
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(values, indent=2) + "\n")
    partial.replace(path)


def read_scores(path: Path) -> dict[str, Any]:
    """What `write_scores` wrote; raises `RunError` where it is missing."""
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} has no scores; run: python -m distillation probe") from error
