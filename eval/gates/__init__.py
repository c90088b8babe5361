"""The gates: one TOML file a tier, and how a limit is found in it.

    tier = "fp16"
    checkpoint = "fp16"        # tier for the comparison with the quantized checkpoint

    [components.psnr]          # [LEVEL.METRIC]; the metric says whether it is a floor or a ceiling
    default = 50
    onnx = 110                 # a runtime
    coreml_runtime = { default = 60, decoder = 64 }   # components of a runtime

    [full.image.psnr]          # instead, in a full evaluation: its worst is that of far more cases
    coreml_runtime = 55

The most specific entry decides; what is nowhere named is shown and not gated. A runtime is also
found under the part of its name before the first hyphen: `apple` speaks for `apple-cpu`. Sizes have
kinds of model files (`mlpackage`, `onnx`, `ort`) for runtimes.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast, get_args

from eval.errors import GatesError
from eval.gates import names
from eval.gates.names import DEFAULT
from eval.results import Level

FOLDER = Path(__file__).parent
FULL = "full"

Limits = Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]
"""By level, metric, runtime and component; `DEFAULT` for all others."""


@dataclass(frozen=True, kw_only=True)
class Gates:
    """Limits of one tier.

    Attributes:
        tier: Its name.
        file: Where they stand, for people.
        checkpoint: The tier whose limits hold against the quantized checkpoint.
        limits: What holds.
        full: What a full evaluation has instead.
    """

    tier: str
    file: str
    checkpoint: str
    limits: Limits = field(default_factory=dict)
    full: Limits = field(default_factory=dict)

    def limit(
        self, level: str, metric: str, runtime: str = "", component: str = ""
    ) -> float | None:
        """The limit of a figure; None where no gate asks for it."""
        runtimes = self.limits.get(level, {}).get(metric, {})
        for name in (runtime, runtime.partition("-")[0], DEFAULT):
            components = runtimes.get(name, {})
            for key in (component, DEFAULT):
                if key in components:
                    return components[key]
        return None

    def in_full(self) -> Gates:
        """The gates of a full evaluation."""
        return replace(self, limits=_over(self.limits, self.full), full={})


def tiers() -> tuple[str, ...]:
    """The tiers that ship."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def of_tier(tier: str) -> Gates:
    """The gates that ship for a tier; raises `GatesError` where there are none."""
    if tier not in tiers():
        raise GatesError(f"there are no gates for tier {tier!r}, only for {', '.join(tiers())}")
    return read(FOLDER / f"{tier}.toml", shown_as=f"eval/gates/{tier}.toml")


def read(path: Path, shown_as: str = "") -> Gates:
    """Read a gates file.

    Raises:
        GatesError: It cannot be read, is no TOML, names a level, metric, runtime or component that
            there is not, or has a limit that is no finite number.
    """
    file = shown_as or str(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GatesError(f"{file} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise GatesError(f"{file} is no TOML: {error}") from None
    tier = values.pop("tier", path.stem)
    checkpoint = values.pop("checkpoint", "fp16")
    if not isinstance(tier, str):
        raise GatesError(f"{file}: tier is {tier!r}, expected a name")
    if checkpoint not in tiers():
        raise GatesError(f"{file}: checkpoint is {checkpoint!r}, expected one of {tiers()}")
    full = values.pop(FULL, {})
    if not isinstance(full, dict):
        raise GatesError(f"{file}: {FULL} is {repr(full)[:60]}, expected a table of levels")
    return Gates(
        tier=tier,
        file=file,
        checkpoint=checkpoint,
        limits=_limits(file, values),
        full=_limits(file, full, f"{FULL}."),
    )


def _over(limits: Any, others: Any) -> Any:
    """Nested tables, where those of `others` come first."""
    if not isinstance(limits, dict) or not isinstance(others, dict):
        return others
    return {**limits, **{name: _over(limits.get(name), entry) for name, entry in others.items()}}


def _limits(file: str, tables: dict[str, Any], prefix: str = "") -> Limits:
    for level in tables:
        names.require(level, get_args(Level), what="level", where=file)
    return {
        level: _level(f"{file}, [{prefix}{level}]", cast(Level, level), table)
        for level, table in tables.items()
    }


def _level(where: str, level: Level, table: Any) -> dict[str, dict[str, dict[str, float]]]:
    if not isinstance(table, dict):
        raise GatesError(f"{where}: it is {repr(table)[:60]}, expected a table of metrics")
    return {metric: _metric(where, level, metric, entry) for metric, entry in table.items()}


def _metric(where: str, level: Level, metric: str, entry: Any) -> dict[str, dict[str, float]]:
    names.require(metric, names.figures_of(level), what="metric", where=where)
    where, runtimes = f"{where} {metric}", entry if isinstance(entry, dict) else {DEFAULT: entry}
    found = {}
    for runtime, limit in runtimes.items():
        names.require(runtime, names.runtimes_of(level), what="runtime", where=where)
        components = limit if isinstance(limit, dict) else {DEFAULT: limit}
        for component in components:
            known = names.components_of(level)
            names.require(component, known, what="component", where=f"{where}.{runtime}")
        found[runtime] = {
            name: _number(f"{where}.{runtime}.{name}", number)
            for name, number in components.items()
        }
    return found


def _number(where: str, value: Any) -> float:
    """A limit; nothing is on the right side of NaN, and everything or nothing of infinity."""
    number = not isinstance(value, bool) and isinstance(value, int | float)
    if not number or not abs(value) <= sys.float_info.max:
        raise GatesError(f"{where} is {repr(value)[:60]}, expected a finite number")
    return float(value)
