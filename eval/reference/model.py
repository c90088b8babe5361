"""What can do whole runs over any runtime's components, with all intermediate values."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from components import Arrays, Runner
from eval.cases import Cases, RunCase
from eval.schema import Where

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """What occurs in one run.

    Attributes:
        latents: The latents after each step, each (B,C,h,w).
        picture: The picture (B,3,H,W) in [0,1].
        values: What else the kind of pipeline keeps of a run, by name.
    """

    latents: tuple[Array, ...]
    picture: Array
    values: Mapping[str, Array] = field(default_factory=dict)

    def arrays(self) -> dict[str, Array]:
        """The run as named arrays for a file; `RecordedRun.of(run.arrays())` is the same run."""
        latents = {f"{_LATENTS}{index:03d}": array for index, array in enumerate(self.latents)}
        values = {f"{_VALUES}{name}": array for name, array in self.values.items()}
        return {"picture": self.picture, **latents, **values}

    @classmethod
    def of(cls, arrays: Arrays) -> RecordedRun:
        """The run that `arrays` gave."""
        return cls(
            latents=tuple(arrays[name] for name in sorted(arrays) if name.startswith(_LATENTS)),
            picture=arrays["picture"],
            values={
                name.removeprefix(_VALUES): array
                for name, array in arrays.items()
                if name.startswith(_VALUES)
            },
        )


_LATENTS, _VALUES = "latents.", "values."


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a component, recorded from the reference's runs.

    Attributes:
        component: Name of the component.
        where: The case.
        inputs: Its inputs, as the checkpoint takes them.
        outputs: What the reference gave in that run; None where no run had this call.
    """

    component: str
    where: Where
    inputs: Arrays = field(repr=False)
    outputs: Arrays | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """A name for files in the cache."""
        digest = hashlib.sha256()
        for name, array in sorted(self.inputs.items()):
            digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:20]


def evenly_spread(made: Sequence[Call], most: int) -> tuple[Call, ...]:
    """The calls, or `most` of them if it is not 0, evenly spread from the first to the last."""
    if not most or len(made) <= most:
        return tuple(made)
    return tuple(made[i] for i in np.linspace(0, len(made) - 1, most).round().astype(int))


class Model(ABC):
    """Components and the constants of a run: a checkpoint's, or those of an artifact's manifest."""

    def __init__(self, runners: Mapping[str, Runner], *, keep: bool = False) -> None:
        """
        Args:
            runners: The components, ready to run.
            keep: Whether to keep latents and pictures of all runs in memory.
        """
        self.runners = runners
        self._runs: dict[RunCase, RecordedRun] | None = {} if keep else None

    def draw(self, run: RunCase) -> RecordedRun:
        """Do one whole run.

        Raises:
            ValueError: The model was not made for the run's number of steps.
        """
        if self._runs is None:
            return self._draw(run)
        if run not in self._runs:
            drawn = self._draw(run)
            self._runs[run] = RecordedRun(latents=drawn.latents, picture=drawn.picture)
        return self._runs[run]

    @property
    @abstractmethod
    def steps(self) -> tuple[int, ...]:
        """Number of steps of every sampler table, the default's first."""

    @abstractmethod
    def timesteps(self, steps: int) -> tuple[float, ...]:
        """The timesteps of a run of that number of steps."""

    @abstractmethod
    def call_counts(self, run: RunCase) -> dict[str, int]:
        """How often a run calls each component."""

    @abstractmethod
    def calls(
        self, cases: Cases, recorded: Callable[[RunCase], RecordedRun]
    ) -> dict[str, tuple[Call, ...]]:
        """Every call that components are tried on, by component.

        Args:
            cases: The cases.
            recorded: Gives a run of this model.
        """

    @abstractmethod
    def _draw(self, run: RunCase) -> RecordedRun:
        """Do one whole run; see `draw`."""
