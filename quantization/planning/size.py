"""How much is measured of a pipeline, by its size: the one place where plans depend on it."""

from __future__ import annotations

from dataclasses import dataclass

LARGE = 100_000_000
"""Parameters from which on a run takes so long that few are measured."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What is measured where a user does not say.

    Attributes:
        runs: Differentiated runs that sensitivities come from.
        projections: Projections of each of them, each of which costs about three times what the
            run does.
        checks: Further runs that plans are verified on.
        curve: Whether uniform bits and other plans are measured too.
    """

    runs: int
    projections: int
    checks: int
    curve: bool

    @classmethod
    def of(cls, parameters: int) -> Effort:
        """The effort for a pipeline of so many parameters."""
        if parameters < LARGE:
            return cls(runs=16, projections=2, checks=16, curve=True)
        return cls(runs=1, projections=1, checks=1, curve=False)
