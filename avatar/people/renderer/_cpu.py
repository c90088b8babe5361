"""The head rendered by a CPU: its stages joined, compiled by numba, one picture a call.

Several pictures are rendered by several threads of Python, as the compiled code releases the GIL.
numba's own threads are not used: its pools neither bear being called from two threads (workqueue)
nor a fork afterwards (OpenMP), which is what a training's data loader does.
"""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ._compiled import entry_point
from ._marching import march, split_rays, start_rays
from ._packets import LANES, Array, empty_hits, empty_points, empty_rays, empty_spots
from ._shading import paint_hits, shade
from ._surroundings import choose_spots, find_normals, find_occlusion, find_shadow
from .head.parameters import Parameters

_FOLDER = Path(__file__).parent


def _sources_digest() -> int:
    """A number that changes when a line of this package changes; never negative."""
    files = sorted((*_FOLDER.glob("*.py"), *_FOLDER.glob("head/*.py")))
    return crc32(b"".join(file.read_bytes() for file in files))


def _picture(p: Parameters, steps: int, shadow_steps: int, out: Array) -> None:
    """Renders one picture with four rays a pixel into `out` (side, side, 4), linear and
    premultiplied by its cover, which is the fourth channel."""
    side = out.shape[0]
    room = 4 * side + LANES
    rays = empty_rays(room)
    points = empty_points(room)
    hits = empty_hits(room)
    spots = empty_spots(room)
    sums = np.empty((8, side), np.float32)
    paint = np.empty((6, room), np.float32)
    of_part = np.empty((6, room), np.float32)
    pixel = 1.0 / (np.float32(side) * p.focal)
    out[:] = 0.0
    for row in range(side):
        count = start_rays(p, row, side, rays)
        found = march(p, 3.0 * pixel, 4.0 * pixel, steps, rays, count, points, hits)
        count = split_rays(p, row, side, pixel, hits, found, rays)
        found = march(p, 0.25 * pixel, 2.0 * pixel, steps, rays, count, points, hits)
        if found == 0:
            continue
        chosen = choose_spots(pixel, side, hits, found, sums, spots)
        find_normals(p, spots, chosen, points)
        find_occlusion(p, spots, chosen, points)
        find_shadow(p, shadow_steps, spots, chosen, points, rays.gone)
        paint_hits(p, hits, found, points, of_part, paint)
        shade(p, hits, found, spots, paint, rays.direction, out[row])


# numba keeps an entry point by its name and its own file's date; what else it is compiled from is
# in other files, so the name has to tell those apart.
_picture.__qualname__ = f"_picture_{_sources_digest():08x}"
_compiled_picture = entry_point(_picture)


def trace(
    parameters: NDArray[np.void], row: int, side: int, *, steps: int, shadow_steps: int
) -> NDArray[np.float32]:
    """The head of one row of parameters: (side, side, 4) float32, linear, premultiplied."""
    out = np.empty((side, side, 4), np.float32)
    _compiled_picture(parameters[row], steps, shadow_steps, out)
    return out
