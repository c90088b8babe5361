"""What can go wrong in training.

DistillationError (UserError)
├── DataError            the people to train on are missing or damaged
├── DivergedError        the loss is not a number, or it exploded
└── RunError             the folder of a run does not hold what was expected
"""

from support.errors import UserError


class DistillationError(UserError):
    """Base class of this room's errors; the message is one line for the user."""


class DataError(DistillationError):
    """The people to train on are missing or damaged."""


class DivergedError(DistillationError):
    """The loss is not a number, or it exploded; the last good state is kept."""


class RunError(DistillationError):
    """The folder of a run does not hold what was expected."""
