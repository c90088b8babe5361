"""The cases of avatars: synthetic people, their selfies, style, seed and steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from eval.cases import Cases, RunCase
from eval.schema import Where

SET_SIZE = 4
"""Avatars in a set: one person in one style, from consecutive seeds."""


@dataclass(frozen=True, kw_only=True)
class SelfieSet:
    """Selfies of one person, as the identity encoder gets them.

    Attributes:
        person: Seed of the person; of the user's own people the index in order of their folders.
        slots: For each of the person's selfies 0, 1, … its index among the encoder's inputs; no
            slots stand for the null identity.
        photos: Digest of the person's selfies where they are the user's own, else empty.
    """

    person: int
    slots: tuple[int, ...]
    photos: str = ""

    @classmethod
    def first(cls, person: int, count: int, photos: str = "") -> SelfieSet:
        """The usual case: `count` selfies in the first slots."""
        return cls(person=person, slots=tuple(range(count)), photos=photos)

    @property
    def detail(self) -> str:
        """The slots in words, counted from 1; empty in the usual case."""
        if self.slots == tuple(range(len(self.slots))):
            return ""
        return f"selfies at {', '.join(str(slot + 1) for slot in self.slots)}"

    def where(self) -> Where:
        """The case as reports name it."""
        if not self.slots:
            return Where(detail="no selfie: the null identity")
        return Where(person=self.person, selfies=len(self.slots), detail=self.detail)

    def definition(self) -> dict[str, Any]:
        """All that decides the case; see `AvatarCase.definition`."""
        own = {"photos": self.photos} if self.photos else {}
        return {"person": self.person, "places": self.slots, **own}


@dataclass(frozen=True, kw_only=True)
class AvatarCase(RunCase):
    """One run from selfies to an avatar.

    Attributes:
        selfies: The selfies.
        style: Name of the style.
        seed, steps: As in `RunCase`.
    """

    selfies: SelfieSet
    style: str

    def where(self) -> Where:
        return replace(self.selfies.where(), style=self.style, seed=self.seed, steps=self.steps)

    def definition(self) -> dict[str, Any]:
        """All that decides the case.

        Its keys are those of the first release: baselines are compared by the digest of all cases,
        and renaming a field of a class must not change that.
        """
        return {
            "shown": self.selfies.definition(),
            "style": self.style,
            "seed": self.seed,
            "steps": self.steps,
        }


@dataclass(frozen=True, kw_only=True)
class AvatarCases(Cases):
    """All cases of an evaluation.

    Attributes:
        mode: How much is measured.
        styles: Names of the checkpoint's styles, in its order.
        spread: Runs of every style and sampler table; each component is tried on their calls.
        judged: Runs in the default table, of every person and style, for the level `set`.
        encoded: What the identity encoder is tried on.
        calls: How many calls each component is tried on at most; 0 for all that `spread` makes.
    """

    styles: tuple[str, ...]
    spread: tuple[AvatarCase, ...]
    judged: tuple[AvatarCase, ...]
    encoded: tuple[SelfieSet, ...]
    calls: int = 0

    @property
    def most_calls(self) -> int:
        return self.calls

    @property
    def runs(self) -> tuple[AvatarCase, ...]:
        return tuple(dict.fromkeys((*self.spread, *self.judged)))

    @property
    def timed(self) -> tuple[AvatarCase, ...]:
        """A set of avatars."""
        first = self.judged[0]
        return tuple(replace(first, seed=first.seed + offset) for offset in range(SET_SIZE))

    def definition(self) -> dict[str, Any]:
        return {
            "mode": self.mode.name,
            "styles": self.styles,
            "spread": [run.definition() for run in self.spread],
            "judged": [run.definition() for run in self.judged],
            "encoded": [selfies.definition() for selfies in self.encoded],
        }

    def _together(self) -> tuple[RunCase, ...]:
        return self.judged
