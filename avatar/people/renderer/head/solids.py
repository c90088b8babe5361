"""Signed distances of simple solids, smooth joins, and the waves that texture them.

Where a divisor is the same for all points, its inverse is written as a factor: compiled code then
divides once, and multiplies, which is much faster, at each point.

Smooth minimum, ellipsoid and capsule follow Inigo Quilez, "Distance functions" and "Smooth
minimum" (https://iquilezles.org/articles/distfunctions/).
"""

from __future__ import annotations

from .._compiled import described
from .operations import absolute, floor, maximum, minimum, sqrt
from .parameters import Value


@described
def clamp01(a: Value) -> Value:
    return minimum(maximum(a, 0.0), 1.0)


@described
def square(a: Value) -> Value:
    return a * a


@described
def mix(a: Value, b: Value, t: Value) -> Value:
    return a + (b - a) * t


@described
def smoothstep(a: Value, b: Value, x: Value) -> Value:
    """0 at a, 1 at b, smooth between; falls when a > b."""
    t = clamp01((x - a) * (1.0 / (b - a)))
    return t * t * (3.0 - 2.0 * t)


@described
def bump(squared: Value) -> Value:
    """A Gaussian's shape for a squared distance in units of sigma, without its exponential."""
    t = maximum(1.0 - squared * 0.125, 0.0)
    return t * t * t * t


@described
def wave(x: Value) -> Value:
    """A sine of period 1 made of parabolas, in [-1, 1]."""
    s = x - floor(x + 0.5)
    return 8.0 * s * (1.0 - 2.0 * absolute(s))


@described
def smooth_minimum(a: Value, b: Value, k: Value) -> Value:
    h = maximum(k - absolute(a - b), 0.0)
    return minimum(a, b) - h * h * (0.25 / k)


@described
def smooth_maximum(a: Value, b: Value, k: Value) -> Value:
    h = maximum(k - absolute(a - b), 0.0)
    return maximum(a, b) + h * h * (0.25 / k)


@described
def sphere(x: Value, y: Value, z: Value, radius: Value) -> Value:
    return sqrt(x * x + y * y + z * z) - radius


@described
def ellipsoid(x: Value, y: Value, z: Value, ix: Value, iy: Value, iz: Value) -> Value:
    """First-order distance of an ellipsoid with semi-axes 1/ix, 1/iy, 1/iz."""
    ax = x * ix
    ay = y * iy
    az = z * iz
    k0 = sqrt(ax * ax + ay * ay + az * az)
    bx = ax * ix
    by = ay * iy
    bz = az * iz
    k1 = sqrt(bx * bx + by * by + bz * bz) + 0.000001
    return k0 * (k0 - 1.0) / k1


@described
def capsule(x: Value, y: Value, z: Value, bx: Value, by: Value, bz: Value, radius: Value) -> Value:
    """A capsule from the origin to (bx, by, bz)."""
    h = clamp01((x * bx + y * by + z * bz) * (1.0 / (bx * bx + by * by + bz * bz)))
    return sphere(x - bx * h, y - by * h, z - bz * h, radius)


@described
def ring(x: Value, y: Value, z: Value, radius: Value, thickness: Value) -> Value:
    """A torus round the y axis."""
    r = sqrt(x * x + z * z) - radius
    return sqrt(r * r + y * y) - thickness


@described
def lumps(x: Value, y: Value, z: Value, frequency: Value) -> Value:
    """Rounded bumps with no visible grid, in [-1, 1]: two products of waves on tilted axes."""
    a = x * 0.80 + y * 0.60 + 0.13
    b = y * 0.80 - x * 0.36 + z * 0.48
    c = z * 0.88 - x * 0.47 + 0.31
    f = frequency
    coarse = wave(a * f + 0.22 * wave(b * f * 0.7)) * wave(b * f + 0.25) * wave(c * f)
    g = f * 1.71
    fine = wave(b * g + 0.2 * wave(c * g)) * wave(c * g + 0.4) * wave((a + b) * g * 0.7)
    return 0.65 * coarse + 0.35 * fine
