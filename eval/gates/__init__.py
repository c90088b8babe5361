"""The gates: one TOML file a tier, and how a limit is found in it.

    tier = "fp16"
    checkpoint = "fp16"        # tier for the comparison with the quantized checkpoint

    [components.psnr]          # [LEVEL.METRIC]; the metric says whether it is a floor or a ceiling
    default = 50
    onnx = 110                 # a runtime
    coreml = { default = 60, decoder = 64 }   # components of a runtime

The most specific entry decides; what is nowhere named is shown and not gated. A runtime is also
found under the part of its name before the first hyphen: `apple` speaks for `apple-cpu`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from eval.errors import GatesError
from eval.results import Level

FOLDER = Path(__file__).parent
DEFAULT = "default"


@dataclass(frozen=True, kw_only=True)
class Gates:
    """Limits of one tier.

    Attributes:
        tier: Its name.
        file: Where they stand, for people.
        checkpoint: The tier whose limits hold against the quantized checkpoint.
        limits: By level, metric, runtime and component; `DEFAULT` for all others.
    """

    tier: str
    file: str
    checkpoint: str
    limits: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]] = field(
        default_factory=dict
    )

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
        GatesError: It cannot be read, is no TOML, or names a level that there is not.
    """
    file = shown_as or str(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GatesError(f"{file} cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise GatesError(f"{file} is no TOML: {error}") from None
    tier = values.pop("tier", path.stem)
    checkpoint = values.pop("checkpoint", "fp16")
    if not isinstance(tier, str) or checkpoint not in tiers():
        raise GatesError(f"{file}: checkpoint is {checkpoint!r}, expected one of {tiers()}")
    limits = {level: _level(file, level, table) for level, table in values.items()}
    return Gates(tier=tier, file=file, checkpoint=checkpoint, limits=limits)


def _level(file: str, level: str, table: Any) -> dict[str, dict[str, dict[str, float]]]:
    if level not in get_args(Level) or not isinstance(table, dict):
        raise GatesError(f"{file}: there is no level {level!r}, only {', '.join(get_args(Level))}")
    return {metric: _metric(file, f"{level}.{metric}", entry) for metric, entry in table.items()}


def _metric(file: str, where: str, entry: Any) -> dict[str, dict[str, float]]:
    runtimes = entry if isinstance(entry, dict) else {DEFAULT: entry}
    found = {}
    for runtime, limit in runtimes.items():
        components = limit if isinstance(limit, dict) else {DEFAULT: limit}
        for name, number in components.items():
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise GatesError(f"{file}: {where}.{runtime} has {number!r} for {name}: no number")
        found[runtime] = {name: float(number) for name, number in components.items()}
    return found
