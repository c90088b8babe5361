"""An approximate picture of latents, so that an app can show what a run is about to draw."""

from __future__ import annotations

import numpy as np

from components import Recording
from export.entries import PreviewEntry

_DIGITS = 6
"""Significant digits that are kept: far more than eight bits of colour need."""


def preview_of(recording: Recording) -> PreviewEntry:
    """The matrix and the offset that come nearest to a recorded run's picture.

    Linear least squares between the latents that the decoder got and its picture, averaged down to
    the latents' size: thousands of equations for a handful of numbers.

    Args:
        recording: Of a pipeline that draws avatars; `decoder` takes `latents` (1,C,h,w) and returns
            one picture (1,3,H,W), where H and W are multiples of h and w.
    """
    case = recording.calls["decoder"][-1]
    (picture,) = case.outputs.values()
    latents = case.inputs["latents"][0].astype(np.float64)
    channels, height, width = latents.shape
    known = np.vstack([latents.reshape(channels, -1), np.ones(height * width)]).T
    wanted = _averaged(picture[0].astype(np.float64), height, width).reshape(3, -1).T
    found, *_ = np.linalg.lstsq(known, wanted, rcond=None)
    rows = [_rounded(row) for row in found]
    return PreviewEntry(matrix=tuple(rows[:-1]), offset=rows[-1])


def _averaged(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture (3,H,W) at a smaller size, each new pixel the mean of those that it covers."""
    rows, columns = picture.shape[1] // height, picture.shape[2] // width
    blocks = picture.reshape(3, height, rows, width, columns)
    mean: np.ndarray = blocks.mean(axis=(2, 4))
    return mean


def _rounded(row: np.ndarray) -> tuple[float, float, float]:
    red, green, blue = (float(f"{value:.{_DIGITS}g}") for value in row)
    return red, green, blue
