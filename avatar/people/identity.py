"""Who a person is: the attributes that all their selfies and all their avatars share.

The *labelled* attributes can be seen in selfies and in drawings; they are labels for training. The
*shape* attributes can be seen in selfies only; no designer's style draws them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

# The attributes are independent of one another, so that a model trained on these people cannot
# learn that, for example, grey hair implies glasses. Skin tone, hair class and hair colour are
# uniform, so that no group is rare in training or in a score.
DISTRIBUTIONS: Mapping[str, Mapping[str, float]] = {
    "skin_tone": {f"tone_{i}": 1 / 8 for i in range(1, 9)},
    "hair_class": {
        name: 1 / 12
        for name in (
            "bald",
            "buzz",
            "short_straight",
            "short_curly",
            "side_part",
            "afro",
            "bob",
            "long_straight",
            "long_wavy",
            "bun",
            "braids",
            "headscarf",
        )
    },
    "hair_color": {
        name: 1 / 8
        for name in (
            "black",
            "dark_brown",
            "light_brown",
            "auburn",
            "ginger",
            "blond",
            "gray",
            "white",
        )
    },
    "facial_hair": {
        "none": 0.52,
        "stubble": 0.12,
        "moustache": 0.12,
        "goatee": 0.12,
        "full": 0.12,
    },
    "glasses": {"none": 0.52, "round": 0.16, "square": 0.16, "sunglasses": 0.16},
    "freckles": {"no": 0.75, "yes": 0.25},
    "earrings": {"no": 0.7, "yes": 0.3},
    "age": {"young": 1 / 3, "middle": 1 / 3, "old": 1 / 3},
}
"""The classes of each labelled attribute, with their probabilities."""

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    name: tuple(classes) for name, classes in DISTRIBUTIONS.items()
}
"""The classes of each labelled attribute; a label is an index into them."""

# sRGB, light to dark. The renderer converts them to linear light; the styles use them unchanged.
SKIN_TONES: Mapping[str, str] = {
    "tone_1": "#fbe0d0",
    "tone_2": "#f2c4a2",
    "tone_3": "#e2a67c",
    "tone_4": "#c98a5c",
    "tone_5": "#ab6c42",
    "tone_6": "#86502f",
    "tone_7": "#613821",
    "tone_8": "#3f2416",
}

HAIR_COLORS: Mapping[str, str] = {
    "black": "#17130f",
    "dark_brown": "#3d2616",
    "light_brown": "#84572f",
    "auburn": "#7a2c1a",
    "ginger": "#cf6420",
    "blond": "#e3bd66",
    "gray": "#8d8d8f",
    "white": "#ebe9e4",
}

EYE_COLORS: Mapping[str, str] = {
    "brown": "#4a2c17",
    "dark_brown": "#2b1810",
    "hazel": "#7a5a2c",
    "green": "#4d7346",
    "blue": "#3f74a8",
    "gray": "#74828a",
}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The attributes of one person.

    Labelled attributes are names of classes in `ATTRIBUTES`. Shape attributes are numbers in [0,1],
    with the average face at 0.5. `eye_color` is a name in `EYE_COLORS`.
    """

    skin_tone: str
    hair_class: str
    hair_color: str
    facial_hair: str
    glasses: str
    freckles: str
    earrings: str
    age: str

    eye_color: str
    face_width: float
    face_length: float
    jaw_width: float
    chin_length: float
    cheek_fullness: float
    nose_width: float
    nose_length: float
    nose_bridge: float
    brow_thickness: float
    brow_height: float
    eye_size: float
    eye_spacing: float
    eye_tilt: float
    mouth_width: float
    lip_fullness: float
    ear_size: float
    neck_width: float
    hair_volume: float

    def __post_init__(self) -> None:
        for name, classes in ATTRIBUTES.items():
            if getattr(self, name) not in classes:
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected one of {classes}")
        if self.eye_color not in EYE_COLORS:
            raise ValueError(f"eye_color is {self.eye_color!r}, expected one of {(*EYE_COLORS,)}")
        for name in SHAPE_ATTRIBUTES:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected a number in [0, 1]")

    @property
    def labels(self) -> dict[str, int]:
        """The class index of each labelled attribute, in the order of `ATTRIBUTES`."""
        return {name: classes.index(getattr(self, name)) for name, classes in ATTRIBUTES.items()}


SHAPE_ATTRIBUTES: tuple[str, ...] = tuple(
    field.name for field in fields(Identity) if field.type == "float"
)


def sample_identity(seed: int) -> Identity:
    """The person of a seed, which is any non-negative integer; the same one at every call."""
    rng = np.random.default_rng(seed)
    values: dict[str, object] = {
        name: str(rng.choice(list(classes), p=list(classes.values())))
        for name, classes in DISTRIBUTIONS.items()
    }
    values["eye_color"] = str(rng.choice(list(EYE_COLORS)))
    # A triangular distribution keeps most faces near the average, as among real people.
    values.update({name: float(rng.triangular(0.0, 0.5, 1.0)) for name in SHAPE_ATTRIBUTES})
    return Identity(**values)  # type: ignore[arg-type]
