"""The cases that artifacts are tried on, as far as every kind of pipeline has them.

These are plain records; each kind in `eval.pipelines` has its own ones and chooses them.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from eval.cases.modes import Mode
from eval.schema import Where


@dataclass(frozen=True, kw_only=True)
class RunCase(ABC):
    """One whole run.

    Attributes:
        seed: Seed of the noise.
        steps: Number of sampler steps.
    """

    seed: int
    steps: int

    @abstractmethod
    def where(self) -> Where:
        """The case as reports name it; no two runs of an evaluation have the same name."""

    @abstractmethod
    def definition(self) -> dict[str, Any]:
        """All that decides the case, as JSON; baselines are compared by the digest of all cases."""

    @property
    def key(self) -> str:
        """A name for files in the cache."""
        text = json.dumps(self.definition(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclass(frozen=True, kw_only=True)
class Cases(ABC):
    """All cases of an evaluation.

    Attributes:
        mode: How much is measured.
        spread: Runs of every kind there is; each component is tried on their calls.
    """

    mode: Mode
    spread: tuple[RunCase, ...]

    @property
    @abstractmethod
    def runs(self) -> tuple[RunCase, ...]:
        """All runs, each once."""

    @property
    @abstractmethod
    def timed(self) -> tuple[RunCase, ...]:
        """The runs that are timed together, as an app does them one after the other."""

    @property
    def most_calls(self) -> int:
        """How many calls each component is tried on at most; 0 for all that `spread` makes."""
        return 0

    @abstractmethod
    def definition(self) -> dict[str, Any]:
        """All that decides the cases, as JSON."""

    @property
    def digest(self) -> str:
        """SHA-256 of the definition of all cases."""
        text = json.dumps(self.definition(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def batches(self) -> tuple[tuple[RunCase, ...], ...]:
        """All runs in batches of one sampler table each; those that come first stay together."""
        return tuple(self._batches())

    def _batches(self) -> Iterator[tuple[RunCase, ...]]:
        first = self._together()
        yield from self._cut(first)
        taken = set(first)
        rest = sorted((run for run in self.runs if run not in taken), key=lambda run: run.steps)
        for _, group in groupby(rest, key=lambda run: run.steps):
            yield from self._cut(tuple(group))

    def _together(self) -> tuple[RunCase, ...]:
        """Runs in one sampler table that share batches with no others."""
        return ()

    def _cut(self, runs: tuple[RunCase, ...]) -> Iterator[tuple[RunCase, ...]]:
        size = self.mode.batch
        yield from (runs[start : start + size] for start in range(0, len(runs), size))
