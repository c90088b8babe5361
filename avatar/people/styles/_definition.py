"""The designers' definition files, as the package `dicebear-styles` carries them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from dicebear import Style


@cache
def definition(name: str) -> Mapping[str, Any]:
    """The parsed definition file of a style, with `meta`, `components` and `colors`."""
    text = (files("dicebear_styles") / f"{name}.json").read_text(encoding="utf-8")
    parsed: Mapping[str, Any] = json.loads(text)
    return parsed


@cache
def compiled(name: str) -> Style:
    """The style ready to draw; checking its definition takes most of a second, so once only."""
    return Style(_with_white_masks(definition(name)))


def _with_white_masks(node: Any, in_mask: bool = False) -> Any:
    """The definition with every mask painted white instead of in one of the style's colours.

    A luminance mask lets through as much as it is bright. `pixel-art` paints the masks of its
    beards in the colour of the hair, so that a black beard could not be seen; no other style does.
    """
    if isinstance(node, list):
        return [_with_white_masks(child, in_mask) for child in node]
    if not isinstance(node, dict):
        return node
    if in_mask and node.get("type") == "color":
        return "white"
    in_mask = in_mask or node.get("name") == "mask"
    return {key: _with_white_masks(value, in_mask) for key, value in node.items()}
