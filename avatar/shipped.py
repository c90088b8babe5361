"""Where the trained checkpoints that ship with this software lie."""

from __future__ import annotations

from pathlib import Path

_CHECKPOINTS = Path(__file__).resolve().parent / "checkpoints"

CHECKPOINT = _CHECKPOINTS / "small"
"""The whole pipeline, a diffusers checkpoint."""

JUDGE = _CHECKPOINTS / "judge"
"""The network that measures it."""
