"""Rays from the camera into the head's space, and where along them anything can be."""

from __future__ import annotations

from .._compiled import described
from .operations import maximum, minimum, sqrt, where
from .parameters import Parameters, Value


@described
def ray(u: Value, v: Value, p: Parameters) -> tuple[Value, Value, Value]:
    """The unit direction through the picture's point (u, v), both in [-1, 1], v up."""
    a = u / p.focal
    b = v / p.focal
    k = 1.0 / sqrt(a * a + b * b + 1.0)
    cx = a * k
    cy = b * k
    cz = -k
    return (
        p.r00 * cx + p.r01 * cy + p.r02 * cz,
        p.r10 * cx + p.r11 * cy + p.r12 * cz,
        p.r20 * cx + p.r21 * cy + p.r22 * cz,
    )


@described
def ball_near(
    dx: Value, dy: Value, dz: Value, p: Parameters, cy: Value, sx: Value, sy: Value, r: Value
) -> tuple[Value, Value]:
    """Entry and exit of the ray in an ellipsoid at (0, cy, -0.1), semi-axes r/sx, r/sy, r."""
    ax = p.eye_at_x * sx
    ay = (p.eye_at_y - cy) * sy
    az = p.eye_at_z + 0.1
    ex = dx * sx
    ey = dy * sy
    a = ex * ex + ey * ey + dz * dz
    b = ax * ex + ay * ey + az * dz
    h = b * b - a * (ax * ax + ay * ay + az * az - r * r)
    q = sqrt(maximum(h, 0.0))
    return where(h > 0.0, (-b - q) / a, 99.0), where(h > 0.0, (-b + q) / a, 0.0)


@described
def ray_bounds(dx: Value, dy: Value, dz: Value, p: Parameters) -> tuple[Value, Value]:
    """From where to where the ray can meet something; nothing when the first is larger."""
    near1, far1 = ball_near(dx, dy, dz, p, p.bound_y, 1.0, 0.92, p.bound_radius)
    near2, far2 = ball_near(dx, dy, dz, p, -1.75, 0.62, 0.85, 1.05)
    return minimum(near1, near2), maximum(far1, far2)
