"""A trained pipeline as the checkpoint that ships: fp16 safetensors and a model card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
import torch
from torch.utils.flop_counter import FlopCounterMode

from avatar.identity_encoder import MAX_SELFIES
from avatar.people.identity import ATTRIBUTES
from avatar.people.styles import DesignerStyle
from avatar.pipeline import AvatarPipeline
from avatar.styles import STYLES_FILE, dump_styles
from components import atomic
from distillation.training import read_record

RUNS = ("autoencoder", "identity", "teacher")
LOCAL_KEYS = ("_name_or_path",)
"""Keys that diffusers writes and that name a folder of the machine."""


def publish(
    pipeline: AvatarPipeline,
    styles: Sequence[DesignerStyle],
    runs: Path,
    scores: dict[str, Any] | None,
    pictures: dict[str, Any],
    out: Path,
    note: str = "",
) -> None:
    """Write the checkpoint folder `out` in one step; `runs` holds the runs it came from.

    `styles` are those it knows, by index; `scores` is what the probe command wrote (it knows the
    built-in styles only), `pictures` the reconstruction's dB by style name, and
    `note` what the runs' records don't say of how it was trained.
    """
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    sizes = {name: measure(pipeline, name) for name in ("identity_encoder", "denoiser", "decoder")}
    pipeline.to(torch.float16).save_pretrained(partial, safe_serialization=True)
    for config in sorted(partial.rglob("*.json")):
        values = json.loads(config.read_text())
        kept = {key: value for key, value in values.items() if key not in LOCAL_KEYS}
        config.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
    (partial / STYLES_FILE).write_bytes(dump_styles(styles))
    card = model_card(
        styles=styles,
        sizes=sizes,
        records=[record for name in RUNS for record in records(runs, name)],
        scores=scores,
        psnr=pictures,
        sampler=dict(pipeline.sampler.config),
        note=note,
    )
    (partial / "README.md").write_text(card)
    atomic.swap_in(partial, out)
    shutil.rmtree(partial, ignore_errors=True)  # what was there before


def records(runs: Path, name: str) -> list[dict[str, Any]]:
    """Record of the run `name`, after those of the runs it started from, each with its name."""
    found = [read_record(runs / name)]
    while before := found[0].get("before"):
        found.insert(0, before)
    return [{"before": None, "own_data": False, **record, "name": name} for record in found]


def model_card(**facts: Any) -> str:
    """The card's text; every figure in it is measured or read from a run's record."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("distillation"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    versions = {name: version(name) for name in ("torch", "diffusers", "dicebear-styles")}
    classes = {name: len(found) for name, found in ATTRIBUTES.items()}
    return environment.get_template("card.md.j2").render(
        versions=versions,
        classes=classes,
        own_data=any(record["own_data"] for record in facts["records"]),
        **facts,
    )


@torch.no_grad()
def measure(pipeline: AvatarPipeline, name: str) -> dict[str, float]:
    """Parameters and multiply-accumulates of one call, in millions and thousands of millions."""
    latents = torch.zeros(pipeline.latent_shape)
    encoder = pipeline.identity_encoder
    inputs = {
        "identity_encoder": (torch.zeros(MAX_SELFIES, 3, 128, 128), torch.ones(MAX_SELFIES)),
        "denoiser": (
            latents,
            torch.ones(1),
            encoder.null_tokens,
            torch.zeros(1, dtype=torch.int32),
        ),
        "decoder": (latents,),
    }[name]
    module = getattr(pipeline, name)
    with FlopCounterMode(display=False) as counter:
        module(*inputs)
    return {
        "parameters": sum(parameter.numel() for parameter in module.parameters()) / 1e6,
        "gmac": counter.get_total_flops() / 2e9,
    }
