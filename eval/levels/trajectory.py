"""The latents after each step of an artifact's own runs: how far they drift from the reference's.

The artifact runs on what it gave itself, with the sampler's table that its manifest holds.
"""

from __future__ import annotations

import math

import numpy as np

from components.metrics import psnr, snr
from eval.drawing import Drawn


def compare(expected: Drawn, got: Drawn) -> dict[str, np.ndarray]:
    """`psnr` and `snr` of the latents after each step, (steps,) in dB, of the reference's largest
    magnitude; -inf where a step is missing or no number."""
    found = np.full((2, len(expected.latents)), -math.inf)
    for step, (reference, test) in enumerate(zip(expected.latents, got.latents, strict=False)):
        if reference.shape == test.shape:
            peak = float(np.max(np.abs(reference))) or 1.0
            found[:, step] = psnr(reference, test, peak=peak), snr(reference, test)
    return {"psnr": found[0], "snr": found[1]}
