"""The kinds of changes to an artifact, and what an evaluation must find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eval.schema import RUN

BY_ITSELF = ("manifest", "weights", "components", "size")
"""The levels of files and components, which suffice for what is wrong inside a component."""
RUNS = ("trajectory", "image")
ALL = ("manifest", "weights", "components", "trajectory", "image", "set", "size")
"""The levels in their order; the first one that fails names a defect."""

Plant = Callable[[Path], None]
"""Changes an artifact's folder in place."""


@dataclass(frozen=True, kw_only=True)
class Defect:
    """A fault, and how it must be named.

    Attributes:
        name: What is wrong.
        base: The good artifact it is planted into (`bases.NAMES`).
        plant: How.
        level: The first level that must fail.
        components: The components that must fail at that level, and no others.
        weight: Where the weights level must name one: the parameter.
        layer: Where the search must name one: the layer, with and without the weights level.
        also: Other levels that must fail too.
        levels: Those that are tried.
        mode: Of the evaluation.
    """

    name: str
    base: str
    plant: Plant
    level: str = "components"
    components: tuple[str, ...] = (RUN,)
    weight: str = ""
    layer: str = ""
    also: tuple[str, ...] = ()
    levels: tuple[str, ...] = BY_ITSELF
    mode: str = "quick"


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A folder that must be refused with one clear line and exit code 2.

    `sign` says whether the manifest is signed anew; `reason` is part of the line.
    """

    name: str
    base: str
    plant: Plant
    reason: str
    sign: bool = False


@dataclass(frozen=True, kw_only=True)
class Harmless:
    """A change that must pass every gate. `threads` is the evaluation's number of threads."""

    name: str
    base: str
    plant: Plant
    levels: tuple[str, ...] = BY_ITSELF
    threads: int = 1


Change = Defect | Broken | Harmless
