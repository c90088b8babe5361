"""From an identity to the numbers of its head: what all selfies of one person share."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from avatar.people.identity import EYE_COLORS, HAIR_COLORS, SKIN_TONES, Identity

from ._color import linear_from_hex
from ._hair_classes import HAIR_CLASSES, NO_HAIR

Numbers = dict[str, float]

# Shape attribute: (parameter, at 0, at 1).
_SHAPE: Mapping[str, tuple[tuple[str, float, float], ...]] = {
    "face_width": (("face_width", 0.92, 1.08),),
    "face_length": (("face_height", 0.95, 1.07),),
    "jaw_width": (("jaw_half", 0.42, 0.58), ("lower_width", -0.10, 0.10)),
    "chin_length": (("chin_y", -0.77, -0.87), ("chin_radius", 0.14, 0.19), ("chin_z", 0.42, 0.50)),
    "cheek_fullness": (("cheek_radius", 0.15, 0.24),),
    "nose_width": (("nose_width", 0.065, 0.130),),
    "nose_length": (("nose_length", -0.04, 0.06), ("nose_z", 0.80, 0.90)),
    "nose_bridge": (("nose_bridge", 0.050, 0.074),),
    "brow_thickness": (("brow_thickness", 0.024, 0.050), ("brow_ridge", 0.05, 0.095)),
    "brow_height": (("brow_y", 0.205, 0.260),),
    "eye_size": (("eye_radius", 0.158, 0.184), ("lid_half", 0.135, 0.160), ("lid_rise", 0.9, 1.2)),
    "eye_spacing": (("eye_x", 0.258, 0.308),),
    "eye_tilt": (("eye_tilt", -0.08, 0.15),),
    "mouth_width": (("mouth_width", 0.165, 0.230),),
    "lip_fullness": (("lip_height", 0.038, 0.068),),
    "ear_size": (("ear_size", 0.19, 0.26),),
    "neck_width": (("neck_radius", 0.31, 0.43), ("shoulder_width", 0.66, 0.90)),
}

_AGE = {"young": 0.0, "middle": 0.6, "old": 1.0}


def _color(name: str, rgb: np.ndarray) -> Numbers:
    return {f"{name}_{channel}": float(value) for channel, value in zip("rgb", rgb, strict=True)}


def _shape(identity: Identity) -> Numbers:
    numbers = {
        parameter: low + (high - low) * getattr(identity, attribute)
        for attribute, ranges in _SHAPE.items()
        for parameter, low, high in ranges
    }
    numbers["jaw_inverse"] = 1.0 / numbers.pop("jaw_half")
    numbers["age"] = _AGE[identity.age]
    # Noses and ears go on growing, lips thin.
    numbers["nose_length"] += 0.02 * numbers["age"]
    numbers["ear_size"] *= 1.0 + 0.10 * numbers["age"]
    numbers["lip_height"] *= 1.0 - 0.18 * numbers["age"]
    return numbers


def _hair(identity: Identity) -> Numbers:
    changes = HAIR_CLASSES[identity.hair_class]
    numbers = dict(NO_HAIR)
    numbers.update({name: value for name, value in changes.items() if name[-1] != "+"})
    for name, value in changes.items():
        if name[-1] == "+":
            numbers[name[:-1]] += value * identity.hair_volume
    thickness = numbers.pop("thickness")
    numbers["cap_ix"] = 1.0 / (0.70 + thickness)
    numbers["cap_iy"] = 1.0 / (0.73 + 1.25 * thickness)
    numbers["cap_iz"] = 1.0 / (0.90 + 0.9 * thickness)
    return numbers


def _colors(identity: Identity) -> Numbers:
    skin = linear_from_hex(SKIN_TONES[identity.skin_tone])
    hair = linear_from_hex(HAIR_COLORS[identity.hair_color])
    iris = linear_from_hex(EYE_COLORS[identity.eye_color]) * 1.5
    light = float(skin[0] > 0.30)
    gray = linear_from_hex(HAIR_COLORS["gray"])
    # Brows are a little darker than hair, fair ones clearly so, and gray with age.
    brow = hair * np.where(hair.mean() > 0.25, 0.45, 0.8)
    graying = {"young": 0.0, "middle": 0.25, "old": 0.75}[identity.age]
    brow = brow + (gray * 0.9 - brow) * graying
    lips = np.array([0.86, 0.50, 0.56]) if light else np.array([1.02, 0.78, 0.92])
    return {
        **_color("skin", skin),
        **_color("hair", hair),
        **_color("iris", iris),
        **_color("brow", brow),
        **_color("lip", lips),
        "blush": 0.4 + 0.6 * light,
    }


def person_numbers(identity: Identity) -> Numbers:
    """Parameters of the head that follow from who it is."""
    beard = identity.facial_hair
    glasses = identity.glasses
    square = glasses == "square"
    return {
        **_shape(identity), **_hair(identity), **_colors(identity),
        "full_beard": float(beard == "full"), "goatee": float(beard == "goatee"),
        "moustache": float(beard == "moustache"), "stubble": float(beard == "stubble"),
        "beard_length": {"full": 0.10, "goatee": 0.085, "moustache": 0.05}.get(beard, 0.0),
        "freckles": float(identity.freckles == "yes"),
        "has_glasses": float(glasses != "none"), "has_earrings": float(identity.earrings == "yes"),
        "dark_lens": float(glasses == "sunglasses"), "lens_square": 0.85 if square else 0.0,
        "lens_radius": {"round": 0.205, "square": 0.195, "sunglasses": 0.235}.get(glasses, 0.2),
    }  # fmt: skip
