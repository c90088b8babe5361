"""Level `manifest`: what it says of a run's constants, inputs and outputs, against the checkpoint.

Constants are those of the sampler, the styles, the tokenizers and all others that a run needs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components import PipelineFacts
from eval.levels.scope import Scope
from eval.reference import Reference
from eval.schema import Row, Where
from export import Artifact, Manifest
from support.json_records import plain

TABLE = ("prediction", "guidance", "timesteps", "sigmas", "start", "steps", "strength")
"""Constants of a sampler table that are shown where they differ."""
ROWS = ("weights", "downs", "noises")
"""Constants of a sampler table that are too many to show."""


def rows(scope: Scope, artifact: Artifact, reference: Reference) -> list[Row]:
    """One row: the number of entries of the manifest that differ from the checkpoint's."""
    wrong = differences(artifact.manifest, reference)
    wrong += tokenizers(artifact, reference)
    detail = f"first: {wrong[0]}" if wrong else ""
    return [scope.row("wrong", len(wrong), where=Where(detail=detail))]


def differences(manifest: Manifest, reference: Reference) -> list[str]:
    """Every difference of the manifest alone, each in a few words."""
    pipeline = reference.pipeline
    return [
        *_names(manifest, reference),
        *_constants(pipeline.facts(), manifest),
        *_boundaries(manifest, reference),
    ]


def tokenizers(artifact: Artifact, reference: Reference) -> list[str]:
    """Every tokenizer that is not the checkpoint's, in its entry or in one of its files."""
    held = {
        name: plain(entry)
        for name in ("tokenizer", "tokenizer_2")
        if (entry := getattr(artifact.manifest, name)) is not None
    }
    with tempfile.TemporaryDirectory() as folder:
        expected = plain(reference.pipeline.write_tokenizers(Path(folder)))
        found = [
            f"{name}.{key} is {entry.get(key)!r}, expected {value!r}"
            for name, entry in held.items()
            for key, value in expected.get(name, {}).items()
            if entry.get(key) != value
        ]
        found += [f"{name} is one too many or missing" for name in held.keys() ^ expected.keys()]
        for file in sorted(Path(folder).rglob("*")):
            mine = artifact.folder / file.relative_to(folder)
            if file.is_file() and (not mine.is_file() or mine.read_bytes() != file.read_bytes()):
                found.append(f"the file {file.relative_to(folder).as_posix()}")
    return found


def _names(manifest: Manifest, reference: Reference) -> Iterator[str]:
    names, expected = manifest.wholes, manifest.exported(reference.pipeline.names)
    if names != expected:
        yield f"components are {', '.join(names)}, expected {', '.join(expected)}"


def _constants(facts: PipelineFacts, manifest: Manifest) -> Iterator[str]:
    yield from _named("styles", [*map(dict, facts.styles)], plain(manifest.styles))
    expected, held = plain(facts.sampler), plain(manifest.sampler)
    yield from _sampler(expected, held)
    for name in ("kind", "schedule"):
        if not _same(expected.get(name), held.get(name)):
            yield f"the sampler's {name}"
    if facts.selfie_crop != manifest.selfie_crop:
        yield f"selfie_crop is {manifest.selfie_crop}, expected {facts.selfie_crop}"
    yield from _different("settings", plain(facts.settings), plain(manifest.settings or {}))


def _boundaries(manifest: Manifest, reference: Reference) -> Iterator[str]:
    for entry in map(manifest.whole, manifest.wholes):
        if entry.name not in reference.pipeline.names:
            continue
        facts = reference.components.facts(entry.name)
        if facts.inputs != entry.inputs:
            yield f"inputs of {entry.name}"
        if facts.outputs != entry.outputs:
            yield f"outputs of {entry.name}"


def _named(what: str, expected: list[Any], held: list[Any]) -> Iterator[str]:
    if len(expected) != len(held):
        yield f"{len(held)} {what}, expected {len(expected)}"
        return
    for index, (a, b) in enumerate(zip(expected, held, strict=True)):
        if a != b:
            yield f"{what}[{index}] is {b.get('name', '?')}, expected {a.get('name', '?')}"


def _different(what: str, expected: Mapping[str, Any], held: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*expected, *held}):
        if not _same(expected.get(name), held.get(name)):
            yield f"{what}.{name} is {held.get(name)}, expected {expected.get(name)}"


def _sampler(expected: Mapping[str, Any], held: Mapping[str, Any]) -> Iterator[str]:
    """Differences of the sampler's tables, the default and the others, entry by entry."""
    tables = [expected, *expected.get("also", ())]
    others = [held, *held.get("also", ())]
    if len(tables) != len(others):
        yield f"{len(others)} sampler tables, expected {len(tables)}"
    for a, b in zip(tables, others, strict=False):
        steps = len(a["timesteps"])
        for name in TABLE:
            if not _same(a.get(name), b.get(name)):
                yield f"{name} of {steps} steps is {b.get(name)}, expected {a.get(name)}"
        for name in ROWS:
            if not _same(a.get(name), b.get(name)):
                row = _first_row(a.get(name) or [], b.get(name) or [])
                yield f"{name} of {steps} steps, row {row}"


def _first_row(expected: list[Any], held: list[Any]) -> int:
    """The first row that differs, counted from 1."""
    pairs = enumerate(zip(expected, held, strict=False), 1)
    return next((row for row, (a, b) in pairs if a != b), min(len(expected), len(held)) + 1)


def _same(expected: Any, held: Any) -> bool:
    """Whether two constants are equal; what is empty is as good as left out."""
    nothing: tuple[Any, ...] = (None, [], "", {})
    return bool(expected == held) or (expected in nothing and held in nothing)
