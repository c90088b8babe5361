"""The only change to a design: the hair of Open Peeps gets a colour of its own.

Its licence, CC0, allows changes. Corrections of mistakes are in `_repairs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Element = dict[str, Any]
INK = {"type": "color", "name": "ink"}
HAIR = {"type": "color", "name": "headContrast"}
CLOTHING = {"type": "color", "name": "clothing"}
# Half the width of the widest line that stays black, in units of a canvas of 704 units.
EDGES = {"head": 10, "facialHair": 6}


def with_hair_color(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Open Peeps' definition with hair of a colour of its own.

    Most of its hair is solid black, in one path with the outline of the face, so that hair colours
    could not be told apart. Each such path

        path(fill=ink)

    becomes the same shape in the hair colour, under a black edge inside the shape:

        path(fill=headContrast), clipPath(path), path(stroke=ink, clipped by it)

    Lines that are no wider than twice the edge stay black. Heads and beards to which the designer
    gave a `headContrast` are not changed.
    """
    components = dict(definition["components"])
    for name, edge in EDGES.items():
        variants = {
            variant: {**body, "elements": _colored(body["elements"], f"{name}-{variant}", edge)}
            for variant, body in components[name]["variants"].items()
        }
        components[name] = {**components[name], "variants": variants}
    return {**definition, "components": components}


def _colored(elements: list[Element], key: str, edge: int) -> list[Element]:
    """The elements of one variant, with black shapes coloured."""
    own_color = any(element.get("attributes", {}).get("fill") == HAIR for element in elements)
    if own_color or key.startswith("head-noHair"):
        return elements
    # A headscarf has the colour of the clothes; the hair colour remains for the beard.
    color = CLOTHING if key == "head-hijab" else HAIR
    return [
        new
        for i, old in enumerate(elements)
        for new in _replaced(old, f"{key}-{i}", edge=edge, color=color)
    ]


def _replaced(element: Element, key: str, *, edge: int, color: Element) -> list[Element]:
    attributes = element.get("attributes", {})
    if attributes.get("fill") != INK:
        return [element]
    if element["name"] != "g":
        return _split(attributes, key, edge=edge, color=color)
    inked = (
        {**child, "attributes": {**child["attributes"], "fill": INK}}
        for child in element["children"]
    )
    return [
        new
        for i, old in enumerate(inked)
        for new in _replaced(old, f"{key}-{i}", edge=edge, color=color)
    ]


def _split(attributes: Mapping[str, Any], key: str, *, edge: int, color: Element) -> list[Element]:
    """The coloured shape, and its own edge drawn inside it."""
    shape = {name: value for name, value in attributes.items() if name != "fill"}
    outline = {"type": "element", "name": "path", "attributes": shape}
    stroke = {"d": shape["d"], "fill": "none", "stroke": INK, "stroke-width": str(2 * edge)}
    stroke["clip-path"] = f"url(#{key})"
    return [
        {"type": "element", "name": "path", "attributes": {**shape, "fill": color}},
        {"type": "element", "name": "clipPath", "attributes": {"id": key}, "children": [outline]},
        {"type": "element", "name": "path", "attributes": stroke},
    ]
