"""What can go wrong with people, their styles and their files.

PeopleError (UserError)
├── UnknownStyleError    no style has that name
├── NotDrawnError        the style lacks something this person cannot be recognised without
└── ShardError           a folder of shards is damaged, incomplete or of other people
"""

from __future__ import annotations

from support.errors import UserError


class PeopleError(UserError):
    """Any error of this package that its user can cause."""


class UnknownStyleError(PeopleError):
    """No style has that name."""


class NotDrawnError(PeopleError):
    """The style lacks something this person cannot be recognised without."""


class ShardError(PeopleError):
    """A folder of shards is damaged, incomplete or of other people."""
