"""Selfie files to tensors, compared with independent implementations, and hostile files."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from avatar.errors import (
    BrokenPictureError,
    NotAPictureError,
    PictureTooLargeError,
    PictureTooSmallError,
    SelfieCountError,
    SelfieError,
    SelfieNotFoundError,
)
from avatar.selfies import prepare_selfie, read_selfie, read_selfies, resize

SIZE = 128
CLOSE = 2e-6  # float32 sums of a few thousand terms


def noise(height: int, width: int, seed: int = 0, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, channels), dtype=np.uint8)


def gradient(height: int, width: int) -> np.ndarray:
    """A smooth picture without symmetry: lossy codecs keep it, and every flip changes it."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = 255 * x / width, 200 * y / height
    return np.stack([red, green, (red + 2 * green) / 4], axis=-1).astype(np.uint8)


def as_chw(pixels: np.ndarray) -> np.ndarray:
    return pixels.transpose(2, 0, 1) / np.float32(255)


def area_mean(pixels: np.ndarray) -> np.ndarray:
    """Area averaging in another way: repeat every pixel 128 times, then average whole blocks."""
    side = len(pixels)
    fine = np.repeat(pixels.astype(np.float64), SIZE, axis=0).reshape(SIZE, side, side, 3).mean(1)
    fine = np.repeat(fine, SIZE, axis=1).reshape(SIZE, SIZE, side, 3).mean(2)
    return fine.transpose(2, 0, 1) / 255


@settings(max_examples=15)
@given(side=st.integers(SIZE, 2 * SIZE), seed=st.integers(0, 99))
def test_shrinking_averages_areas_with_fractional_coverage(side: int, seed: int) -> None:
    pixels = noise(side, side, seed)
    assert np.abs(resize(pixels) - area_mean(pixels)).max() < CLOSE


@given(side=st.integers(1, SIZE), seed=st.integers(0, 99))
def test_enlarging_is_bilinear_with_half_pixel_centres(side: int, seed: int) -> None:
    pixels = noise(side, side, seed)
    tensor = torch.from_numpy(as_chw(pixels).astype(np.float64))[None]
    expected = torch.nn.functional.interpolate(
        tensor, size=(SIZE, SIZE), mode="bilinear", align_corners=False
    )[0]
    assert np.abs(resize(pixels) - expected.numpy()).max() < CLOSE


@given(side=st.integers(1, 600), value=st.integers(0, 255))
def test_constant_pictures_stay_constant(side: int, value: int) -> None:
    result = resize(np.full((side, side, 3), value, np.uint8))
    assert result.dtype == np.float32 and result.shape == (3, SIZE, SIZE)
    assert np.abs(result - value / 255).max() < CLOSE
    assert result.min() >= 0 and result.max() <= 1


def test_the_right_size_is_left_as_it_is() -> None:
    pixels = noise(SIZE, SIZE)
    assert np.array_equal(resize(pixels), as_chw(pixels))


def test_a_hand_computed_coverage() -> None:
    """From 192 to 128 each new pixel is two thirds of one old pixel and one third of the next."""
    pixels = np.zeros((192, 192, 3), np.uint8)
    pixels[:, 0] = 255
    row = resize(pixels)[0, 0]
    assert row[0] == pytest.approx(2 / 3) and row[1] == 0


@pytest.mark.parametrize(("height", "width"), [(128, 131), (131, 128), (128, 130)])
def test_the_square_is_central_and_its_offset_rounded_down(height: int, width: int) -> None:
    pixels = noise(height, width)
    top, left = (height - SIZE) // 2, (width - SIZE) // 2
    expected = as_chw(pixels[top : top + SIZE, left : left + SIZE])
    assert np.array_equal(prepare_selfie(Image.fromarray(pixels)), expected)


# ---- orientation and colour


UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_exif_orientation(tmp_path: Path, orientation: int, suffix: str) -> None:
    """The offset is rounded down in the upright picture; an odd crop shows the order of steps."""
    stored = gradient(140, 163)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / f"selfie.{suffix}"
    lossless = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(stored).save(file, exif=exif, quality=100, subsampling=0, **lossless)
    expected = prepare_selfie(Image.fromarray(np.ascontiguousarray(UPRIGHT[orientation](stored))))
    assert np.abs(read_selfie(file) - expected).max() < (0.02 if suffix == "jpg" else 1e-9)


@pytest.mark.parametrize("orientation", [0, 9, 200])
def test_a_meaningless_orientation_is_ignored(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = noise(SIZE, SIZE)
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_selfie(tmp_path / "a.png"), as_chw(pixels))


def test_a_selfie_with_damaged_exif_is_read(tmp_path: Path) -> None:
    pixels = noise(SIZE, SIZE)
    for name, exif in [("a", b"Exif\0\0garbage"), ("b", b"II*\0\xff\xff\xff\xff"), ("c", b"MM")]:
        Image.fromarray(pixels).save(tmp_path / f"{name}.png", exif=exif)
        assert np.array_equal(read_selfie(tmp_path / f"{name}.png"), as_chw(pixels))


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def wide_gamut_profile() -> bytes:
    """The sRGB profile with the primaries of red and green exchanged: a very different space."""
    profile = srgb_profile()
    assert profile.count(b"rXYZ") == 1 and profile.count(b"gXYZ") == 1
    return profile.replace(b"rXYZ", b"tmp!").replace(b"gXYZ", b"rXYZ").replace(b"tmp!", b"gXYZ")


def test_an_icc_profile_is_applied(tmp_path: Path) -> None:
    pixels = gradient(SIZE, SIZE)
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=wide_gamut_profile())
    result = read_selfie(tmp_path / "a.png")
    swapped = as_chw(pixels)[[1, 0, 2]]
    assert np.abs(result - swapped).max() <= 2.01 / 255
    assert np.abs(result - as_chw(pixels)).max() > 0.3


def test_an_srgb_profile_changes_nothing(tmp_path: Path) -> None:
    pixels = noise(SIZE, SIZE)
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=srgb_profile())
    assert np.abs(read_selfie(tmp_path / "a.png") - as_chw(pixels)).max() <= 1.01 / 255


@pytest.mark.parametrize("profile", [b"nonsense", srgb_profile()[:200]])
def test_a_damaged_profile_is_ignored(tmp_path: Path, profile: bytes) -> None:
    pixels = noise(SIZE, SIZE)
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=profile)
    assert np.array_equal(read_selfie(tmp_path / "a.png"), as_chw(pixels))


def test_a_profile_for_other_colours_is_ignored(tmp_path: Path) -> None:
    grey = Image.fromarray(noise(SIZE, SIZE)[..., 0])
    grey.save(tmp_path / "a.png", icc_profile=srgb_profile())
    result = read_selfie(tmp_path / "a.png")
    assert np.array_equal(result[0], np.asarray(grey) / np.float32(255))


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    pixels = noise(SIZE, SIZE, channels=4)
    pixels[..., 3] = np.arange(SIZE) * 2
    Image.fromarray(pixels).save(tmp_path / "a.png")
    alpha = pixels[..., 3:] / 255
    expected = pixels[..., :3] * alpha + 255 * (1 - alpha)
    assert np.abs(read_selfie(tmp_path / "a.png") * 255 - expected.transpose(2, 0, 1)).max() < 1.01


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "RGBA"])
def test_every_mode_of_a_grey_picture_reads_the_same(tmp_path: Path, mode: str) -> None:
    black_and_white = np.where(gradient(SIZE, SIZE)[..., 0] > 99, 255, 0).astype(np.uint8)
    image = Image.fromarray(black_and_white)
    sixteen = Image.fromarray(black_and_white.astype(np.uint16) * 257)
    (sixteen if mode == "I;16" else image.convert(mode)).save(tmp_path / "a.png")
    for channel in read_selfie(tmp_path / "a.png"):
        assert np.array_equal(channel, black_and_white / np.float32(255))


def test_sixteen_bit_grey_keeps_its_shades(tmp_path: Path) -> None:
    shades = (np.arange(SIZE * SIZE).reshape(SIZE, SIZE) * 3).astype(np.uint16)
    Image.fromarray(shades).save(tmp_path / "a.png")
    assert np.abs(read_selfie(tmp_path / "a.png")[0] - shades / 65535).max() < 1.01 / 255


# ---- files


def save(pixels: np.ndarray, file: Path) -> Path:
    image = Image.fromarray(pixels)
    if file.suffix == ".heic":
        pillow_heif.from_pillow(image).save(file, quality=95)
    else:
        image.save(file, quality=95)
    return file


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".heic"])
@pytest.mark.parametrize("shape", [(300, 200), (64, 90), (128, 128)])
def test_every_format_reads_as_the_same_picture(
    tmp_path: Path, suffix: str, shape: tuple[int, int]
) -> None:
    pixels = gradient(*shape)
    result = read_selfie(save(pixels, tmp_path / f"selfie{suffix}"))
    assert np.abs(result - prepare_selfie(Image.fromarray(pixels))).mean() < 0.01


def test_the_content_decides_not_the_suffix(tmp_path: Path) -> None:
    file = save(gradient(200, 200), tmp_path / "a.webp").rename(tmp_path / "a.jpg")
    assert read_selfie(file).shape == (3, SIZE, SIZE)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".heic"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_file_cut_short_is_reported_as_broken(tmp_path: Path, suffix: str, kept: float) -> None:
    file = save(noise(200, 200), tmp_path / f"selfie{suffix}")
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(BrokenPictureError, match=f"selfie{suffix}"):
        read_selfie(file)


@given(data=st.data())
def test_flipped_bytes_raise_nothing_but_selfie_errors(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A damaged file is read, or refused with a `SelfieError`."""
    suffix = data.draw(st.sampled_from([".png", ".jpg", ".webp", ".heic"]))
    file = save(gradient(40, 40), tmp_path_factory.getbasetemp() / f"damaged{suffix}")
    content = bytearray(file.read_bytes())
    places = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=8)):
        content[place] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)
    try:
        assert read_selfie(file).shape == (3, SIZE, SIZE)
    except SelfieError as error:
        assert "damaged" in str(error)


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.7", b"\x89PNG", b"\0" * 4096])
def test_a_file_that_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "me.png").write_bytes(content)
    with pytest.raises(NotAPictureError, match=r"me\.png"):
        read_selfie(tmp_path / "me.png")


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM"])
def test_other_formats_are_not_decoded(tmp_path: Path, kind: str) -> None:
    Image.fromarray(noise(64, 64)).save(tmp_path / "a.png", kind)
    with pytest.raises(NotAPictureError):
        read_selfie(tmp_path / "a.png")


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header declares a huge picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("width", "height"), [(12_000, 12_000), (60_000, 60_000), (200, 10**6)])
def test_a_decompression_bomb_is_refused_by_its_header(
    tmp_path: Path, width: int, height: int
) -> None:
    (tmp_path / "a.png").write_bytes(bomb(width, height))
    with pytest.raises(PictureTooLargeError, match="million pixels"):
        read_selfie(tmp_path / "a.png")


def test_a_heic_bomb_is_refused(tmp_path: Path) -> None:
    file = save(gradient(64, 64), tmp_path / "a.heic")
    content = bytearray(file.read_bytes())
    width = content.index(b"ispe") + 8  # "ispe", version and flags, width, height: ISO 23008-12
    assert content[width : width + 4] == struct.pack(">I", 64)
    content[width : width + 4] = struct.pack(">I", 0xFC000040)
    file.write_bytes(content)
    # Which error it is depends on how libheif reads the damaged header.
    with pytest.raises((BrokenPictureError, NotAPictureError, PictureTooLargeError)):
        read_selfie(file)


def test_a_picture_of_a_few_pixels_is_refused(tmp_path: Path) -> None:
    for shape in [(1, 1), (15, 400), (400, 15)]:
        with pytest.raises(PictureTooSmallError, match="at least 16×16"):
            read_selfie(save(noise(*shape), tmp_path / "a.png"))
    assert read_selfie(save(noise(16, 16), tmp_path / "a.png")).shape == (3, SIZE, SIZE)


def test_a_path_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SelfieNotFoundError, match="no such file"):
        read_selfie(tmp_path / "nobody.jpg")
    with pytest.raises(SelfieNotFoundError, match="is a folder"):
        read_selfie(tmp_path)
    with pytest.raises(SelfieNotFoundError, match="not a plain file"):
        read_selfie(Path("/dev/null"))


@pytest.mark.parametrize("count", [0, 11])
def test_the_number_of_selfies_is_checked_before_any_is_read(count: int) -> None:
    with pytest.raises(SelfieCountError, match=f"^{count} selfies, expected 1 to 10$"):
        read_selfies([Path("missing.png")] * count)


def test_selfies_keep_their_order(tmp_path: Path) -> None:
    files = [save(noise(SIZE, SIZE, seed), tmp_path / f"{seed}.png") for seed in range(3)]
    expected = np.stack([as_chw(noise(SIZE, SIZE, seed)) for seed in range(3)])
    assert np.array_equal(read_selfies(files), expected)


def test_an_animation_counts_as_its_first_picture(tmp_path: Path) -> None:
    frames = [Image.fromarray(noise(SIZE, SIZE, seed)) for seed in range(2)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    assert np.array_equal(read_selfie(tmp_path / "a.png"), as_chw(noise(SIZE, SIZE, 0)))
