"""TOML files of gates.

extend = "base"            # a file that ships, whose limits hold where this file has none
tier = "mine"
checkpoint = "fp16"        # the tier for the comparison with the quantized checkpoint

[components.psnr]          # [LEVEL.METRIC]; the metric says whether it is a floor or a ceiling
default = 50
onnx = 110                 # a runtime
coreml_runtime = { default = 60, decoder = 64 }   # components of a runtime
apple = "export.FP16"      # one of the export's own floors, export/gates.py

[full.image.psnr]          # instead, in a full evaluation
coreml_runtime = 55

[latent_diffusion.image.psnr]   # instead, for a kind of pipeline
coreml_runtime = 50
"""

from __future__ import annotations

import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, cast, get_args

from eval.errors import GatesError
from eval.gates import names
from eval.gates.gates import Gates, Limits, merged
from eval.gates.names import DEFAULT
from eval.schema import Level

FOLDER = Path(__file__).parent
FULL = "full"


@cache
def tiers() -> tuple[str, ...]:
    """The tiers that ship; files without a tier are only there to be extended."""
    return tuple(name for name in _shipped() if "tier" in _values(FOLDER / f"{name}.toml", name))


def of_tier(tier: str) -> Gates:
    """The gates that ship for a tier.

    Raises:
        GatesError: There are none.
    """
    if tier not in tiers():
        raise GatesError(f"there are no gates for tier {tier!r}, only for {', '.join(tiers())}")
    return _of_shipped(tier)


def read(path: Path, shown_as: str = "") -> Gates:
    """Read a gates file.

    Args:
        path: The file.
        shown_as: What messages and reports call it; by default its path.

    Raises:
        GatesError: It cannot be read, is not TOML, names a level, metric, runtime or component that
            does not exist, or has a limit that is no finite number.
    """
    file = shown_as or str(path)
    values = _values(path, file)
    base = _base(file, values.pop("extend", None))
    tier = values.pop("tier", path.stem)
    checkpoint = values.pop("checkpoint", base.checkpoint)
    if not isinstance(tier, str):
        raise GatesError(f"{file}: tier is {tier!r}, expected a name")
    if checkpoint not in tiers():
        known = ", ".join(tiers())
        raise GatesError(f"{file}: checkpoint is {checkpoint!r}, expected one of {known}")
    parts = {part: _part(file, part, values.pop(part, {})) for part in (FULL, *names.KINDS)}
    full = parts.pop(FULL)
    return Gates(
        tier=tier,
        file=file,
        checkpoint=checkpoint,
        limits=merged(base.limits, _limits(file, values)),
        full=merged(base.full, full),
        kinds=merged(base.kinds, parts),
    )


def _part(file: str, name: str, table: Any) -> Limits:
    """Limits that hold instead of others, in a table of their own."""
    if not isinstance(table, dict):
        raise GatesError(f"{file}: {name} is {repr(table)[:60]}, expected a table of levels")
    return _limits(file, table, f"{name}.")


def _shipped() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def _of_shipped(name: str) -> Gates:
    return read(FOLDER / f"{name}.toml", shown_as=f"eval/gates/{name}.toml")


def _base(file: str, name: Any) -> Gates:
    """The gates that a file extends; none at all where it extends nothing."""
    if name is None:
        return Gates(tier="", file="", checkpoint="fp16")
    if name not in _shipped():
        known = ", ".join(_shipped())
        raise GatesError(f"{file}: extend is {repr(name)[:60]}, expected one of {known}")
    return _of_shipped(name)


def _values(path: Path, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GatesError(f"{file} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise GatesError(f"{file} is no TOML: {error}") from None


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
    names.require(metric, names.metrics_of(level), what="metric", where=where)
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
    """A limit as a number.

    No value is on the right side of NaN, and every value or none is on the right side of infinity:
    neither is a limit.
    """
    if isinstance(value, str) and value.startswith(names.EXPORT):
        floors = names.export_floors()
        names.require(value, floors, what="floor of the export", where=where)
        return floors[value]
    number = not isinstance(value, bool) and isinstance(value, int | float)
    if not number or not abs(value) <= sys.float_info.max:
        raise GatesError(f"{where} is {repr(value)[:60]}, expected a finite number")
    return float(value)
