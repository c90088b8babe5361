"""What can go wrong in training.

DistillationError (UserError)
├── DataError            the people to train on are missing or damaged
├── DivergedError        the loss is not a number, or exploded
└── RunError             a run's folder holds something else than was expected
"""

from support.errors import UserError


class DistillationError(UserError):
    """Base of this room's errors; its message is one line for the user."""


class DataError(DistillationError):
    """The people to train on are missing or damaged."""


class DivergedError(DistillationError):
    """The loss is not a number, or exploded; the last good state is kept."""


class RunError(DistillationError):
    """A run's folder holds something else than was expected."""
