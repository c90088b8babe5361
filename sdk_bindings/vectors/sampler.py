"""The sampling loop around a toy denoiser, which any language can write in a line.

The loop stands here once more, in float64 and without `avatar.model`, so that what every language
is compared with does not depend on what one of them does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from avatar.model import Sampler, noise_of

LAW = (
    "prediction = 0.5·latents + 0.25·timestep/1000 + mean(identity_tokens) + 0.125·style, "
    "element by element"
)
LATENTS, UNEVEN, TOKENS = (1, 2, 4, 4), (1, 3, 3, 3), (1, 8, 4)
"""Shapes of latents, of latents whose size no 16 divides, and of tokens."""

Table = dict[str, Any]
"""A sampler table as a manifest has it."""


def tables() -> dict[str, tuple[tuple[int, ...], Table]]:
    """For each case's name the shape of its latents and its table.

    Three of a student and two of a teacher, which are guided; one that ends above 0; and some that
    add fresh noise: to every step but the last, after a step all the way to 0 as latent consistency
    models do, guided, and in latents whose size no 16 divides.
    """
    student = Sampler(steps=2, guidance=1.0, also=(1, 4), jump=0.5)
    named = {f"{len(table.timesteps)}-steps": table for table in student.tables()}
    guided = Sampler(steps=7, guidance=1.5, shift=3.0).table()
    named |= {"guided": guided, "guided-away": replace(guided, guidance=-0.5)}
    plain = {name: (LATENTS, table.to_dict()) for name, table in named.items()}
    plain = {name: (shape, _without_absent(table)) for name, (shape, table) in plain.items()}
    return {
        **plain,
        "ends-above-0": (LATENTS, _table(sigmas=[0.9, 0.4, 0.03125])),
        "fresh": (LATENTS, _table(sigmas=_LEVELS, downs=_HALF_WAY, noises=_NOISES)),
        "fresh-from-0": (LATENTS, _table(sigmas=_LEVELS, downs=_TO_0, noises=_NOISES_FROM_0)),
        "fresh-guided": (
            LATENTS,
            _table(sigmas=_LEVELS, downs=_HALF_WAY, noises=_NOISES, guidance=2.0),
        ),
        "fresh-uneven": (UNEVEN, _table(sigmas=_LEVELS, downs=_HALF_WAY, noises=_NOISES)),
    }


_LEVELS = [1.0, 0.75, 0.5, 0.25, 0.0]
_HALF_WAY, _NOISES = [0.625, 0.25, 0.25, 0.0], [0.375, 0.5, 0.0, 0.0]
_TO_0, _NOISES_FROM_0 = [0.0, 0.0, 0.0, 0.0], [0.75, 0.5, 0.25, 0.0]


def _table(*, sigmas: list[float], guidance: float = 1.0, **fresh: list[float]) -> Table:
    times = [1000 * sigma for sigma in sigmas[:-1]]
    facts = {"prediction": "velocity", "guidance": guidance}
    return {**facts, "timesteps": times, "sigmas": sigmas, **fresh}


def _without_absent(table: Table) -> Table:
    return {name: value for name, value in table.items() if value not in (None, (), [])}


def toy(
    latents: NDArray[np.float64], timestep: float, tokens: NDArray[np.float32], style: int
) -> NDArray[np.float64]:
    """The toy denoiser, which follows `LAW`: the prediction, of the latents' shape."""
    added = 0.25 * timestep / 1000 + float(tokens.astype(np.float64).mean()) + 0.125 * style
    return 0.5 * latents + added


def looped(
    shape: tuple[int, ...],
    table: Mapping[str, Any],
    seed: int,
    tokens: tuple[NDArray[np.float32], NDArray[np.float32]],
    style: int,
) -> NDArray[np.float64]:
    """The latents after the loop, from the noise that one generator of `seed` draws.

    Call i goes from level s = sigmas[i] to s' = sigmas[i+1]: latents += (d - s)·prediction, where
    d is downs[i], or s' where the table has none. Where noises[i] is more than 0, latents =
    latents·(1 - s')/(1 - d) + noises[i]·fresh, and the generator draws the fresh noise.
    """
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn(shape, generator=generator).double().numpy()
    guidance, sigmas = table["guidance"], table["sigmas"]
    downs = table.get("downs", sigmas[1:])
    noises = table.get("noises", [0.0] * len(downs))
    for index, timestep in enumerate(table["timesteps"]):
        prediction = toy(latents, timestep, tokens[0], style)
        if guidance != 1:
            plain = toy(latents, timestep, tokens[1], style)
            prediction = plain + guidance * (prediction - plain)
        latents = latents + (downs[index] - sigmas[index]) * prediction
        if noises[index] > 0:
            fresh = torch.randn(shape, generator=generator).double().numpy()
            scale = (1 - sigmas[index + 1]) / (1 - downs[index])
            latents = latents * scale + noises[index] * fresh
    return latents


def sampler_cases() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The cases as tensors and JSON values.

    Returns:
        Tensors: `identity_tokens`, `null_tokens`, and under each case's name the latents after the
        loop. JSON values: the law, and for each case its table, style, seed and latents' shape.
    """
    tokens = noise_of(4, TOKENS), noise_of(5, TOKENS)
    arrays = {"identity_tokens": tokens[0], "null_tokens": tokens[1]}
    cases = []
    for style, (name, (shape, table)) in enumerate(tables().items()):
        seed = 3 + style
        arrays[name] = looped(shape, table, seed, tokens, style).astype(np.float32)
        case = {"name": name, "style": style, "seed": seed, "latents": list(shape), **table}
        cases.append(case)
    return arrays, {"law": LAW, "cases": cases}
