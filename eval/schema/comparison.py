"""Pictures of one case side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eval.schema.row import Against, Where
from support.json_records import Number, record


@record
@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Three pictures of one case, as PNG files beside the report.

    Attributes:
        artifact, runtime, against: As in `Row`.
        kind: The `worst` case by PSNR, or the `typical` one, which is the median.
        where: Which case it is.
        metrics: Every metric of this pair of pictures, by name.
        reference: Path of the reference's picture, relative to the report's folder, with `/`.
        test: Path of the artifact's picture.
        difference: Path of the picture of 8·|difference|, clipped.
    """

    artifact: str
    runtime: str
    against: Against
    kind: Literal["worst", "typical"]
    where: Where
    metrics: dict[str, Number]
    reference: str
    test: str
    difference: str
