"""The AI label in picture files, read back by Pillow, by the specification and by exiftool."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from avatar.ai_label import SOURCE_TYPE, XMP
from avatar.saving import save_avatar, save_picture
from tests.conftest import Command

PIXELS = np.random.default_rng(0).integers(0, 256, (48, 40, 3), dtype=np.uint8)
ELEMENT = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and data of each chunk of a PNG, read by the specification."""
    at = 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(
            kind + body
        )
        yield kind, body
        at += 12 + size


def test_the_packet_is_rdf_that_names_the_source_type() -> None:
    (found,) = ElementTree.fromstring(XMP.encode()).iter(ELEMENT)
    assert found.text == SOURCE_TYPE
    assert SOURCE_TYPE.rpartition("/")[2] == "trainedAlgorithmicMedia"


def test_a_png_holds_the_packet_and_a_comment_in_words(tmp_path: Path) -> None:
    save_avatar(PIXELS, tmp_path / "me.png")
    found = list(chunks((tmp_path / "me.png").read_bytes()))
    kinds = [kind for kind, _ in found]
    # Keyword, no compression, no language, no translated keyword: PNG (third edition), 11.3.3.4.
    assert (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP.encode()) in found
    assert (b"tEXt", b"Comment\0AI-generated image (Pocket Avatar)") in found
    assert max(kinds.index(b"iTXt"), kinds.index(b"tEXt")) < kinds.index(b"IDAT")
    with Image.open(tmp_path / "me.png") as image:
        assert np.array_equal(np.asarray(image), PIXELS)


def test_a_jpeg_holds_the_packet_in_app1(tmp_path: Path) -> None:
    save_avatar(PIXELS, tmp_path / "me.JPG")
    data = (tmp_path / "me.JPG").read_bytes()
    body = b"http://ns.adobe.com/xap/1.0/\0" + XMP.encode()
    assert b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body in data


def test_same_pixels_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "a.jpg", "b.jpg"):
        save_avatar(PIXELS, tmp_path / name)
    for kind in ("png", "jpg"):
        one, other = (tmp_path / f"{name}.{kind}" for name in "ab")
        assert one.read_bytes() == other.read_bytes()


def test_pictures_that_no_model_made_have_no_label(tmp_path: Path) -> None:
    save_picture(PIXELS, tmp_path / "sheet.png")
    assert {b"iTXt", b"tEXt"}.isdisjoint(dict(chunks((tmp_path / "sheet.png").read_bytes())))


@pytest.mark.skipif(
    not shutil.which("exiftool") and os.environ.get("REQUIRE_TOOLCHAINS") != "1",
    reason="exiftool is not installed (make toolchains)",
)
@pytest.mark.parametrize("name", ["me.png", "me.jpg"])
def test_exiftool_reads_what_create_wrote(
    avatar: Command, checkpoint: Path, selfie: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    made = avatar(
        *("create", "--selfies", selfie, "--style", "lorelei"),
        *("--checkpoint", checkpoint, "--out", out),
    )
    assert made.code == 0, made.err
    command = ["exiftool", "-json", "-G1", "-n", "-a", "-validate", "-all", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (tags,) = json.loads(done.stdout)
    assert tags["XMP-iptcExt:DigitalSourceType"] == SOURCE_TYPE
    assert tags["ExifTool:Validate"] == "0 0 0"  # errors, warnings, minor warnings
    if name.endswith(".png"):
        assert tags["PNG:Comment"] == "AI-generated image (Pocket Avatar)"
