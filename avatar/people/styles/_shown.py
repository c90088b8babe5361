"""The table `shown.toml`: which attributes each style shows, merges, lacks or hides."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from avatar.people.identity import ATTRIBUTES, Identity

Condition = Mapping[str, Sequence[str]]
"""Holds for a person who has one of the named classes in every named attribute."""


@cache
def table() -> Mapping[str, Mapping[str, Any]]:
    """The whole table; the comment at its top explains the entries."""
    text = (files(__package__) / "shown.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def holds(condition: Condition, identity: Identity) -> bool:
    """Whether a condition of the table holds for the person."""
    return all(getattr(identity, name) in classes for name, classes in condition.items())


def can_draw(identity: Identity, style_name: str) -> bool:
    """Whether the style can draw everything that this person is recognised by."""
    return not any(holds(c, identity) for c in table()[style_name].get("not_drawn", ()))


@cache
def merged_index(style_name: str, attribute: str) -> tuple[int, ...] | None:
    """For each class of the attribute the first class that the style draws alike.

    The result is None where the style does not show the attribute.
    """
    entry = table()[style_name][attribute]
    if entry == "absent":
        return None
    classes = ATTRIBUTES[attribute]
    if entry == "shown":
        return tuple(range(len(classes)))
    first = {name: min(classes.index(n) for n in group) for group in entry for name in group}
    return tuple(first[name] for name in classes)


def drawn_labels(identity: Identity, style_name: str) -> dict[str, int]:
    """The labels that a drawing of this person in the style shows, by attribute."""
    hidden: Mapping[str, Sequence[Condition]] = table()[style_name].get("hidden", {})
    labels: dict[str, int] = {}
    for attribute, index in identity.labels.items():
        merged = merged_index(style_name, attribute)
        covered = any(holds(condition, identity) for condition in hidden.get(attribute, ()))
        if merged is not None and not covered:
            labels[attribute] = merged[index]
    return labels
