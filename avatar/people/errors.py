"""What can go wrong with people, their styles and their files.

PeopleError (UserError)
├── UnknownStyleError    no style has that name
├── NotDrawnError        the style cannot draw something that this person is recognised by
└── ShardError           a folder of shards is damaged, incomplete or holds other people
"""

from __future__ import annotations

from support.errors import UserError


class PeopleError(UserError):
    """Base class of this package's errors; the message is one line for the user."""


class UnknownStyleError(PeopleError):
    """No style has that name."""


class NotDrawnError(PeopleError):
    """The style cannot draw something that this person is recognised by."""


class ShardError(PeopleError):
    """A folder of shards is damaged, incomplete or holds other people."""
