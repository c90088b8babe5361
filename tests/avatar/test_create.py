"""Drawing over runners, finding styles, and writing picture files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from avatar.errors import OutputError
from avatar.model import AvatarPipeline, Model, Networks
from avatar.people.errors import UnknownStyleError
from avatar.saving import output_files, save_picture
from avatar.styles_file import style_index
from components import load
from components.reference import runner
from support.images import to_pixels
from tests.components.tiny import save_tiny_avatar

STYLES = ("lorelei", "open-peeps", "pixel-art", "adventurer", "personas", "avataaars")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> AvatarPipeline:
    folder = save_tiny_avatar(tmp_path_factory.mktemp("checkpoint") / "tiny")
    return AvatarPipeline.from_pretrained(folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    components = load(save_tiny_avatar(tmp_path_factory.mktemp("checkpoint") / "tiny"))
    opened = [components.component(name) for name in components.names]
    return Model(
        networks=Networks.of({component.name: runner(component) for component in opened}),
        table=AvatarPipeline.from_pretrained(components.checkpoint).sampler.table(),
        latent_shape=(1, 8, 32, 32),
        styles=STYLES,
    )


def selfies(count: int) -> np.ndarray:
    return np.random.default_rng(count).random((count, 3, 128, 128), dtype=np.float32)


def test_drawing_over_runners_gives_the_pipelines_pictures(
    model: Model, pipeline: AvatarPipeline
) -> None:
    drawn = np.stack(list(model.draw(selfies(3), 2, [5, 6])))
    assert drawn.shape == (2, 3, 256, 256) and drawn.dtype == np.float32
    assert np.abs(drawn - pipeline(selfies(3), 2, [5, 6])).max() < 1e-6


def test_an_avatar_depends_on_its_own_seed_only(model: Model) -> None:
    first, second = model.draw(selfies(1), 0, [1, 2])
    (alone,) = model.draw(selfies(1), 0, [2])
    assert np.array_equal(second, alone)
    assert not np.array_equal(first, second)


def test_style_and_selfies_reach_the_picture(model: Model) -> None:
    (one,) = model.draw(selfies(1), 0, [1])
    (other_style,) = model.draw(selfies(1), 1, [1])
    (other_person,) = model.draw(selfies(2), 0, [1])
    assert not np.array_equal(one, other_style)
    assert not np.array_equal(one, other_person)


@pytest.mark.parametrize("name", ["open-peeps", "Open Peeps", "open_peeps", " OPEN-PEEPS "])
def test_a_style_is_found_however_it_is_written(name: str) -> None:
    assert style_index(STYLES, name) == 1


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("loreley", "did you mean lorelei?"),
        ("avatars", "did you mean avataaars?"),
        ("pixelart", "did you mean pixel-art?"),
        ("open-pep", "did you mean open-peeps?"),
        ("vangogh", "there are lorelei, open-peeps"),
        ("", "there are lorelei"),
    ],
)
def test_an_unknown_style_names_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(UnknownStyleError, match=hint.replace("?", r"\?")):
        style_index(STYLES, name)


@given(st.lists(st.floats(-1, 2, width=32), min_size=12, max_size=12))
def test_eight_bit_is_rounded_half_up_and_clamped(values: list[float]) -> None:
    avatar = np.array(values, np.float32).reshape(3, 2, 2)
    expected = [
        min(max(int(np.floor(np.float32(v) * np.float32(255) + np.float32(0.5))), 0), 255)
        for v in values
    ]
    assert to_pixels(avatar).transpose(2, 0, 1).ravel().tolist() == expected


def test_several_files_are_numbered(tmp_path: Path) -> None:
    def names(count: int) -> list[str]:
        return [file.name for file in output_files(tmp_path / "me.PNG", count)]

    assert names(1) == ["me.PNG"]
    assert names(2) == ["me-1.PNG", "me-2.PNG"]
    assert names(10)[::9] == ["me-01.PNG", "me-10.PNG"]


@pytest.mark.parametrize(
    ("out", "count", "message"),
    [
        ("me.gif", 1, "cannot write .gif; expected one of .png, .jpg, .jpeg"),
        ("me", 1, "a file without suffix"),
        ("", 1, "without suffix"),
        ("nowhere/me.png", 1, "there is no folder"),
        ("folder.png", 1, "is a folder"),
        ("two.png", 2, "is a folder"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_beforehand(
    tmp_path: Path, out: str, count: int, message: str
) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "two-2.png").mkdir()
    with pytest.raises(OutputError, match=message):
        output_files(tmp_path / out, count)


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("A.JPEG", "JPEG")]
)
def test_pictures_are_written_by_suffix(tmp_path: Path, name: str, kind: str) -> None:
    y, x = np.mgrid[0:64, 0:64].astype(np.uint8)
    pixels = np.stack([x * 3, y * 3, x + y], axis=-1)
    save_picture(pixels, tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert image.format == kind
        difference = np.abs(np.asarray(image).astype(int) - pixels)
    assert difference.max() == 0 if kind == "PNG" else difference.mean() < 2
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "me.png"
    file.write_bytes(b"old")

    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full_disk)
    with pytest.raises(OutputError, match="No space left on device"):
        save_picture(np.zeros((8, 8, 3), np.uint8), file)
    assert file.read_bytes() == b"old" and list(tmp_path.iterdir()) == [file]
