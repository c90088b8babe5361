"""Level `trajectory`: the latents after each step of an artifact's own runs.

The artifact runs on its own outputs, with the sampler's table of its manifest, so its errors add
up: the latents drift from the reference's.
"""

from __future__ import annotations

import math

import numpy as np

from components.metrics import psnr, snr
from eval.reference import RecordedRun


def compare(expected: RecordedRun, got: RecordedRun) -> dict[str, np.ndarray]:
    """`psnr` and `snr` of the latents after each step, each (steps,) in dB.

    The peak is the reference's largest magnitude. A step that is missing, or no number, has -inf.
    """
    found = np.full((2, len(expected.latents)), -math.inf)
    for step, (reference, test) in enumerate(zip(expected.latents, got.latents, strict=False)):
        if reference.shape == test.shape:
            peak = float(np.max(np.abs(reference))) or 1.0
            found[:, step] = psnr(reference, test, peak=peak), snr(reference, test)
    return {"psnr": found[0], "snr": found[1]}
