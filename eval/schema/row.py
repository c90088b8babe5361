"""One figure with its gate, and where it was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from eval.schema.numbers import refuse_nan
from support.json_records import Number, optional, record

Level = Literal["manifest", "weights", "components", "trajectory", "image", "set", "size", "speed"]
"""In the order in which a report shows them: the earlier a fault shows, the nearer is its cause."""

Against = Literal["reference", "checkpoint"]
"""What an artifact is compared with. `reference` is the unquantized checkpoint in PyTorch,
`checkpoint` the quantized one in PyTorch. Without a recipe the two are the same, and everything is
compared with the reference."""

Verdict = Literal["passed", "failed", "shown", "not run"]
"""`shown` means measured without a gate; `not run` means that this machine lacks the runtime."""

RUN = "whole run"
"""What rows about all components together have as their component."""

REFERENCE_RUNTIME = "pytorch"
"""The runtime of the reference."""


@record
@dataclass(frozen=True, kw_only=True)
class Where:
    """One case, and the place in it. A field that is None or empty does not apply.

    Attributes:
        person: Seed of the person (`avatar.people.sample_identity`).
        selfies: Number of selfies of them.
        style: The name of the style.
        prompt: The text that is drawn.
        seed: Seed of the noise.
        steps: Number of steps in the sampler's table.
        step: Index of the step, from 0.
        timestep: The timestep that the denoiser gets there.
        detail: Anything else: a parameter, a group of people, an order of selfies.
    """

    person: int | None = None
    selfies: int | None = None
    style: str | None = None
    prompt: str | None = optional(None)
    seed: int | None = None
    steps: int | None = None
    step: int | None = None
    timestep: Number | None = None
    detail: str = ""

    def __str__(self) -> str:
        """The case in words, for people."""
        parts = [] if self.person is None else [f"person {self.person}"]
        if self.selfies is not None:
            parts.append(f"{self.selfies} {'selfie' if self.selfies == 1 else 'selfies'}")
        parts += [self.style] if self.style else []
        parts += [] if self.prompt is None else [_quoted(self.prompt)]
        parts += [] if self.seed is None else [f"seed {self.seed}"]
        if self.steps is not None:
            at = f"step {self.step + 1} of " if self.step is not None else ""
            parts.append(f"{at}{self.steps} {'step' if self.steps == 1 and not at else 'steps'}")
        parts += [] if self.timestep is None else [f"timestep {self.timestep:g}"]
        return ", ".join(parts + ([self.detail] if self.detail else []))


def _quoted(prompt: str) -> str:
    """The beginning of a prompt, in quotes."""
    return repr(prompt if len(prompt) <= 40 else f"{prompt[:39]}…")


@record
@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure and its gate.

    Attributes:
        artifact: Name of the evaluated artifact, as in `Subject`.
        level: The level at which it was measured.
        runtime: What executed the artifact; empty where nothing was executed. Sizes have the kind
            of model file here.
        component: The component, or `RUN`.
        metric: The name of a metric in `eval.metrics`. `run` where nothing was measured; `figures`
            where figures of the baseline are gone.
        unit: `dB`, `bytes`, `s`; empty for plain numbers.
        against: What the artifact is compared with.
        value: The worst of all cases, in `unit`.
        typical: The median of all cases; None where there is only one.
        limit: The threshold of the gate; None where no gate asks for the figure.
        at_least: Whether `limit` is a floor; otherwise it is a ceiling.
        count: Number of cases that were measured.
        where: The worst case.
        noise: By how much the value is known to differ between two evaluations of the same files.
        outcome: `measured`; `crashed` if the runtime raised, which fails; `unavailable` if this
            machine lacks the runtime, which neither passes nor fails.
        reason: Why it crashed or is unavailable.
        was: The value in the baseline, where the baseline is the gate and `limit` says how far the
            value may fall; None where the gate is the tier's.
    """

    artifact: str
    level: Level
    runtime: str = ""
    component: str = RUN
    metric: str
    unit: str = ""
    against: Against = "reference"
    value: Number
    typical: Number | None = None
    limit: Number | None = None
    at_least: bool = True
    count: int = 1
    where: Where = field(default_factory=Where)
    noise: Number = 0.0
    outcome: Literal["measured", "crashed", "unavailable"] = "measured"
    reason: str = ""
    was: Number | None = None

    def __post_init__(self) -> None:
        refuse_nan(self)

    @property
    def verdict(self) -> Verdict:
        """Whether the gate passed; a runtime that crashed has failed."""
        if self.outcome != "measured":
            return "failed" if self.outcome == "crashed" else "not run"
        if self.limit is None:
            return "shown"
        reached = self.value >= self.limit if self.at_least else self.value <= self.limit
        return "passed" if reached else "failed"

    @property
    def margin(self) -> float:
        """Distance from the limit, in the figure's unit; negative where the gate failed."""
        if self.outcome == "crashed":
            return -math.inf
        if self.limit is None or self.value == self.limit:
            return math.inf if self.limit is None else 0.0
        return self.value - self.limit if self.at_least else self.limit - self.value

    @property
    def key(self) -> tuple[str, ...]:
        """Identifies the same figure in another report."""
        return (
            *(self.artifact, self.level, self.runtime, self.component),
            *(self.metric, self.against, self.where.detail if self.level == "set" else ""),
        )
