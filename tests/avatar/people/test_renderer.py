"""Selfies are photos of their person: repeatable, independent, and telling in every attribute."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from avatar.people import renderer
from avatar.people.identity import ATTRIBUTES, SHAPE_ATTRIBUTES, Identity, sample_identity
from avatar.people.renderer import _cpu, _table, render
from avatar.people.renderer._color import srgb_from_linear
from avatar.people.renderer._person import person_numbers
from avatar.people.renderer._scene import rotation

PLAIN = replace(
    sample_identity(0), hair_class="short_straight", hair_color="dark_brown", skin_tone="tone_3",
    facial_hair="none", glasses="none", freckles="no", earrings="no", age="young",
)  # fmt: skip


def head(identity: Identity, seed: int, **changes: float) -> NDArray[np.float32]:
    """The head without the photo around it, small; `changes` replace parameters of its scene."""
    table = _table([identity], [seed])
    for name, value in changes.items():
        table[name] = value
    return _cpu.trace(table, 0, 48, steps=renderer.STEPS, shadow_steps=4)


@cache
def frontal(identity: Identity, *, yaw: float = 0.0, key: float = 0.0) -> NDArray[np.float32]:
    """A head seen from `yaw` radians beside its front, lit from `key` radians beside it."""
    axes = rotation(yaw, 0.0, 0.0)
    at = axes @ np.array([0.0, 0.0, 5.0])
    pose = {f"r{i}{j}": float(axes[i, j]) for i in range(3) for j in range(3)}
    light = {"key_x": float(np.sin(key)), "key_y": 0.0, "key_z": float(np.cos(key))}
    place = {"eye_at_x": at[0], "eye_at_y": at[1], "eye_at_z": at[2], "focal": 5.0 / 1.4}
    return head(identity, 3, **pose, **light, **place, mouth_open=0.0)


def test_pictures_have_the_promised_form() -> None:
    people = [sample_identity(seed) for seed in range(6)]
    pictures = render(people, range(6))
    assert pictures.shape == (6, 3, 128, 128)
    assert pictures.dtype == np.float32
    assert pictures.min() >= 0.0
    assert pictures.max() <= 1.0
    assert (pictures.std((1, 2, 3)) > 0.05).all(), "a picture is flat"


def test_no_selfies_are_an_empty_batch() -> None:
    assert render([], []).shape == (0, 3, 128, 128)


def test_a_picture_depends_on_its_own_identity_and_seed_only() -> None:
    people = [sample_identity(seed) for seed in (4, 5, 6)]
    together = render(people, [10, 11, 12])
    np.testing.assert_array_equal(render(people[::-1], [12, 11, 10])[::-1], together)
    np.testing.assert_array_equal(render(people[1:2], [11])[0], together[1])


def test_another_seed_is_another_photo_of_the_same_person() -> None:
    first, second = render([PLAIN, PLAIN], [1, 2])
    assert np.abs(first - second).mean() > 0.03


@pytest.mark.parametrize(
    ("attribute", "name"),
    [(attribute, name) for attribute, names in ATTRIBUTES.items() for name in names],
)
def test_every_class_of_every_attribute_shows(attribute: str, name: str) -> None:
    """Each class differs visibly from every other in some part of a frontal picture."""
    # In sRGB, as pictures are looked at: in linear light dark colours hardly differ.
    shown = srgb_from_linear(frontal(replace(PLAIN, **{attribute: name})))
    for other in ATTRIBUTES[attribute]:
        if other != name:
            against = srgb_from_linear(frontal(replace(PLAIN, **{attribute: other})))
            difference = np.abs(shown - against)
            assert difference.max() > 0.10, f"{name} looks like {other}"


@pytest.mark.parametrize("attribute", [name for name in SHAPE_ATTRIBUTES if name != "hair_volume"])
def test_shape_attributes_show(attribute: str) -> None:
    low, high = (frontal(replace(PLAIN, **{attribute: value})) for value in (0.0, 1.0))
    assert np.abs(low - high).max() > 0.05


def test_skin_tones_keep_their_order_under_any_light() -> None:
    for key in (-0.9, 0.0, 0.9):
        faces = [
            frontal(replace(PLAIN, skin_tone=tone, hair_class="bald"), key=key)
            for tone in ATTRIBUTES["skin_tone"]
        ]
        brightness = [face[..., :3][face[..., 3] == 1.0].mean() for face in faces]
        assert brightness == sorted(brightness, reverse=True)


def test_a_head_seen_from_the_left_is_one_seen_from_the_right_mirrored() -> None:
    """Volume and perspective: the silhouette of a symmetric head mirrors with the camera."""
    bald = replace(PLAIN, hair_class="bald")
    left, front, right = (frontal(bald, yaw=yaw)[..., 3] for yaw in (-0.7, 0.0, 0.7))
    assert np.abs(left - right[:, ::-1]).mean() < 0.01
    assert np.abs(left - front).mean() > 0.02


def test_the_key_light_brightens_its_own_side() -> None:
    bald = replace(PLAIN, hair_class="bald")
    lit_right = frontal(bald, key=1.2)[14:26, :, 1]
    assert lit_right[:, 26:32].mean() > 1.3 * lit_right[:, 16:22].mean()


def test_clothes_and_scarves_tell_nothing_of_the_person() -> None:
    table = _table([PLAIN] * 40, range(40))
    for name in ("cloth_r", "scarf_g", "trim_b", "frame_r"):
        assert table[name].std() > 0.05
    assert len(np.unique(table["neck_depth"])) > 20
    assert not {"cloth_r", "scarf_r", "frame_r"} & person_numbers(PLAIN).keys()


def test_most_poses_are_near_the_front_with_a_tail() -> None:
    table = _table([PLAIN] * 400, range(400))
    yaw = np.arctan2(table["r02"], table["r22"])
    assert 0.6 < (np.abs(yaw) < 0.35).mean() < 0.95
    assert np.abs(yaw).max() > 0.7


@pytest.mark.parametrize(
    ("people", "seeds", "options"),
    [
        ([PLAIN], [1, 2], {}),
        ([PLAIN], [1], {"backend": "numpy"}),
        ([PLAIN], [1], {"backend": "numba", "device": "cuda"}),
    ],
)
def test_bad_calls_are_value_errors(
    people: list[Identity], seeds: list[int], options: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=r"identities|backend"):
        render(people, seeds, **options)  # type: ignore[arg-type]
