"""The folders of the trained checkpoints that ship with this software."""

from __future__ import annotations

from pathlib import Path

_CHECKPOINTS = Path(__file__).resolve().parent / "checkpoints"

CHECKPOINT = _CHECKPOINTS / "small"
"""The avatar model: a diffusers pipeline with a model card."""

JUDGE = _CHECKPOINTS / "judge"
"""The judge: the network that reads avatars in order to score them."""
