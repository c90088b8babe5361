"""The gates: which limit a figure must keep.

A tier or a TOML file comes in; out come limits by level, metric, runtime and component.
`docs/eval.md` describes the files.
"""

from __future__ import annotations

from eval.gates.files import of_tier, read, tiers
from eval.gates.gates import Gates

__all__ = ["Gates", "of_tier", "read", "tiers"]
