"""The face detector of the extra `faces`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avatar.selfies import faces, read_photo, refusals_of

pytest.importorskip("cv2", reason="the extra `faces` is not installed")
SAMPLES = sorted((Path(__file__).parents[3] / "docs" / "samples").glob("*.png"))


def test_the_sample_selfies_pass_every_rule_also_those_about_faces() -> None:
    photos = [read_photo(path, faces.find_faces) for path in SAMPLES]
    assert [len(photo.faces or ()) for photo in photos] == [1, 1, 1]
    assert refusals_of(photos) == ()


def beside(*pictures: Image.Image) -> Image.Image:
    sheet = Image.new("RGB", (sum(p.width for p in pictures), pictures[0].height), "white")
    for index, picture in enumerate(pictures):
        sheet.paste(picture, (index * picture.width, 0))
    return sheet


def test_two_people_are_two_faces() -> None:
    first, second = (Image.open(path).convert("RGB") for path in SAMPLES[:2])
    found = faces.find_faces(beside(first, second))
    assert len(found) == 2
    assert {face.left + face.width / 2 > 128 for face in found} == {False, True}


def test_no_face_where_there_is_none() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    assert faces.find_faces(Image.fromarray(noise)) == ()
    assert faces.find_faces(Image.new("RGB", (300, 200), "grey")) == ()


def test_boxes_are_in_the_pictures_own_pixels() -> None:
    picture = Image.open(SAMPLES[0]).convert("RGB")
    (small,) = faces.find_faces(picture)
    (large,) = faces.find_faces(picture.resize((512, 512), Image.Resampling.BOX))
    for one, other in ((small.left, large.left), (small.width, large.width)):
        assert other == pytest.approx(4 * one, abs=16)


def test_without_opencv_there_is_no_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faces.detector() is faces.find_faces
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(faces, "find_spec", lambda name: None)
    assert faces.detector() is None
    assert read_photo(SAMPLES[0], faces.detector()).faces is None
