from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from avatar.selfies import MAX_SELFIES, SELFIE_SIZE, read_selfie
from eval import SubjectError
from eval.pipelines.avatar import SelfieSet
from eval.pipelines.avatar.selfies import OwnSelfies, RenderedSelfies
from eval.reference import ArrayCache

SAMPLES = Path(__file__).parents[4] / "docs" / "samples"
SHAPE = (3, 3, 48, 48)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Anna has one selfie, Bob has two, and there is a file that no camera made."""
    for name, numbers in (("bob", (2, 3)), ("anna", (1,))):
        (tmp_path / name).mkdir()
        for number in numbers:
            shutil.copy(SAMPLES / f"selfie-{number}.png", tmp_path / name)
    (tmp_path / "bob" / ".DS_Store").write_bytes(b"x")
    return tmp_path


def test_everybody_in_a_folder_in_the_order_of_their_names(people: Path) -> None:
    own = OwnSelfies(people, SHAPE)
    anna, bob = own.everybody(8)
    assert (anna.person, anna.slots, bob.person, bob.slots) == (0, (0,), 1, (0, 1))
    inputs = own.inputs(SelfieSet(person=1, slots=(2, 0)))
    assert inputs["selfies"].shape == SHAPE and inputs["selfie_mask"].tolist() == [1, 0, 1]
    for slot, number in ((2, 2), (0, 3)):
        expected = read_selfie(SAMPLES / f"selfie-{number}.png", 48)
        assert np.array_equal(inputs["selfies"][slot], expected)
    assert not inputs["selfies"][1].any()


def test_a_folder_of_one_person_and_other_pictures_are_another_case(people: Path) -> None:
    (one,) = OwnSelfies(people / "bob", SHAPE).everybody(8)
    assert one.slots == (0, 1)
    (people / "bob" / "selfie-3.png").unlink()
    (other,) = OwnSelfies(people / "bob", SHAPE).everybody(8)
    assert other.slots == (0,) and other.photos != one.photos


def test_a_folder_without_pictures_is_said(people: Path) -> None:
    (people / "carol").mkdir()
    with pytest.raises(SubjectError, match=r"carol holds no selfies, expected picture files"):
        OwnSelfies(people, SHAPE).everybody(8)


def test_rendered_selfies_have_the_models_size_and_places(tmp_path: Path) -> None:
    cache = ArrayCache(tmp_path)
    usual = RenderedSelfies(cache, (MAX_SELFIES, 3, SELFIE_SIZE, SELFIE_SIZE))
    small = RenderedSelfies(cache, (3, 3, 64, 64))
    (whole,) = usual.everybody(1)
    (fewer,) = small.everybody(1)
    assert whole.person == fewer.person and (len(whole.slots), len(fewer.slots)) == (MAX_SELFIES, 3)
    large = usual.inputs(SelfieSet.first(whole.person, 2))["selfies"]
    found = small.inputs(SelfieSet.first(whole.person, 2))["selfies"]
    averaged = large[:3].reshape(3, 3, 64, 2, 64, 2).mean(axis=(3, 5))
    assert np.allclose(found, averaged, atol=1e-6)
