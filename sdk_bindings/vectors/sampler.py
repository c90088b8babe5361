"""The sampling loop around a toy denoiser, which any language can write in a line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar.model import Array, Sampler, SamplerTable, noise_of, sample

LAW = (
    "prediction = 0.5·latents + 0.25·timestep/1000 + mean(identity_tokens) + 0.125·style, "
    "element by element"
)
LATENTS, TOKENS = (1, 2, 4, 4), (1, 8, 4)


def toy(latents: Array, timestep: Array, tokens: Array, style: NDArray[np.int32]) -> Array:
    """The toy denoiser, which follows `LAW`: the prediction, of the latents' shape."""
    added = 0.25 * float(timestep[0]) / 1000 + float(tokens.mean()) + 0.125 * int(style[0])
    return (0.5 * latents + added).astype(np.float32)


def tables() -> dict[str, SamplerTable]:
    """Sampler tables by name: three of a student, and two of a teacher, which are guided."""
    student = Sampler(steps=2, guidance=1.0, also=(1, 4), jump=0.5)
    named = {f"{len(table.timesteps)}-steps": table for table in student.tables()}
    guided = Sampler(steps=7, guidance=1.5, shift=3.0).table()
    return {**named, "guided": guided, "guided-away": replace(guided, guidance=-0.5)}


def sampler_cases() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The cases as tensors and JSON values.

    Returns:
        Tensors: `noise`, `identity_tokens`, `null_tokens`, and under each case's name the latents
        after the loop. JSON values: the law, and for each case its table and style.
    """
    noise = noise_of(3, LATENTS)
    tokens, null_tokens = noise_of(4, TOKENS), noise_of(5, TOKENS)
    arrays = {"noise": noise, "identity_tokens": tokens, "null_tokens": null_tokens}
    cases = []
    for style, (name, table) in enumerate(tables().items()):
        latents = sample(toy, noise, tokens, null_tokens, style, table)
        arrays[name] = latents.astype(np.float32)
        cases.append({"name": name, "style": style, **table.to_dict()})
    return arrays, {"law": LAW, "cases": cases}
