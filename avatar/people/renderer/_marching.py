"""Rays from the camera to where they meet the head, one row of pixels at a time.

First one ray a pixel crosses the empty space; from where it comes near something, four rays go on
to the surface. A ray moves as far as the nearest part is away, again and again (John C. Hart,
"Sphere tracing", The Visual Computer 12, 1996). Rays that have ended leave their packet, so that
every loop is full.
"""

from __future__ import annotations

import numpy as np

from ._compiled import merged
from ._nearest import nearest
from ._packets import Hits, Points, Rays
from .head.camera import ray, ray_bounds
from .head.parameters import Parameters, Value


@merged
def aim(p: Parameters, u: Value, v: Value, rays: Rays, i: int) -> None:
    """Sets ray `i` to leave through the picture's point (u, v), both in [-1, 1], v up."""
    dx, dy, dz = ray(u, v, p)
    near, far = ray_bounds(dx, dy, dz, p)
    rays.direction[0, i] = dx
    rays.direction[1, i] = dy
    rays.direction[2, i] = dz
    rays.gone[i] = near
    rays.end[i] = far


@merged
def start_rays(p: Parameters, row: int, side: int, rays: Rays) -> int:
    """Starts a ray at the centre of each pixel of the row that can show anything; how many."""
    scale = 2.0 / np.float32(side)
    v = 1.0 - (np.float32(row) + 0.5) * scale
    for column in range(side):
        aim(p, (np.float32(column) + 0.5) * scale - 1.0, v, rays, column)
    count = 0
    for column in range(side):
        if rays.gone[column] < rays.end[column]:
            rays.column[column] = column
            move_ray(rays, column, count)
            count += 1
    return count


@merged
def move_ray(rays: Rays, i: int, to: int) -> None:
    for k in range(3):
        rays.direction[k, to] = rays.direction[k, i]
    rays.gone[to] = rays.gone[i]
    rays.end[to] = rays.end[i]
    rays.column[to] = rays.column[i]


@merged
def split_rays(
    p: Parameters, row: int, side: int, pixel: Value, hits: Hits, count: int, rays: Rays
) -> int:
    """Starts four rays in each of the pixels whose ray came near something; how many.

    `pixel` is half a pixel's width at distance 1.
    """
    scale = 2.0 / np.float32(side)
    for i in range(4 * count):
        column = hits.column[i // 4]
        u = (np.float32(column) + 0.25 + 0.5 * np.float32(i % 2)) * scale - 1.0
        v = 1.0 - (np.float32(row) + 0.25 + 0.5 * np.float32(i // 2 % 2)) * scale
        aim(p, u, v, rays, i)
        # Back by two radii: the pixel's own ray may have stopped close to a surface.
        rays.gone[i] = hits.gone[i // 4] * (1.0 - 2.0 * pixel)
        rays.column[i] = column
    return 4 * count


@merged
def place_points(p: Parameters, rays: Rays, count: int, points: Points) -> None:
    """Sets the points to measure from to where the rays are."""
    for i in range(count):
        points.at[0, i] = p.eye_at_x + rays.direction[0, i] * rays.gone[i]
        points.at[1, i] = p.eye_at_y + rays.direction[1, i] * rays.gone[i]
        points.at[2, i] = p.eye_at_z + rays.direction[2, i] * rays.gone[i]


@merged
def advance(
    p: Parameters, reach: Value, rays: Rays, count: int, points: Points, hits: Hits, found: int
) -> tuple[int, int]:
    """Moves each ray by the distance measured, or ends it: as a hit where that is below `reach`
    times the distance gone, without one where the ray has left the head.

    Returns how many rays are still under way, and how many hits have been found by now.
    """
    kept = 0
    for i in range(count):
        gone = rays.gone[i]
        distance = points.distance[i]
        if distance < reach * gone:
            for k in range(3):
                hits.at[k, found] = points.at[k, i]
                hits.direction[k, found] = rays.direction[k, i]
            hits.gone[found] = gone
            hits.column[found] = rays.column[i]
            hits.part[found] = points.part[i]
            found += 1
        elif gone + distance < rays.end[i]:
            move_ray(rays, i, kept)
            rays.gone[kept] = gone + distance * p.step_scale
            kept += 1
    return kept, found


@merged
def march(
    p: Parameters,
    near: Value,
    last: Value,
    steps: int,
    rays: Rays,
    count: int,
    points: Points,
    hits: Hits,
) -> int:
    """Takes the rays to what they meet and returns how many `hits` that gave.

    A ray has met something that is nearer than `near` times the distance gone. After the last step
    `last` counts, which is more: a ray that is still under way grazes an outline.
    """
    found = 0
    for step in range(steps):
        if count == 0:
            break
        place_points(p, rays, count, points)
        nearest(p, points, count)
        reach = near if step < steps - 1 else last
        count, found = advance(p, reach, rays, count, points, hits, found)
    return found
