"""What a gates file can name at each level. A misspelt name would gate nothing, and nobody would
see it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from eval import runtimes
from eval.errors import GatesError
from eval.figures import FIGURES
from eval.results import RUN, Level

DEFAULT = "default"
COMPONENTS = ("identity_encoder", "denoiser", "decoder")
"""Of the avatar's pipeline: no other one is evaluated."""

_BY_RUN: frozenset[Level] = frozenset({"manifest", "trajectory", "image", "set"})
_BY_COMPONENT: frozenset[Level] = frozenset({"weights", "components"})


def figures_of(level: Level) -> tuple[str, ...]:
    """Metrics."""
    return FIGURES[level]


def runtimes_of(level: Level) -> tuple[str, ...]:
    """Runtimes, and what stands before a hyphen in their names; of sizes, kinds of model file."""
    if level == "manifest":
        return (DEFAULT,)
    known = runtimes.known()
    if level == "size":
        return _unique([DEFAULT, *(runtime.kind for runtime in known.values())])
    return _unique([DEFAULT, *known, *(name.partition("-")[0] for name in known)])


def components_of(level: Level) -> tuple[str, ...]:
    """Components, and `RUN` where there are figures of all together."""
    if level in _BY_RUN:
        return (DEFAULT, RUN)
    return (DEFAULT, *COMPONENTS) if level in _BY_COMPONENT else (DEFAULT, RUN, *COMPONENTS)


def require(name: str, known: Iterable[str], *, what: str, where: str) -> None:
    """Raise `GatesError` where a name is not known, with those that are, the nearest first.

    `where` is the file and the place in it; `what` the name is of.
    """
    known = list(known)
    if name not in known:
        offered = _unique([*get_close_matches(name, known), *known])
        raise GatesError(f"{where}: there is no {what} {name!r}, only {', '.join(offered)}")


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
