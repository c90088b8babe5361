"""A trained pipeline or judge as the checkpoint that ships: fp16 safetensors and a model card."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from avatar.judge import KINDS, Judge
from avatar.model import AvatarPipeline
from avatar.people import ATTRIBUTES, DesignerStyle
from avatar.styles_file import STYLES_FILE, dump_styles
from distillation.report import NETWORKS, network_size
from distillation.run_folder import PIPELINE_FILE, publishing
from distillation.training import read_record
from support.render import render

TEMPLATES = Path(__file__).parent / "templates"

BASE_RUNS = ("autoencoder", "identity")
"""Names of the runs that every checkpoint needs, beside its own."""

LOCAL_KEYS = ("_name_or_path",)
"""Keys that diffusers writes into configurations and that name a folder of this machine."""


def publish_pipeline(
    pipeline: AvatarPipeline,
    styles: Sequence[DesignerStyle],
    runs: Sequence[Path],
    report: dict[str, Any] | None,
    psnr: dict[str, float],
    out: Path,
    note: str = "",
) -> None:
    """Write the checkpoint folder `out` in one step.

    Args:
        pipeline: The trained pipeline.
        styles: The styles that it knows, by index.
        runs: Folders of the runs that it came from, in order.
        report: What `python -m distillation report` wrote; None for styles that the judge does not
            know.
        psnr: PSNR in dB of the autoencoder's reconstructions, by style name.
        out: Folder of the checkpoint.
        note: What the runs' records do not say of the training.

    Raises:
        RunError: A run has no record.
        PublishError: Something else is at `out`.
    """
    card = model_card(
        styles=styles,
        sizes={name: network_size(pipeline, name) for name in NETWORKS},
        records=[record for run in runs for record in records(run)],
        report=report,
        psnr=psnr,
        sampler=dict(pipeline.sampler.config),
        note=note,
    )
    files = {STYLES_FILE: dump_styles(styles), "README.md": card.encode()}
    _write(copy.deepcopy(pipeline).to(torch.float16), files, out, marker=PIPELINE_FILE)


def publish_judge(
    judge: Judge, run: Path, ceiling: dict[str, Any], out: Path, note: str = ""
) -> None:
    """Write the judge of a run to the folder `out` in one step.

    `ceiling` is what `judge_ceiling` gave, and `note` what the run's record does not say of the
    training. Raises as `publish_pipeline` does.
    """
    facts = {"records": records(run), "ceiling": ceiling, "kinds": KINDS, "note": note}
    files = {"README.md": model_card("judge.md.j2", **facts).encode()}
    _write(copy.deepcopy(judge).half(), files, out, marker="config.json")


def _write(
    model: AvatarPipeline | Judge, files: Mapping[str, bytes], out: Path, *, marker: str
) -> None:
    with publishing(out, marker=marker) as folder:
        model.save_pretrained(folder, safe_serialization=True)
        for config in sorted(folder.rglob("*.json")):
            values = json.loads(config.read_bytes())
            kept = {key: value for key, value in values.items() if key not in LOCAL_KEYS}
            config.write_bytes(f"{json.dumps(kept, indent=2, sort_keys=True)}\n".encode())
        for name, data in files.items():
            (folder / name).write_bytes(data)


def records(run: Path) -> list[dict[str, Any]]:
    """The records of the runs that a run started from, in order, and its own as the last.

    Raises:
        RunError: The run has no record.
    """
    found = [read_record(run)]
    while before := found[0].get("before"):
        found.insert(0, before)
    return [{"own_data": False, "people": 0, **record} for record in found]


def model_card(template: str = "card.md.j2", /, **facts: Any) -> str:
    """The card's text; every figure in it is measured, or read from a run's record."""
    versions = {name: version(name) for name in ("torch", "diffusers", "dicebear-styles")}
    classes = {name: len(found) for name, found in ATTRIBUTES.items()}
    own_data = any(record["own_data"] for record in facts["records"])
    return render(
        TEMPLATES, template, versions=versions, classes=classes, own_data=own_data, **facts
    )
