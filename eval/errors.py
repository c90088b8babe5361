"""Everything that can go wrong in this room.

EvalError (UserError)
├── ReportError             the file is no report of an evaluation
│   └── BaselineError       the earlier report's figures cannot be compared with this one's
├── GatesError              the gates cannot be read
├── SubjectError            what shall be evaluated cannot be
│   └── StrangerError       the artifact was made from another checkpoint or recipe
├── WorkerError             what computed the reference has died, or a cluster cannot be used
└── UnavailableError        a runtime that this machine does not have

A gate that falls is no error: it stands in the report, and the exit code is 1.
"""

from __future__ import annotations

from support.errors import UserError


class EvalError(UserError):
    """Base of the errors a caller can cause; its message is one clear line."""


class ReportError(EvalError):
    """The file is no report, of another schema version, or malformed."""


class BaselineError(ReportError):
    """The earlier report measured other cases: the worst of them say nothing of each other."""


class GatesError(EvalError):
    """The gates' file is missing, no TOML, or says something that no gate is."""


class SubjectError(EvalError):
    """The artifact or checkpoint cannot be evaluated."""


class StrangerError(SubjectError):
    """The artifact was made from another checkpoint or recipe than it is compared with."""


class WorkerError(EvalError):
    """What computed the reference has died, or the cluster cannot be reached or used."""


class UnavailableError(EvalError):
    """The runtime does not exist on this machine; the message says where it does."""
