"""The model card of an assembled model: every part with its licence, and whose styles it has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from components.adapted.avatar_file import AvatarFile
from components.overlay import Overlay

NAME = "README.md"


def write(folder: Path, wanted: AvatarFile, licences: Mapping[str, str], record: Overlay) -> None:
    """Write `README.md` into a checkpoint's folder; equal arguments give equal bytes."""
    licence = " AND ".join(sorted({*licences.values()}))
    head = ["---", "license: other", f"license_name: {_quoted(licence)}"]
    head += ["library_name: diffusers", "---", ""]
    title = wanted.title or "Avatar model"
    sampler = wanted.sampler
    steps = ", ".join(map(str, (sampler.steps, *sampler.also)))
    lines = [
        f"# {title}",
        "",
        "Draws a person from their selfies in a style: Stable Diffusion with an IP-Adapter, "
        "assembled by Pocket Avatar. It is no model of its own: every licence below holds for "
        "the whole.",
        "",
        f"Up to {wanted.selfies.places} selfies; {steps} steps; guidance {sampler.guidance:g}.",
        "",
        "## Parts",
        "",
        "| part | from | licence | SHA-256 |",
        "| --- | --- | --- | --- |",
    ]
    for (name, found), change in zip(licences.items(), record.changes, strict=False):
        part = name.partition(" ")[0].replace("_", " ")
        lines.append(f"| {part} | {_cell(change.value)} | {_cell(found)} | `{change.sha256}` |")
    lines += ["", "## Styles", "", "| style | tier | creator | licence | source |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for each in wanted.style:
        style = each.designer_style()
        cells = (style.title, style.tier, style.creator, style.licence, style.source)
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    (folder / NAME).write_bytes("\n".join([*head, *lines, ""]).encode())


def _quoted(text: str) -> str:
    """Text as YAML has it in quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{" ".join(escaped.split())}"'


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
