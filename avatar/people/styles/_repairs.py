"""Corrections of three mistakes in the definition files; all else is as the designers drew it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any


def repaired(name: str, definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """The corrected definition of the style `name`; the argument is not changed."""
    repairs = {
        "lorelei": with_bare_head,
        "pixel-art": with_white_masks,
        "personas": with_true_blends,
    }
    return repairs[name](definition) if name in repairs else definition


def with_bare_head(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Lorelei with a bald head: the tuft of hair 34 is removed.

    The style draws the head as a part of the hair, so without any hair there would be no head.
    """
    mended: dict[str, Any] = copy.deepcopy(dict(definition))
    bald = mended["components"]["hair"]["variants"]["variant34"]
    bald["elements"] = [element for element in bald["elements"] if element["name"] == "head"]
    return mended


def with_white_masks(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Pixel Art with beards of every colour.

    The brighter a luminance mask is, the more it shows. The masks of the beards have the colour of
    the hair, so that dark beards were hardly visible; here the masks are white.
    """
    mended: dict[str, Any] = copy.deepcopy(dict(definition))
    for mask in _nodes(mended):
        if mask.get("name") == "mask":
            for shape in mask["children"]:
                shape["attributes"]["fill"] = "white"
    return mended


def with_true_blends(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Personas with highlights that are blended as its definition says.

    Faces, curls and beards are lightened by white in the mode "overlay", which keeps the hue. But

        g(mask), path(mix-blend-mode)

    has nothing to blend with: a group with a mask is composed separately (W3C Compositing, section
    3.2), and plain white makes dark skin and dark hair grey. Here each child of such a group has
    the mask of its own, together with its blend mode:

        g(mask, mix-blend-mode), path
    """
    mended: dict[str, Any] = copy.deepcopy(dict(definition))
    for group in list(_nodes(mended)):
        if group.get("name") != "g" or "mask" not in group["attributes"]:
            continue
        if any("style" in child["attributes"] for child in group["children"]):
            mask = group["attributes"].pop("mask")
            group["children"] = [_masked(child, mask) for child in group["children"]]
    return mended


def _masked(child: dict[str, Any], mask: str) -> dict[str, Any]:
    attributes = {"mask": mask}
    if "style" in child["attributes"]:
        attributes["style"] = child["attributes"].pop("style")
    return {"type": "element", "name": "g", "attributes": attributes, "children": [child]}


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """All mappings in a JSON tree."""
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for child in tree:
            yield from _nodes(child)
