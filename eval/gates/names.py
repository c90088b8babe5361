"""What a gates file can name at each level.

A misspelt name would silently gate nothing, so every name is checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from eval.errors import GatesError
from eval.metrics import names_at
from eval.schema import RUN, Level
from export import gates as export_gates
from export import runtimes

DEFAULT = "default"
"""Stands for all runtimes, or all components, that are not named."""

KINDS = ("adapted_avatar", "avatar", "latent_diffusion")
"""The kinds of pipelines, `eval.pipelines`."""

COMPONENTS = (
    *("identity_encoder", "denoiser", "decoder"),
    *("text_encoder", "text_encoder_2", "encoder", "controlnet", "unet"),
)
"""The components of all kinds."""

EXPORT = "export."
"""What a limit begins with that is one of the export's own floors."""

_BY_RUN: frozenset[Level] = frozenset({"manifest", "trajectory", "image", "set"})
_BY_COMPONENT: frozenset[Level] = frozenset({"weights", "components"})


def metrics_of(level: Level) -> tuple[str, ...]:
    """The metrics that gates can name at a level."""
    return names_at(level)


def runtimes_of(level: Level) -> tuple[str, ...]:
    """The runtimes that gates can name at a level, and the part before a hyphen in their names.

    At level `size` they are kinds of model files.
    """
    if level == "manifest":
        return (DEFAULT,)
    known = runtimes.known()
    if level == "size":
        return _unique([DEFAULT, *(runtime.kind for runtime in known.values())])
    return _unique([DEFAULT, *known, *(name.partition("-")[0] for name in known)])


def components_of(level: Level) -> tuple[str, ...]:
    """The components that gates can name at a level; `RUN` stands for all together."""
    if level in _BY_RUN:
        return (DEFAULT, RUN)
    return (DEFAULT, *COMPONENTS) if level in _BY_COMPONENT else (DEFAULT, RUN, *COMPONENTS)


def export_floors() -> dict[str, float]:
    """The export's own floors in dB, by the names that gates files have for them."""
    return {
        f"{EXPORT}{name}": value
        for name, value in vars(export_gates).items()
        if name.isupper() and isinstance(value, float)
    }


def require(name: str, known: Iterable[str], *, what: str, where: str) -> None:
    """Raise `GatesError` unless a name is known; the message has those that are, the nearest first.

    Args:
        name: The name.
        known: The names there are.
        what: What the name stands for.
        where: The file and the place in it.
    """
    known = list(known)
    if name not in known:
        offered = _unique([*get_close_matches(name, known), *known])
        raise GatesError(f"{where}: there is no {what} {name!r}, only {', '.join(offered)}")


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
