"""Everything that can go wrong in this room.

EvalError (UserError)
├── ReportError             the file is no report of an evaluation
│   └── BaselineError       the earlier report's figures cannot be compared with this one's
├── GatesError              the gates cannot be read
├── SubjectError            the artifact or the checkpoint cannot be evaluated
│   └── OtherCheckpointError    the artifact was made from another checkpoint or recipe
└── WorkerError             a process that computes the reference died, or a cluster is unusable

A gate that fails is no error: it stands in the report, and the exit code is 1. A runtime that this
machine lacks raises `export.UnavailableError`, which becomes a row of the report.
"""

from __future__ import annotations

from support.errors import UserError


class EvalError(UserError):
    """Base of the errors that a caller can cause; its message is one clear line."""


class ReportError(EvalError):
    """The file is not a report, has another schema version, or is malformed."""


class BaselineError(ReportError):
    """The earlier report measured other cases, so its figures cannot be compared."""


class GatesError(EvalError):
    """The gates file is missing, is not TOML, or names something that does not exist."""


class SubjectError(EvalError):
    """The artifact or the checkpoint cannot be evaluated."""


class OtherCheckpointError(SubjectError):
    """The artifact was made from another checkpoint or recipe than it is compared with."""


class WorkerError(EvalError):
    """A process that computes the reference died, or the cluster cannot be reached or used."""
