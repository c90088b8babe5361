"""Three slips in the definition files, mended; all else stays as the designers drew it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any


def repaired(name: str, definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """The definition of the style `name` without its slip; the one given is left as it is."""
    repairs = {
        "lorelei": with_bare_head,
        "pixel-art": with_white_masks,
        "personas": with_true_blends,
    }
    return repairs[name](definition) if name in repairs else definition


def with_bare_head(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Lorelei with a bald head: hair 34, a head with a tuft, loses the tuft.

    The style draws the head as a part of each hair, so that leaving the hair out leaves nothing.
    """
    mended: dict[str, Any] = copy.deepcopy(dict(definition))
    bald = mended["components"]["hair"]["variants"]["variant34"]
    bald["elements"] = [element for element in bald["elements"] if element["name"] == "head"]
    return mended


def with_white_masks(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Pixel Art with beards of every colour.

    A luminance mask lets through as much as it is bright. The masks of the beards are painted in
    the colour of the hair, so that the darker a beard, the less of it could be seen.
    """
    mended: dict[str, Any] = copy.deepcopy(dict(definition))
    for mask in _nodes(mended):
        if mask.get("name") == "mask":
            for shape in mask["children"]:
                shape["attributes"]["fill"] = "white"
    return mended


def with_true_blends(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Personas with its highlights blended as they say.

    Its faces, curls and beards are lightened by white in mode "overlay", which keeps the hue. But

        g(mask), path(mix-blend-mode)

    has nothing to blend with: a group with a mask is composed apart (W3C Compositing, section
    3.2), and the white becomes a plain veil that turns dark skin and dark hair grey. Each child of
    such a group gets the mask to itself, together with its blend mode:

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
    """Every mapping in a JSON tree."""
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for child in tree:
            yield from _nodes(child)
