"""Picture files from unknown sources, opened safely: bounded, complete, upright and in sRGB."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pillow_heif
from PIL import ExifTags, Image, ImageCms

from avatar.errors import (
    BrokenPictureError,
    NotAPictureError,
    PictureTooLargeError,
    PictureTooSmallError,
    SelfieNotFoundError,
)
from support.found_files import describe, missing, placeholder

FORMATS = ("PNG", "JPEG", "WEBP", "HEIF")
"""Pillow's names of the formats that are opened; no other decoder is used."""

MAX_PIXELS = 120_000_000
"""Most pixels of a picture: enough for a phone's 108 megapixels (360 MB once decoded)."""

MIN_SIDE = 16
"""Least length of a side, in pixels, at which a face can be recognised."""

_DECODE_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error),
    RuntimeError,  # where a file exceeds libheif's own limits
)
"""Exceptions that Pillow's and libheif's decoders raise for damaged files."""

_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF 2.32, 4.6.4 A, Orientation: the transformation that makes a stored picture upright."""

pillow_heif.register_heif_opener()


def open_upright(path: Path) -> Image.Image:
    """Decode the picture in a file and turn it upright; its colours stay as stored.

    The size is checked from the header, before anything is decoded.

    Raises:
        SelfieError: The file cannot be used; the message names it.
    """
    with _opened(path) as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's warnings about odd files mean nothing to users
        image = _open_header(path, stream)
        try:
            image.load()
        except _DECODE_ERRORS as error:
            raise BrokenPictureError(f"{path}: the picture is damaged or cut short") from error
        return _upright(image)


def check_header(path: Path) -> None:
    """Check a file by its header only, without decoding it.

    Raises:
        SelfieError: The one that `open_upright` would raise.
    """
    with _opened(path) as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _open_header(path, stream)


def _opened(path: Path) -> BinaryIO:
    if not path.exists():
        where = f", it {missing(path)}" if os.path.lexists(placeholder(path)) else ""
        raise SelfieNotFoundError(f"{path}: no such file{where}")
    if path.is_dir():
        raise SelfieNotFoundError(f"{path}: is a folder; name the pictures in it")
    if not path.is_file():
        raise SelfieNotFoundError(f"{path}: not a plain file")
    try:
        return path.open("rb")
    except OSError as error:
        raise SelfieNotFoundError(f"{path}: cannot be read ({error.strerror})") from error


def _open_header(path: Path, stream: BinaryIO) -> Image.Image:
    """Read the header, and check format and size."""
    try:
        image = Image.open(stream, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise PictureTooLargeError(_too_large(path, "far")) from error
    except Image.UnidentifiedImageError as error:
        raise NotAPictureError(
            f"{path}: not a PNG, JPEG, WebP or HEIC picture{_but(path)}"
        ) from error
    except _DECODE_ERRORS as error:
        raise BrokenPictureError(f"{path}: the picture is damaged or cut short") from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PictureTooLargeError(_too_large(path, f"{width}×{height} pixels,"))
    if min(width, height) < MIN_SIDE:
        raise PictureTooSmallError(
            f"{path}: {width}×{height} pixels, expected at least {MIN_SIDE}×{MIN_SIDE}"
        )
    return image


def _but(path: Path) -> str:
    """What a file is that is no picture, where that is known."""
    what, advice = describe(path)
    if what in ("a file", "a picture"):
        return ""
    return f" but {what}{advice and f': {advice}'}"


def _too_large(path: Path, how: str) -> str:
    return f"{path}: {how} more than the {MAX_PIXELS // 1_000_000} million pixels a selfie may have"


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except _DECODE_ERRORS:  # damaged metadata of an intact picture: viewers show it as stored
        orientation = 1
    method = _TRANSPOSE.get(orientation)
    return image if method is None else image.transpose(method)


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert a picture of any mode to 8-bit sRGB, with its ICC profile, and with white behind it.

    A profile that is damaged or is for another colour space (CMYK in an RGB file) is ignored.
    """
    if image.mode.startswith(("I", "F")):  # 16-bit grey; Pillow itself cuts 16-bit colour to 8
        image = image.point(lambda value: value / 256).convert("L")
    if image.mode == "P" or "transparency" in image.info:
        image = _keep_info(image, image.convert("RGBA"))
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    plain = image.convert({"RGBA": "RGB", "LA": "L", "1": "L"}.get(image.mode, image.mode))
    picture = _apply_profile(plain, image.info.get("icc_profile")) or plain.convert("RGB")
    if alpha is None:
        return picture
    return Image.composite(picture, Image.new("RGB", picture.size, "white"), alpha)


def _keep_info(source: Image.Image, result: Image.Image) -> Image.Image:
    result.info.setdefault("icc_profile", source.info.get("icc_profile"))
    return result


def _apply_profile(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return None
