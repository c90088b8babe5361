"""The designers' styles: an identity, a style and a seed come in, a drawing goes out.

Each style has a file beside this one that turns an identity into DiceBear options, and a section in
`shown.toml` that says which attributes its drawings show. Licence, creator and source are read from
the designers' own definition files.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import cast

import numpy as np
from numpy.typing import NDArray

from avatar.people.errors import NotDrawnError, UnknownStyleError
from avatar.people.identity import Identity

from . import _shown
from ._choice import person_digest
from ._definition import definition
from ._raster import rasterize

__all__ = [
    "STYLES",
    "DesignerStyle",
    "can_draw",
    "draw",
    "draw_options",
    "drawn_labels",
    "merged_classes",
    "style_named",
]

Options = Callable[[Identity, np.random.Generator], dict[str, object]]


@dataclass(frozen=True, kw_only=True)
class DesignerStyle:
    """A style and its origin.

    Attributes:
        name: Lower-case letters, digits and hyphens.
        title: The name for users.
        tier: "free" or "plus".
        licence: Name of the licence of the drawings.
        licence_url: Address of the licence.
        creator: Who designed the style.
        creator_url: Address of the creator.
        source: Name of the original work.
        source_url: Address of the original work.
    """

    name: str
    title: str
    tier: str
    licence: str
    licence_url: str
    creator: str
    creator_url: str
    source: str
    source_url: str


def _designer_style(name: str, tier: str) -> DesignerStyle:
    meta = definition(name)["meta"]
    return DesignerStyle(
        name=name,
        title=name.replace("-", " ").title(),
        tier=tier,
        licence=meta["license"]["name"],
        licence_url=meta["license"]["url"],
        creator=meta["creator"]["name"],
        creator_url=meta["creator"]["url"],
        source=meta["source"]["name"],
        source_url=meta["source"]["url"],
    )


STYLES: tuple[DesignerStyle, ...] = (
    _designer_style("lorelei", "free"),
    _designer_style("open-peeps", "free"),
    _designer_style("pixel-art", "free"),
    _designer_style("adventurer", "plus"),
    _designer_style("personas", "plus"),
    _designer_style("avataaars", "plus"),
)
"""The built-in styles; the index of a style is the one that the model takes."""


def style_named(name: str) -> DesignerStyle:
    """The built-in style with this name.

    Raises:
        UnknownStyleError: There is none.
    """
    for style in STYLES:
        if style.name == name:
            return style
    known = ", ".join(style.name for style in STYLES)
    raise UnknownStyleError(f"no style is named {name!r}; there are {known}")


@cache
def _options_of(style_name: str) -> Options:
    module = import_module(f"{__name__}.{style_named(style_name).name.replace('-', '_')}")
    return cast(Options, module.options)


def can_draw(identity: Identity, style_name: str) -> bool:
    """Whether the style can draw this person recognisably; some have no headscarf, for example."""
    return _shown.can_draw(identity, style_named(style_name).name)


def drawn_labels(identity: Identity, style_name: str) -> dict[str, int]:
    """The class index of each labelled attribute that this person's drawing in the style shows.

    Classes that the style draws alike have the index of the first of them.
    """
    return _shown.drawn_labels(identity, style_named(style_name).name)


def merged_classes(style_name: str, attribute: str) -> tuple[int, ...] | None:
    """For each class of an attribute the index of the first class that the style draws alike.

    The result is None where the style does not show the attribute.
    """
    return _shown.merged_index(style_named(style_name).name, attribute)


def draw_options(identity: Identity, style_name: str, seed: int) -> dict[str, object]:
    """The DiceBear options that `draw` uses for the same arguments; they fix every component."""
    if not can_draw(identity, style_name):
        raise NotDrawnError(f"{style_name} has nothing to draw {identity.hair_class} hair with")
    rng = np.random.default_rng([seed, zlib.crc32(style_name.encode()), person_digest(identity)])
    return _options_of(style_name)(identity, rng)


def draw(identity: Identity, style_name: str, seed: int) -> NDArray[np.uint8]:
    """Draw a person in a style; returns (256,256,3) uint8 sRGB without transparency.

    What makes the person recognisable depends on the identity; expression, clothes, background and
    framing depend on the seed, which is any non-negative integer. The same arguments give the same
    picture.

    Raises:
        UnknownStyleError: No style has that name.
        NotDrawnError: `can_draw` is false.
    """
    return rasterize(style_name, draw_options(identity, style_name, seed))
