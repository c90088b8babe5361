"""LoRAs with random weights, as diffusers, peft and kohya's scripts write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

RANK = 3
TARGETS = r"\.(to_q|to_k|to_v|to_out\.0|q_proj|v_proj|out_proj|fc1|proj_in|conv1)$"
"""Modules that get a LoRA: linear ones, and convolutions of one and of three pixels."""
KOHYA = {"unet": "lora_unet", "text_encoder": "lora_te", "text_encoder_2": "lora_te2"}


def pairs(
    modules: Mapping[str, Any], *, seed: int, rank: int = RANK, targets: str = TARGETS
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """For each `PART.MODULE` that is to change, the two matrices, down and up."""
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for part, model in modules.items():
        for name, module in model.named_modules():
            if part == "vae" or not re.search(targets, f".{name}"):
                continue
            out, into, *kernel = module.weight.shape
            down = torch.randn(rank, into, *kernel, generator=generator)
            up = torch.randn(out, rank, *(1 for _ in kernel), generator=generator)
            made[f"{part}.{name}"] = (down * 0.1, up * 0.1)
    return made


def save_peft(path: Path, changed: Mapping[str, tuple[torch.Tensor, torch.Tensor]]) -> Path:
    """As peft names the matrices, and diffusers saves them."""
    state = {}
    for name, (down, up) in changed.items():
        state[f"{name}.lora_A.weight"] = down
        state[f"{name}.lora_B.weight"] = up
    save_file(state, path)
    return path


def save_kohya(
    path: Path,
    changed: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    *,
    large: bool = False,
    alphas: Callable[[str], float] = lambda module: 2.0,
) -> Path:
    """As kohya's scripts do, with an alpha for each module."""
    names = {**KOHYA, "text_encoder": "lora_te1"} if large else KOHYA
    state = {}
    for full, (down, up) in changed.items():
        part, _, module = full.partition(".")
        name = f"{names[part]}_{module.replace('.', '_')}"
        state[f"{name}.lora_down.weight"] = down
        state[f"{name}.lora_up.weight"] = up
        state[f"{name}.alpha"] = torch.tensor(alphas(full))
    save_file(state, path)
    return path
