"""The head, described once: distances, colours and light as arithmetic on single numbers.

The modules here are plain Python that runs as it stands on floats, which is what the tests and a
curious reader use. `selfies._translate` turns the same text into numba machine code (numbers in
SIMD lanes) and into torch (tensors of pixels). That works because the text keeps to a small
language: assignments, calls of functions in this package, `where` instead of `if`, float literals,
and `p.name` for the parameters of one picture. The order of `MODULES` is the order of definition.

Space: x to the person's left ear as the camera sees it on its right, y up, z out of the face; the
average head is about 2 units high, eyes at y = 0. Angles of periodic functions are in turns.
"""

from __future__ import annotations

MODULES = ("solids", "face", "hair", "wear", "camera", "light", "paint_face", "paint_rest")

PARTS = {
    name: number
    for number, name in enumerate(("SKIN", "EYE", "MOUTH", "TORSO", "HAIR", "GLASSES", "EARRING"))
}
"""What a ray can hit, by the name that the tracers use."""
