"""Reads `shown.toml`: which attributes each style shows, merges, leaves out or hides."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from avatar.people.identity import ATTRIBUTES, Identity

Condition = Mapping[str, Sequence[str]]
"""True of a person whose every named attribute is of one of the named classes."""


@cache
def table() -> Mapping[str, Mapping[str, Any]]:
    """The whole checked-in table; its own first lines explain its words."""
    text = (files(__package__) / "shown.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def holds(condition: Condition, identity: Identity) -> bool:
    """Whether the person meets a condition of the table."""
    return all(getattr(identity, name) in classes for name, classes in condition.items())


def can_draw(identity: Identity, style_name: str) -> bool:
    """Whether the style has what this person cannot be recognised without."""
    return not any(holds(c, identity) for c in table()[style_name].get("not_drawn", ()))


@cache
def merged_index(style_name: str, attribute: str) -> tuple[int, ...] | None:
    """For each class of the attribute the class it is scored as; None where the style is blind."""
    entry = table()[style_name][attribute]
    if entry == "absent":
        return None
    classes = ATTRIBUTES[attribute]
    if entry == "shown":
        return tuple(range(len(classes)))
    first = {name: min(classes.index(n) for n in group) for group in entry for name in group}
    return tuple(first[name] for name in classes)


def drawn_labels(identity: Identity, style_name: str) -> dict[str, int]:
    """The labels that a drawing of this person in this style really shows."""
    hidden: Mapping[str, Sequence[Condition]] = table()[style_name].get("hidden", {})
    labels: dict[str, int] = {}
    for attribute, index in identity.labels.items():
        merged = merged_index(style_name, attribute)
        covered = any(holds(condition, identity) for condition in hidden.get(attribute, ()))
        if merged is not None and not covered:
            labels[attribute] = merged[index]
    return labels
