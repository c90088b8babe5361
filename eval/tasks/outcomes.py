"""What tasks return that is no finding."""

from __future__ import annotations

from dataclasses import dataclass

from eval.cases import RunCase
from eval.schema import Coverage, Row, Subject


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What is known of all artifacts before anything is run.

    Attributes:
        subjects: The artifacts, in the order of the request.
        quantized: Indices of those that are also compared with a quantized checkpoint.
        runtimes: For each artifact, names of the runtimes that this machine has.
        rows: For each artifact, rows about manifest, size, and what cannot be run.
        components: For each artifact, names of the components that it holds.
        whole: For each artifact, whether these are all, so that it can do whole runs.
        batches: All runs, in batches.
        coverage: As in `Report`.
        seconds: How long the rest takes, estimated.
    """

    subjects: tuple[Subject, ...]
    quantized: tuple[int, ...]
    runtimes: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[Row, ...], ...]
    components: tuple[tuple[str, ...], ...]
    whole: tuple[bool, ...]
    batches: tuple[tuple[RunCase, ...], ...]
    coverage: Coverage
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Crash:
    """The outcome of a task whose process died, or that could not be performed at all."""

    reason: str
