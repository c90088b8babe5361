"""Everything that an evaluation knows of avatars and of nothing else.

People and their selfies, the invariances of a picture, and the level `set`, where the judge looks
at a set of avatars.
"""

from __future__ import annotations

from eval.pipelines.avatar.cases import AvatarCase, AvatarCases, SelfieSet

__all__ = ["AvatarCase", "AvatarCases", "SelfieSet"]
