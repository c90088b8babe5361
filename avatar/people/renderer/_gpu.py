"""The head rendered by a GPU: the same stages as `_cpu.py`, over all pixels of a batch.

The description (`head/`) works on torch tensors as it stands: those of rays are (pictures, rays),
parameters (pictures, 1). A GPU wants every ray to do the same, so rays that have ended stay until
the next gathering instead of leaving at each step. On a CUDA device the pointwise functions are
fused by `torch.compile`; on a CPU they run eagerly, which is slow and meant for tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .head import PARTS, camera
from .head.face import eye_distance, mouth_distance, skin_distance
from .head.hair import (
    braids_distance,
    bun_distance,
    cap_distance,
    long_distance,
    scarf_distance,
)
from .head.light import lit
from .head.paint_face import paint_eye, paint_mouth, paint_skin
from .head.paint_rest import (
    paint_earring,
    paint_glasses,
    paint_hair,
    paint_scarf,
    paint_torso,
)
from .head.parameters import Parameters
from .head.solids import smoothstep
from .head.wear import earring_distance, glasses_distance, torso_distance

_DISTANCES = {
    "EYE": eye_distance, "MOUTH": mouth_distance, "TORSO": torso_distance,
    "GLASSES": glasses_distance, "EARRING": earring_distance,
}  # fmt: skip
"""All parts but skin, which everything starts from, and hair, which depends on its form."""
_HAIR_DISTANCES = {
    1: cap_distance, 2: long_distance, 3: bun_distance, 4: braids_distance, 5: scarf_distance,
}  # fmt: skip
_PAINTERS = {
    "EYE": paint_eye, "MOUTH": paint_mouth, "TORSO": paint_torso, "GLASSES": paint_glasses,
    "EARRING": paint_earring,
}  # fmt: skip
_SCARF = 5
_WORN = {"GLASSES": "has_glasses", "EARRING": "has_earrings"}
_FAR = 9.0


@dataclass(frozen=True, kw_only=True)
class _Kernels:
    """The pointwise functions of pictures that share a form of hair."""

    aim: Callable[..., tuple[Tensor, ...]]
    distance: Callable[..., tuple[Tensor, Tensor]]
    color: Callable[..., tuple[Tensor, ...]]


def _nearest_of(form: int) -> Callable[..., tuple[Tensor, Tensor]]:
    def nearest(x: Tensor, y: Tensor, z: Tensor, p: Parameters) -> tuple[Tensor, Tensor]:
        """The distance to the nearest part and which part that is."""
        d = skin_distance(x, y, z, p)
        kind = torch.zeros_like(d, dtype=torch.int32)
        distances = dict(_DISTANCES)
        if form:
            distances["HAIR"] = _HAIR_DISTANCES[form]
        for name, measure in distances.items():
            part = measure(x, y, z, p)
            if name in _WORN:
                part = torch.where(getattr(p, _WORN[name]) > 0.5, part, _FAR)
            near = part < d
            d = torch.where(near, part, d)
            kind = torch.where(near, PARTS[name], kind)
        return d, kind

    return nearest


def _aim(u: Tensor, v: Tensor, p: Parameters) -> tuple[Tensor, ...]:
    direction = camera.ray(u, v, p)
    return (*direction, *camera.ray_bounds(*direction, p))


def _color_of(form: int) -> Callable[..., tuple[Tensor, ...]]:
    def color(
        kind: Tensor,
        at: tuple[Tensor, ...],
        normal: tuple[Tensor, ...],
        direction: tuple[Tensor, ...],
        shadow: Tensor,
        occlusion: Tensor,
        p: Parameters,
    ) -> tuple[Tensor, ...]:
        """Linear red, green and blue of lit points."""
        painters = dict(_PAINTERS)
        if form:
            painters["HAIR"] = paint_scarf if form == _SCARF else paint_hair
        painted = paint_skin(*at, p)
        for name, painter in painters.items():
            painted = tuple(
                torch.where(kind == PARTS[name], new, old)
                for new, old in zip(painter(*at, p), painted, strict=True)
            )
        r, g, b, shine, gloss, soft = painted
        kr, kg, kb, highlight, rim = lit(
            *normal, *direction, shadow, occlusion, shine, gloss, soft, p
        )
        return (
            r * kr + highlight * p.key_r + rim * p.sky_r,
            g * kg + highlight * p.key_g + rim * p.sky_g,
            b * kb + highlight * p.key_b + rim * p.sky_b,
        )

    return color


@cache
def _kernels(form: int, compiled: bool) -> _Kernels:
    fuse: Callable[[Any], Any] = torch.compile(dynamic=True) if compiled else lambda f: f
    return _Kernels(aim=fuse(_aim), distance=fuse(_nearest_of(form)), color=fuse(_color_of(form)))


def _gathered(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Indices (B, K) of each row's true entries, K the most of any row, and which are real."""
    count = mask.sum(1, keepdim=True)
    most = max(int(count.max()), 1)
    index = torch.argsort((~mask).to(torch.uint8), dim=1, stable=True)[:, :most]
    return index, torch.arange(most, device=mask.device)[None] < count


def _march(
    k: _Kernels,
    p: Parameters,
    ray: tuple[Tensor, ...],
    t: Tensor,
    far: Tensor,
    *,
    near: Tensor,
    last: Tensor,
    steps: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Where each ray came near something: t, whether it did, and the part it came near."""
    active = t < far
    hit = torch.zeros_like(active)
    kind = torch.zeros_like(active, dtype=torch.int32)
    for step in range(steps):
        at = _along(p, ray, t)
        d, part = k.distance(*at, p)
        found = active & (d < (near if step < steps - 1 else last) * t)
        kind = torch.where(found, part, kind)
        hit = hit | found
        active = active & ~found & (t + d < far)
        t = torch.where(active, t + d * p.step_scale, t)
    return t, hit, kind


def _along(p: Parameters, ray: tuple[Tensor, ...], t: Tensor) -> tuple[Tensor, ...]:
    origin = (p.eye_at_x, p.eye_at_y, p.eye_at_z)
    return tuple(o + d * t for o, d in zip(origin, ray, strict=True))


def _spots(
    at: tuple[Tensor, ...], t: Tensor, hit: Tensor, kind: Tensor, pixel: Tensor
) -> tuple[Tensor, ...]:
    """Where to look around from each of (B, 4K) rays: see `_surroundings.choose_spots`."""
    t, hit, kind = (a.unflatten(1, (-1, 4)) for a in (t, hit, kind))
    nearest, farthest = t.amin(2, keepdim=True), t.amax(2, keepdim=True)
    shared = farthest - nearest < 2.0 * pixel[..., None] * nearest
    shared &= hit.all(2, keepdim=True) & (kind == kind[..., :1]).all(2, keepdim=True)
    shared &= kind[..., :1] < PARTS["GLASSES"]
    corners = (a.unflatten(1, (-1, 4)) for a in at)
    return tuple(torch.where(shared, a.mean(2, keepdim=True), a).flatten(1) for a in corners)


def _normal(k: _Kernels, p: Parameters, at: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Unit normals by the tetrahedron technique."""
    total = [torch.zeros_like(at[0]) for _ in range(3)]
    for signs in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        tap = (a + s * 0.006 for a, s in zip(at, signs, strict=True))
        d, _ = k.distance(*tap, p)
        total = [n + s * d for n, s in zip(total, signs, strict=True)]
    inverse = torch.rsqrt(torch.stack([n * n for n in total]).sum(0) + 1e-9)
    return tuple(n * inverse for n in total)


def _visibility(
    k: _Kernels, p: Parameters, at: tuple[Tensor, ...], normal: tuple[Tensor, ...], steps: int
) -> tuple[Tensor, Tensor]:
    """Soft shadow of the key light and ambient occlusion, 1 in the open."""
    d, _ = k.distance(*(a + n * 0.14 for a, n in zip(at, normal, strict=True)), p)
    occlusion = (d / 0.13).clamp(0.0, 1.0)
    shadow = torch.ones_like(d)
    s = torch.full_like(d, 0.05)
    key = (p.key_x, p.key_y, p.key_z)
    for _ in range(steps):
        tap = (a + n * 0.02 + c * s for a, n, c in zip(at, normal, key, strict=True))
        d, _ = k.distance(*tap, p)
        shadow = torch.minimum(shadow, 0.5 + 2.5 * d / s)
        s = s + d.clamp(min=0.05)
    return smoothstep(0.0, 1.0, shadow), occlusion


def _quarters(column: Tensor, row: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """(B, K) pixels to the picture points (B, 4K) of their four rays."""
    offset = torch.tensor((0.25, 0.75), device=column.device)
    u = (column[..., None] + offset.repeat(2)) * (2.0 / side) - 1.0
    v = 1.0 - (row[..., None] + offset.repeat_interleave(2)) * (2.0 / side)
    return u.flatten(1), v.flatten(1)


def _trace(
    k: _Kernels, p: Parameters, side: int, steps: int, shadow_steps: int, device: torch.device
) -> Tensor:
    """(B, side, side, 4), as `_cpu.trace` has it."""
    pictures = p.focal.shape[0]
    pixel = 1.0 / (side * p.focal)
    place = torch.arange(side * side, device=device)[None].expand(pictures, -1)
    row, column = place // side, place % side
    u = (column + 0.5) * (2.0 / side) - 1.0
    *ray, t, far = k.aim(u, 1.0 - (row + 0.5) * (2.0 / side), p)
    t, hit, _ = _march(k, p, tuple(ray), t, far, near=3 * pixel, last=4 * pixel, steps=steps)

    index, real = _gathered(hit)
    u, v = _quarters(index % side, index // side, side)
    t = (t.gather(1, index) * (1.0 - 2.0 * pixel)).repeat_interleave(4, 1)
    *ray, _, far = k.aim(u, v, p)
    far = torch.where(real.repeat_interleave(4, 1), far, 0.0)
    t, hit, kind = _march(k, p, tuple(ray), t, far, near=0.25 * pixel, last=2 * pixel, steps=steps)

    spots = _spots(_along(p, tuple(ray), t), t, hit, kind, pixel)
    hits, real = _gathered(hit)
    place = index.repeat_interleave(4, 1).gather(1, hits)
    ray = [a.gather(1, hits) for a in ray]
    at = _along(p, tuple(ray), t.gather(1, hits))
    spot = tuple(a.gather(1, hits) for a in spots)
    normal = _normal(k, p, spot)
    shadow, occlusion = _visibility(k, p, spot, normal, shadow_steps)
    rgb = k.color(kind.gather(1, hits), at, normal, tuple(ray), shadow, occlusion, p)
    out = torch.zeros(pictures, 4, side * side, device=device)
    for channel, value in enumerate((*rgb, torch.ones_like(t.gather(1, hits)))):
        out[:, channel].scatter_add_(1, place, 0.25 * value * real)
    return out.view(pictures, 4, side, side).permute(0, 2, 3, 1)


@torch.no_grad()
def trace(
    parameters: NDArray[np.void],
    side: int,
    *,
    device: str,
    steps: int,
    shadow_steps: int,
    batch: int = 32,
) -> NDArray[np.float32]:
    """The pictures of all rows: (N, side, side, 4) float32, linear, premultiplied."""
    where = torch.device(device)
    out = np.empty((len(parameters), side, side, 4), np.float32)
    forms = parameters["hair_form"].astype(int)
    for form in np.unique(forms):
        kernels = _kernels(int(form), where.type == "cuda")
        rows = np.flatnonzero(forms == form)
        for first in range(0, len(rows), batch):
            chosen = rows[first : first + batch]
            p = Parameters(
                *(
                    torch.from_numpy(parameters[name][chosen]).to(where)[:, None]
                    for name in Parameters._fields
                )
            )
            out[chosen] = _trace(kernels, p, side, steps, shadow_steps, where).cpu().numpy()
    return out
