from __future__ import annotations

from tests.components.conftest import tiny_checkpoint

__all__ = ["tiny_checkpoint"]  # a fixture of this room, too
