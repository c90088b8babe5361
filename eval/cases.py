"""What artifacts are tried on: people who do not exist, how many of their selfies, style and seed.

Plain records; `eval/plan.py` chooses them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Literal

from eval.results import Where

Mode = Literal["quick", "default", "full"]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Which selfies the encoder sees: the person, and the places of their selfies 0, 1, … among the
    encoder's ten. No places are the null identity."""

    person: int
    places: tuple[int, ...]

    @classmethod
    def first(cls, person: int, count: int) -> Shown:
        """The usual: selfies stand at the beginning."""
        return cls(person=person, places=tuple(range(count)))

    @property
    def detail(self) -> str:
        if self.places == tuple(range(len(self.places))):
            return ""
        return f"selfies at {', '.join(str(place + 1) for place in self.places)}"

    def where(self) -> Where:
        if not self.places:
            return Where(detail="no selfie: the null identity")
        return Where(person=self.person, selfies=len(self.places), detail=self.detail)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One avatar: of whom, in which style, from which seed, in how many steps."""

    shown: Shown
    style: str
    seed: int
    steps: int

    def where(self) -> Where:
        return replace(self.shown.where(), style=self.style, seed=self.seed, steps=self.steps)

    @property
    def key(self) -> str:
        """A name for files."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclass(frozen=True, kw_only=True)
class Cases:
    """All cases of an evaluation.

    Attributes:
        mode: How many.
        styles: The checkpoint's styles by name, in its order.
        spread: Runs of every style and table, whose calls each component is tried on.
        judged: Runs in the default table, of every skin tone and style, for the judge.
        encoded: What the identity encoder is tried on.
    """

    mode: Mode
    styles: tuple[str, ...]
    spread: tuple[Ask, ...]
    judged: tuple[Ask, ...]
    encoded: tuple[Shown, ...]

    @property
    def runs(self) -> tuple[Ask, ...]:
        """All whole runs, each once."""
        return tuple(dict.fromkeys((*self.spread, *self.judged)))

    @property
    def digest(self) -> str:
        """SHA-256 of the definition."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
