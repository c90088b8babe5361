"""The limits of one tier, and how a figure's limit is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from eval.gates.names import DEFAULT

Limits = Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]
"""Limits by level, metric, runtime and component; `DEFAULT` stands for all others."""


@dataclass(frozen=True, kw_only=True)
class Gates:
    """Limits of one tier.

    Attributes:
        tier: Name of the tier.
        file: The file of the limits, for people.
        checkpoint: The tier whose limits hold against the quantized checkpoint.
        limits: The limits.
        full: Limits that a full evaluation has instead: the worst of thousands of cases is worse.
        kinds: For kinds of pipelines the limits that those have instead.
    """

    tier: str
    file: str
    checkpoint: str
    limits: Limits = field(default_factory=dict)
    full: Limits = field(default_factory=dict)
    kinds: Mapping[str, Limits] = field(default_factory=dict)

    def limit(
        self, level: str, metric: str, runtime: str = "", component: str = ""
    ) -> float | None:
        """The limit of a figure; None where no gate asks for it.

        The most specific entry decides. A runtime is also found under the part of its name before
        the first hyphen: `apple` stands for `apple-cpu`.
        """
        runtimes = self.limits.get(level, {}).get(metric, {})
        for name in (runtime, runtime.partition("-")[0], DEFAULT):
            components = runtimes.get(name, {})
            for key in (component, DEFAULT):
                if key in components:
                    return components[key]
        return None

    def of_kind(self, name: str) -> Gates:
        """The gates of a kind of pipeline."""
        return replace(self, limits=merged(self.limits, self.kinds.get(name, {})), kinds={})

    def in_full(self) -> Gates:
        """The gates of a full evaluation."""
        return replace(self, limits=merged(self.limits, self.full), full={})


def merged(limits: Any, others: Any) -> Any:
    """Nested mappings joined; where both have an entry, that of `others` stays."""
    if not isinstance(limits, dict) or not isinstance(others, dict):
        return others
    return {**limits, **{name: merged(limits.get(name), entry) for name, entry in others.items()}}
