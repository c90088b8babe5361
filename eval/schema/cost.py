"""What a component, or a whole run, costs in a runtime."""

from __future__ import annotations

from dataclasses import dataclass

from eval.schema.numbers import refuse_nan
from support.json_records import Number, record


@record
@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a component, or a whole run, costs in a runtime.

    Attributes:
        artifact: Name of the evaluated artifact; empty for PyTorch.
        runtime: What executed it; `REFERENCE_RUNTIME` is PyTorch, timed in the same evaluation.
        component: The component, or `RUN` for everything from what a user gives to the pictures.
        avatars: Number of pictures that are drawn, a set of avatars or one picture; 0 for a
            component.
        load: Seconds from the file to a component that is ready to run.
        cold: Seconds of the first call.
        warm: Seconds of each later call, in their order.
        ratio: Median of the warm calls' ratios to PyTorch's, timed in turn; below 1 is faster.
        peak_bytes: By how many bytes the resident memory of the process grew at most while it was
            loaded and run; None where the system cannot tell.
        file_bytes: Bytes of the model's files; 0 for PyTorch.
        gmac: Multiply-accumulates of a call, in 10^9, estimated; None where not counted.
        moved_bytes: Bytes that a call reads and writes, weights and activations once each,
            estimated; None where not counted.
    """

    artifact: str
    runtime: str
    component: str
    avatars: int = 0
    load: Number
    cold: Number
    warm: tuple[Number, ...]
    ratio: Number | None = None
    peak_bytes: int | None = None
    file_bytes: int = 0
    gmac: Number | None = None
    moved_bytes: int | None = None

    def __post_init__(self) -> None:
        refuse_nan(self)
