"""People who do not exist: who they are, their selfies and their avatars.

`identity` says who a person is, `selfies` photographs them, `styles` draws them, `shards` writes
people to disk and reads them back, `sheet` shows eight of them at once.
"""

from __future__ import annotations

from avatar.people.identity import ATTRIBUTES, Identity, sample_identity

__all__ = ["ATTRIBUTES", "Identity", "sample_identity"]
