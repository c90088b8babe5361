"""Everything an evaluation found, as it stands in `report.json`.

Law: `Report.parse(report.dump()) == report`. `docs/eval.md` describes the schema. Numbers that JSON
has no word for are the strings "inf" and "-inf"; NaN stands nowhere: what is no number scores -inf
(or inf, where less is better), so that it passes no gate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Literal

from eval import jsons
from eval.errors import ReportError

SCHEMA_VERSION = 1

Level = Literal["manifest", "weights", "components", "trajectory", "image", "set", "size", "speed"]
"""In the order in which the report shows them: the earlier a fault shows, the nearer its cause."""

Against = Literal["reference", "checkpoint"]
"""`reference`: the unquantized checkpoint in PyTorch. `checkpoint`: the quantized one in PyTorch;
without a recipe the two are one, and everything is against the reference."""

Verdict = Literal["passed", "failed", "shown", "not run"]
"""`shown`: measured, but no gate asks for it. `not run`: this machine has no such runtime."""

RUN = "whole run"
"""The component of rows about all components together."""

REFERENCE_RUNTIME = "pytorch"


@dataclass(frozen=True, kw_only=True)
class Where:
    """One case, and where in it: what is not said does not apply.

    Attributes:
        person: Seed of the person (`avatar.people.sample_identity`).
        selfies: How many selfies of them.
        style: Name of the style.
        seed: Seed of the noise.
        steps: Steps of the sampler's table.
        step: Which of them, from 0.
        timestep: What the denoiser is told there.
        detail: Anything else: a parameter, a group of people, an order of selfies.
    """

    person: int | None = None
    selfies: int | None = None
    style: str | None = None
    seed: int | None = None
    steps: int | None = None
    step: int | None = None
    timestep: float | None = None
    detail: str = ""

    def __str__(self) -> str:
        parts = [] if self.person is None else [f"person {self.person}"]
        if self.selfies is not None:
            parts.append(f"{self.selfies} {'selfie' if self.selfies == 1 else 'selfies'}")
        parts += [self.style] if self.style else []
        parts += [] if self.seed is None else [f"seed {self.seed}"]
        if self.steps is not None:
            at = f"step {self.step + 1} of " if self.step is not None else ""
            parts.append(f"{at}{self.steps} {'step' if self.steps == 1 and not at else 'steps'}")
        parts += [] if self.timestep is None else [f"timestep {self.timestep:g}"]
        return ", ".join(parts + ([self.detail] if self.detail else []))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure and its gate.

    Attributes:
        artifact: Name of the subject.
        level: Where it was measured.
        runtime: What ran the artifact; empty where nothing was run.
        component: The component, or `RUN`.
        metric: `psnr`, `snr`, `cosine`, `max_error`, `ssim`, `flip`, `wrong`, `bytes`, `seconds`…
        unit: `dB`, `bytes`, `s`; empty for plain numbers.
        against: What it is compared with.
        value: The worst of all cases.
        typical: The median of all cases; None where there is but one.
        limit: What the gate asks for; None where no gate does.
        at_least: Whether `limit` is a floor; a ceiling otherwise.
        count: How many cases were measured.
        where: The worst case.
        noise: How far the value is known to differ between two runs on the same files.
        outcome: `measured`; `crashed`: the runtime raised, which fails; `unavailable`: the machine
            has no such runtime, which is said and neither passes nor fails.
        reason: Why, of the last two.
        was: What the value was in an earlier report, where that report is the gate (`--baseline`)
            and `limit` how far the value may fall; None where the tier's gates are.
    """

    artifact: str
    level: Level
    runtime: str = ""
    component: str = RUN
    metric: str
    unit: str = ""
    against: Against = "reference"
    value: float
    typical: float | None = None
    limit: float | None = None
    at_least: bool = True
    count: int = 1
    where: Where = field(default_factory=Where)
    noise: float = 0.0
    outcome: Literal["measured", "crashed", "unavailable"] = "measured"
    reason: str = ""
    was: float | None = None

    def __post_init__(self) -> None:
        refuse_nan(self)

    @property
    def verdict(self) -> Verdict:
        if self.outcome != "measured":
            return "failed" if self.outcome == "crashed" else "not run"
        if self.limit is None:
            return "shown"
        reached = self.value >= self.limit if self.at_least else self.value <= self.limit
        return "passed" if reached else "failed"

    @property
    def margin(self) -> float:
        """How far on the right side of its limit the value is, in its unit; negative: failed."""
        if self.outcome == "crashed":
            return -math.inf
        if self.limit is None or self.value == self.limit:
            return math.inf if self.limit is None else 0.0
        return self.value - self.limit if self.at_least else self.limit - self.value

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it the same figure in another report."""
        return (
            *(self.artifact, self.level, self.runtime, self.component),
            *(self.metric, self.against, self.where.detail if self.level == "set" else ""),
        )


@dataclass(frozen=True, kw_only=True)
class Point:
    """One timestep of a series: the worst and the mean of all cases there."""

    steps: int
    step: int
    timestep: float
    worst: float
    mean: float

    def __post_init__(self) -> None:
        refuse_nan(self)


@dataclass(frozen=True, kw_only=True)
class Series:
    """A metric along the sampler's tables: of a component alone (`components`), or of the latents
    after each step of the artifact's own runs (`trajectory`: drift). One table after the other,
    fewest steps first."""

    artifact: str
    level: Level
    runtime: str
    component: str
    metric: str
    unit: str
    against: Against
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of a component, in one call.

    Attributes:
        name: Its name in PyTorch.
        value: What the artifact calls its result.
        snr: In dB.
        gain: How far the channel that is off most is from its right size, as a share of it: 0.05
            where one is 5 % too large. 0 where channels have too few places to tell it from noise.
    """

    name: str
    value: str
    snr: float
    gain: float = 0.0

    def __post_init__(self) -> None:
        refuse_nan(self)


@dataclass(frozen=True, kw_only=True)
class LayerSearch:
    """Layer by layer through one call of a component, in the order in which layers are computed.

    Attributes:
        artifact, runtime, component, against: As in `Row`.
        where: The call: the component's worst case.
        layers: Every layer that both sides name.
        first: The layer where it first goes wrong; empty where the component is right.
        snr: SNR there; inf where the component is right.
        note: What limits the search, such as layers that the runtime has fused away.
    """

    artifact: str
    runtime: str
    component: str
    against: Against
    where: Where
    layers: tuple[Layer, ...]
    first: str = ""
    snr: float = math.inf
    note: str = ""

    def __post_init__(self) -> None:
        refuse_nan(self)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a component, or a set of avatars (`RUN`), costs in a runtime.

    Attributes:
        artifact: Name of the subject.
        runtime: What ran it; `REFERENCE_RUNTIME` is PyTorch, measured in the same run.
        component: The component, or `RUN`: selfies to a set of `avatars` avatars.
        avatars: Avatars in the set; 0 for a component.
        load: Seconds from file to runner.
        cold: Seconds of the first call.
        warm: Seconds of each later call.
        ratio: Median of `warm` in units of PyTorch's in the same run; below 1 is faster.
        peak_bytes: By how much the process' resident memory grew at most while it was loaded and
            run; None where the system cannot tell.
        file_bytes: Size of the model's files; 0 for PyTorch.
        gmac: Multiply-accumulates of a call, in 10^9, estimated; None where they are not counted.
        moved_bytes: Bytes that a call reads and writes, weights and activations each once,
            estimated; None where they are not counted.
    """

    artifact: str
    runtime: str
    component: str
    avatars: int = 0
    load: float
    cold: float
    warm: tuple[float, ...]
    ratio: float | None = None
    peak_bytes: int | None = None
    file_bytes: int = 0
    gmac: float | None = None
    moved_bytes: int | None = None

    def __post_init__(self) -> None:
        refuse_nan(self)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Three pictures of one case, PNG files beside the report.

    Attributes:
        artifact, runtime, against: As in `Row`.
        kind: The `worst` case by PSNR, or a `typical` one: the median.
        where: The case.
        metrics: By name, what this pair measures.
        reference: Path of the reference's picture, relative to the report's folder, with `/`.
        test: Path of the artifact's picture.
        difference: Path of 8·|difference|, clipped.
    """

    artifact: str
    runtime: str
    against: Against
    kind: Literal["worst", "typical"]
    where: Where
    metrics: dict[str, float]
    reference: str
    test: str
    difference: str


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One evaluated artifact.

    Attributes:
        name: Its folder as it was given; unique in a report.
        format: `coreml` or `onnx`.
        tier: Which gates were asked: `fp32`, `fp16`, `w8`, `w6`, `w4`, `w8a8`.
        gates: Their file, as it was given, or `eval/gates/TIER.toml`.
        version: Version of the software that exported it.
        options: What it was exported with.
        tools: Versions of the libraries that shaped it.
        manifest: SHA-256 of its `manifest.json`, which lists the hash of every other file.
        checkpoint: SHA-256 of the checkpoint it was made from.
        recipe: SHA-256 of the recipe; None without one.
        bytes: Of all model files of its first kind, as an app ships them.
    """

    name: str
    format: str
    tier: str
    gates: str
    version: str
    options: dict[str, str]
    tools: dict[str, str]
    manifest: str
    checkpoint: str
    recipe: str | None
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What the artifacts were tried on: SHA-256 of the cases' definition, people (seeds), whole
    runs, numbers of selfies, styles, and (steps, timesteps) of every sampler table."""

    digest: str
    people: tuple[int, ...]
    runs: int
    selfies: tuple[int, ...]
    styles: tuple[str, ...]
    tables: dict[str, tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where and with what it was measured. `started` is ISO 8601, UTC; `seconds` the whole run;
    `peak_bytes` the largest resident memory of its processes, what they share counted once."""

    version: str
    python: str
    system: str
    processor: str
    cores: int
    threads: int
    libraries: dict[str, str]
    started: str
    seconds: float
    peak_bytes: int


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The earlier report that this one was held against: its file as given, that file's SHA-256,
    the version and the time of its run, and what else is not the same, a sentence each."""

    file: str
    digest: str
    version: str
    started: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    """The whole evaluation. `mode` is `quick`, `default` or `full`."""

    mode: str
    environment: Environment
    coverage: Coverage
    subjects: tuple[Subject, ...]
    rows: tuple[Row, ...]
    series: tuple[Series, ...] = ()
    searches: tuple[LayerSearch, ...] = ()
    costs: tuple[Cost, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    baseline: Baseline | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def failures(self) -> tuple[Row, ...]:
        """Rows that failed, in their order."""
        return tuple(row for row in self.rows if row.verdict == "failed")

    @property
    def passed(self) -> bool:
        """No row failed, and of every subject something was gated and passed."""
        proven = {row.artifact for row in self.rows if row.verdict == "passed"}
        return not self.failures and all(subject.name in proven for subject in self.subjects)

    def dump(self) -> bytes:
        """As JSON: UTF-8, two spaces, a newline at the end. Equal reports give equal bytes."""
        return jsons.dump(self)

    @classmethod
    def parse(cls, data: bytes) -> Report:
        """Read a report.

        Raises:
            ReportError: Not JSON, another schema version, or a field is missing or malformed.
        """
        values = jsons.parse(data)
        version = values.get("schema_version") if isinstance(values, dict) else None
        if version != SCHEMA_VERSION:
            raise ReportError(f"the report has schema version {version}, expected {SCHEMA_VERSION}")
        return jsons.read(cls, values)


def refuse_nan(record: object) -> None:
    """Raise ValueError where a field of a dataclass, or an entry of one, is NaN."""
    for place in fields(record):  # type: ignore[arg-type]
        value = getattr(record, place.name)
        entries = value if isinstance(value, tuple) else (value,)
        if any(isinstance(entry, float) and math.isnan(entry) for entry in entries):
            raise ValueError(f"{place.name} of a {type(record).__name__} is NaN")
