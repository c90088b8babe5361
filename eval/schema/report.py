"""The whole report, as it stands in `report.json`.

Law: `Report.parse(report.dump()) == report`. JSON has no infinity, so infinite numbers are the
strings "inf" and "-inf". NaN does not occur: a value that is no number scores -inf (or inf where
less is better), so that it passes no gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eval.errors import ReportError
from eval.schema.comparison import Comparison
from eval.schema.context import Baseline, Coverage, Environment, Subject
from eval.schema.cost import Cost
from eval.schema.layers import LayerSearch
from eval.schema.row import Row
from eval.schema.series import Series
from support import json_records
from support.json_records import record

SCHEMA_VERSION = 1
SCHEMA_ADDRESS = "urn:pocket-avatar:report:1"
"""The `$id` of the published schema."""


@record
@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that an evaluation found.

    Attributes:
        mode: `quick`, `default` or `full`.
        environment: The machine and the libraries.
        coverage: The cases.
        subjects: The evaluated artifacts, in the order in which the user named them.
        rows: One for each figure.
        series: Metrics along the sampler's timesteps.
        searches: Layer-by-layer comparisons.
        costs: Seconds, memory and work.
        comparisons: Pictures side by side.
        baseline: The earlier report that this one is compared with, if there is one.
        schema_version: The version of this schema, 1.
    """

    mode: str
    environment: Environment
    coverage: Coverage
    subjects: tuple[Subject, ...]
    rows: tuple[Row, ...]
    series: tuple[Series, ...] = ()
    searches: tuple[LayerSearch, ...] = ()
    costs: tuple[Cost, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    baseline: Baseline | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def failures(self) -> tuple[Row, ...]:
        """The rows that failed, in their order."""
        return tuple(row for row in self.rows if row.verdict == "failed")

    @property
    def passed(self) -> bool:
        """Whether no row failed and at least one gate of every artifact passed."""
        proven = {row.artifact for row in self.rows if row.verdict == "passed"}
        return not self.failures and all(subject.name in proven for subject in self.subjects)

    def dump(self) -> bytes:
        """The report as JSON: UTF-8, two spaces, a newline at the end.

        Equal reports give equal bytes.
        """
        return json_records.dump(self)

    @classmethod
    def parse(cls, data: bytes) -> Report:
        """Read a report.

        Raises:
            ReportError: `data` is not JSON, has another schema version, or a field is missing,
                unknown or of another type.
        """
        values = json_records.parse(data, ReportError)
        version = values.get("schema_version") if isinstance(values, dict) else None
        if version != SCHEMA_VERSION:
            raise ReportError(f"the report has schema version {version}, expected {SCHEMA_VERSION}")
        return json_records.read(cls, data, ReportError)


def schema() -> dict[str, Any]:
    """The JSON Schema of `report.json`, for programs that validate or read it."""
    return json_records.schema(Report, title="Fidelity report", address=SCHEMA_ADDRESS)
