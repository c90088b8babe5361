"""What looks at sets of avatars at level `set`: one interface, whoever looks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from components import Arrays
from eval.cases import RunCase
from eval.pipelines.avatar.cases import AvatarCase, AvatarCases
from eval.pipelines.kind import WholeRuns
from eval.reference import ArrayCache, RecordedRun, Reference
from eval.schema import Row


class SetLevel(ABC):
    """Level `set` of avatars of the default table, `AvatarCases.judged`.

    The arguments of its methods are those of `Kind`.
    """

    def __init__(self, cache: ArrayCache) -> None:
        """
        Args:
            cache: Keeps what was seen.
        """
        self.cache = cache

    def looks_at(self, cases: AvatarCases, batch: tuple[RunCase, ...]) -> bool:
        """Whether the runs of a batch are looked at."""
        return batch[0] in cases.judged

    @abstractmethod
    def prepare(self, cases: AvatarCases, reference: Reference, batch: tuple[RunCase, ...]) -> None:
        """Put into the cache what is seen in a reference's pictures of a batch."""

    @abstractmethod
    def see(self, reference: Reference, runs: Sequence[RecordedRun]) -> Arrays:
        """What is seen in an artifact's pictures."""

    @property
    @abstractmethod
    def seen_by(self) -> str:
        """A name for whoever looks."""

    @abstractmethod
    def rows(self, runs: WholeRuns, batches: Sequence[tuple[RunCase, ...]]) -> list[Row]:
        """The rows.

        Args:
            runs: All whole runs.
            batches: The batches that are looked at.
        """


def avatars(batch: Sequence[RunCase]) -> tuple[AvatarCase, ...]:
    """The runs of a batch, which are all of avatars."""
    return tuple(run for run in batch if isinstance(run, AvatarCase))


def batch_key(batch: tuple[RunCase, ...]) -> str:
    """A name for a batch in the cache."""
    return f"{batch[0].key}-{len(batch)}"
