"""Weights of diffusers' networks read tensor by tensor: never the file and the network at once.

diffusers maps a file of weights into memory while it makes the fp32 network, so that a UNet in fp16
takes half as much again for a moment. Here a file is closed after every tensor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from safetensors import safe_open
from torch import Tensor


def load_streamed(kind: Any, folder: Path, files: Sequence[Path]) -> tuple[Any, dict[str, Any]]:
    """Load a network as `kind.from_pretrained` does, in float32.

    Args:
        kind: A model class of diffusers.
        folder: The folder with its `config.json`.
        files: Its weights: one file, or shards that share no name.

    Returns:
        The network in eval mode, and what `from_pretrained` reports with `output_loading_info`.
    """
    with init_empty_weights():
        module = kind.from_config(kind.load_config(folder, local_files_only=True))
    held = {name: (path, name) for path in files for name in _names(path)}
    if len(files) == 1:  # names of older versions; shards came after them
        module._fix_state_dict_keys_on_load(held)
    expected: Mapping[str, Tensor] = module.state_dict()
    state, mismatched = {}, []
    for name in held.keys() & expected.keys():
        tensor = _read(*held[name])
        if tensor.shape == expected[name].shape:
            state[name] = tensor
        else:
            mismatched.append(name)
    module.load_state_dict(state, strict=False, assign=True)
    report = {
        "missing_keys": sorted(expected.keys() - held.keys()),
        "unexpected_keys": sorted(held.keys() - expected.keys()),
        "mismatched_keys": sorted(mismatched),
    }
    return module.eval(), report


def _names(path: Path) -> list[str]:
    with safe_open(path, framework="pt") as file:
        return list(file.keys())


def _read(path: Path, name: str) -> Tensor:
    """A tensor in memory of its own; floating-point numbers in float32."""
    with safe_open(path, framework="pt") as file:
        tensor: Tensor = file.get_tensor(name)
        kind = torch.float32 if tensor.is_floating_point() else tensor.dtype
        return tensor.to(kind, copy=True)


def read_state(files: Sequence[Path]) -> dict[str, Tensor]:
    """All tensors of files that share no name; floating-point numbers in float32."""
    return {name: _read(path, name) for path in files for name in _names(path)}
