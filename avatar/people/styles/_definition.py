"""The designers' definition files, which the package `dicebear-styles` contains."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from dicebear import Style

from ._remix import with_hair_color
from ._repairs import repaired


@cache
def definition(name: str) -> Mapping[str, Any]:
    """The parsed definition file of a style, with `meta`, `components` and `colors`."""
    text = (files("dicebear_styles") / f"{name}.json").read_text(encoding="utf-8")
    parsed: Mapping[str, Any] = json.loads(text)
    return parsed


@cache
def compiled(name: str) -> Style:
    """The style, ready to draw. It is kept, because checking a definition takes nearly a second."""
    source = repaired(name, definition(name))
    return Style(with_hair_color(source) if name == "open-peeps" else source)
