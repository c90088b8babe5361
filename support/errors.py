"""The root of every room's error tree.

UserError (ValueError)
├── ExchangeError           this system or file system cannot exchange two folders in one step
├── PathError               a path that nothing can be read from or written to
├── PublishError            a folder cannot be put where it should go
└── SnapshotError           a download of Hugging Face's cache holds no one snapshot

Each room's `errors.py` draws the rest.
"""

from __future__ import annotations


class UserError(ValueError):
    """An error that a user can cause and mend.

    Its message is one line that names the thing, what was expected, and what to do. A command
    prints it and exits with code 2; every other exception is a bug and keeps its traceback.
    """


class ExchangeError(UserError):
    """Two folders cannot be exchanged in one step here.

    Moving one away and then the other in would leave a moment without either.
    """


class PathError(UserError):
    """A path that nothing can be read from or written to."""


class PublishError(UserError):
    """A folder cannot be put in its place; what was there before is untouched."""


class SnapshotError(UserError):
    """A download of Hugging Face's cache holds no snapshot, or several and none is the main one."""
