"""Level `manifest`: what it says of styles, sampler, inputs and outputs, against the checkpoint."""

from __future__ import annotations

from typing import Any

from eval.levels.scope import Scope
from eval.reference import Reference
from eval.schema import Row, Where
from export.manifest import Manifest
from support.json_records import plain


def rows(scope: Scope, manifest: Manifest, reference: Reference) -> list[Row]:
    """One row: the number of entries of the manifest that differ from the checkpoint's."""
    wrong = list(differences(manifest, reference))
    detail = f"first: {wrong[0]}" if wrong else ""
    return [scope.row("wrong", len(wrong), where=Where(detail=detail))]


def differences(manifest: Manifest, reference: Reference) -> list[str]:
    """Every difference, each in a few words."""
    pipeline, found = reference.pipeline, []
    facts = pipeline.facts()
    if (names := manifest.wholes) != pipeline.names:
        found.append(f"components are {', '.join(names)}, expected {', '.join(pipeline.names)}")
    found += _named("styles", [*map(dict, facts.styles)], plain(manifest.styles))
    found += _sampler(facts.sampler, plain(manifest.sampler))
    if facts.sampler.get("schedule") != plain(manifest.sampler).get("schedule"):
        found.append("the sampler's schedule")
    for entry in map(manifest.whole, names):
        if entry.name not in pipeline.names:
            continue
        component = reference.components[entry.name]
        for what, expected, held in (
            ("inputs", component.inputs, entry.inputs),
            ("outputs", component.outputs, entry.outputs),
        ):
            if expected != held:
                found.append(f"{what} of {entry.name}")
    return found


def _named(what: str, expected: list[Any], held: list[Any]) -> list[str]:
    if len(expected) != len(held):
        return [f"{len(held)} {what}, expected {len(expected)}"]
    pairs = enumerate(zip(expected, held, strict=True))
    return [
        f"{what}[{index}] is {b.get('name', '?')}, expected {a.get('name', '?')}"
        for index, (a, b) in pairs
        if a != b
    ]


def _sampler(expected: dict[str, Any], held: dict[str, Any]) -> list[str]:
    """Differences of the sampler's tables, the default and the others, entry by entry."""
    found = []
    tables = [expected, *expected.get("also", ())]
    others = [held, *held.get("also", ())]
    if len(tables) != len(others):
        found.append(f"{len(others)} sampler tables, expected {len(tables)}")
    for a, b in zip(tables, others, strict=False):
        for name in ("prediction", "guidance", "timesteps", "sigmas"):
            if _plain(a.get(name)) != _plain(b.get(name)):
                steps = len(a["timesteps"])
                found.append(
                    f"{name} of {steps} steps is {b.get(name)}, expected {_plain(a.get(name))}"
                )
        if plain(a.get("weights", ())) != plain(b.get("weights", ())):
            found.append(f"weights of {len(a['timesteps'])} steps")
    return found


def _plain(value: Any) -> Any:
    return [*map(float, value)] if isinstance(value, list | tuple) else value
