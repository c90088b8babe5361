"""The head, described once: distances, colours and light as arithmetic on single numbers.

The functions here are plain Python that runs as it stands on floats, which is what the tests and a
curious reader use, and on torch tensors of pixels (`_gpu.py`). numba compiles them into the loops
that call them (`_nearest.py`, `_shading.py`), many points at a time in SIMD lanes. That works
because they keep to a small language: assignments, calls of functions in this package, `where`
instead of `if`, float literals, and `p.name` for the parameters of one picture.

Space: x to the person's left ear as the camera sees it on its right, y up, z out of the face; the
average head is about 2 units high, eyes at y = 0. Angles of periodic functions are in turns.
"""

from __future__ import annotations

PARTS = {
    name: number
    for number, name in enumerate(("SKIN", "EYE", "MOUTH", "TORSO", "HAIR", "GLASSES", "EARRING"))
}
"""What a ray can hit, by name; the number is what the renderers note for each hit."""
