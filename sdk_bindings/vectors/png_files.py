"""PNG files, written chunk by chunk: of kinds that Pillow reads but does not write."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
"""Colour types (PNG, third edition, 11.2.1)."""


def png(pixels: NDArray[np.unsignedinteger], colour: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file.

    Args:
        pixels: Samples (h,w) or (h,w,c), of 8 or 16 bits.
        colour: The colour type.
        chunks: Further chunks (name, body), which come before the picture data.
    """
    height, width = pixels.shape[:2]
    depth = pixels.dtype.itemsize * 8
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    stored = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(height, -1).view(np.uint8)
    up = np.diff(stored, axis=0, prepend=np.zeros_like(stored[:1]))  # filter 2 (9.2), by bytes
    data = zlib.compress(b"".join(b"\2" + row.tobytes() for row in up), 9)
    parts = ((b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def orientation(value: int) -> tuple[bytes, bytes]:
    """An eXIf chunk with the orientation of the stored picture, 1 to 8 (EXIF 2.32, 4.6.4 A)."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, value, 0)
    return b"eXIf", b"MM\0\x2a" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)


def profile(data: bytes) -> tuple[bytes, bytes]:
    """An iCCP chunk that embeds an ICC profile."""
    return b"iCCP", b"wide\0\0" + zlib.compress(data, 9)


def wide_profile() -> bytes:
    """An ICC profile (ICC.1:2001-04) of Display P3's primaries, adapted to D50, with gamma 2.2."""
    red, green, blue = (
        (0.51512, 0.2412, -0.00105),
        (0.29198, 0.69225, 0.04189),
        (0.1571, 0.06657, 0.78407),
    )
    gamma = b"curv" + bytes(4) + struct.pack(">IH", 1, round(2.2 * 256)) + bytes(2)
    text = b"wide"
    tags = [
        (b"desc", b"desc" + bytes(4) + struct.pack(">I", 5) + text + bytes(1 + 78) + bytes(3)),
        (b"cprt", b"text" + bytes(4) + b"CC0\0"),
        (b"wtpt", _xyz(0.9642, 1.0, 0.8249)),
        *(
            (name, _xyz(*value))
            for name, value in ((b"rXYZ", red), (b"gXYZ", green), (b"bXYZ", blue))
        ),
        *((name, gamma) for name in (b"rTRC", b"gTRC", b"bTRC")),
    ]
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags:
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    return _icc_header(at + len(body)) + table + body


def _icc_header(size: int) -> bytes:
    head = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    date = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    middle = b"acsp" + bytes(28)
    return (head + date + middle + _s15(0.9642) + _s15(1.0) + _s15(0.8249)).ljust(128, b"\0")


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_s15, values))


def _s15(value: float) -> bytes:
    """A number as the ICC's s15Fixed16Number."""
    return struct.pack(">i", round(value * 65536))
