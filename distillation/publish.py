"""A trained pipeline as the checkpoint that ships: fp16 safetensors and a model card."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from avatar.judge import KINDS, Judge
from avatar.model import AvatarPipeline
from avatar.people import ATTRIBUTES, DesignerStyle
from avatar.styles import STYLES_FILE, dump_styles
from distillation.cost import PARTS, measure
from distillation.training import read_record
from support import atomic
from support.render import render

TEMPLATES = Path(__file__).parent / "templates"

RUNS = ("autoencoder", "identity")
"""Runs that every checkpoint needs, beside its own."""

LOCAL_KEYS = ("_name_or_path",)
"""Keys that diffusers writes and that name a folder of the machine."""


def publish(
    pipeline: AvatarPipeline,
    styles: Sequence[DesignerStyle],
    runs: Sequence[Path],
    report: dict[str, Any] | None,
    psnr: dict[str, float],
    out: Path,
    note: str = "",
) -> None:
    """Write the checkpoint folder `out` in one step; `runs` are the runs it came from, in order.

    `styles` are those it knows, by index; `report` is what the report command wrote (the judge
    knows the built-in styles only), `psnr` the autoencoder's dB by style name, and `note` what the
    runs' records don't say of how it was trained.
    """
    card = model_card(
        styles=styles,
        sizes={name: measure(pipeline, name) for name in PARTS},
        records=[record for run in runs for record in records(run)],
        report=report,
        psnr=psnr,
        sampler=dict(pipeline.sampler.config),
        note=note,
    )
    files = {STYLES_FILE: dump_styles(styles), "README.md": card.encode()}
    _write(copy.deepcopy(pipeline).to(torch.float16), files, out)


def publish_judge(
    judge: Judge, run: Path, ceiling: dict[str, Any], out: Path, note: str = ""
) -> None:
    """Write the judge of `run` to the folder `out` in one step; `ceiling` says how good it is, and
    `note` what the run's record doesn't say of how it was trained."""
    facts = {"records": records(run), "ceiling": ceiling, "kinds": KINDS, "note": note}
    _write(
        copy.deepcopy(judge).half(), {"README.md": model_card("judge.md.j2", **facts).encode()}, out
    )


def _write(model: AvatarPipeline | Judge, files: Mapping[str, bytes], out: Path) -> None:
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.save_pretrained(partial, safe_serialization=True)
    for config in sorted(partial.rglob("*.json")):
        values = json.loads(config.read_text())
        kept = {key: value for key, value in values.items() if key not in LOCAL_KEYS}
        config.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
    for name, data in files.items():
        (partial / name).write_bytes(data)
    atomic.swap_in(partial, out)
    shutil.rmtree(partial, ignore_errors=True)  # what was there before


def records(run: Path) -> list[dict[str, Any]]:
    """Record of a run, after those of the runs that it started from."""
    found = [read_record(run)]
    while before := found[0].get("before"):
        found.insert(0, before)
    return [{"own_data": False, "people": 0, **record} for record in found]


def model_card(template: str = "card.md.j2", /, **facts: Any) -> str:
    """The card's text; every figure in it is measured or read from a run's record."""
    versions = {name: version(name) for name in ("torch", "diffusers", "dicebear-styles")}
    classes = {name: len(found) for name, found in ATTRIBUTES.items()}
    own_data = any(record["own_data"] for record in facts["records"])
    return render(
        TEMPLATES, template, versions=versions, classes=classes, own_data=own_data, **facts
    )
