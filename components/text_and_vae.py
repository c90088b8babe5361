"""What the configurations of a CLIP text encoder and of a VAE must say for a run to be right."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import CLIPTextConfig

from components.declared import require_known_fields
from components.errors import CheckpointError

_SAVED_BY_LIBRARY = ("transformers_version", "torch_dtype", "dtype", "projection_dim")


def require_text_model(config: Mapping[str, Any], path: Path) -> None:
    """Raise `CheckpointError` unless a text encoder is a plain CLIP text model of token ids.

    Args:
        config: Its parsed configuration.
        path: The file that it was read from.
    """
    if config.get("use_attention_mask"):
        raise CheckpointError(
            f"{path} has use_attention_mask, expected none: the text encoder takes token ids only"
        )
    if config.get("model_type", "clip_text_model") != "clip_text_model":
        raise CheckpointError(
            f"{path} has model_type = {config['model_type']!r}, expected 'clip_text_model'"
        )
    for name in ("eos_token_id", "bos_token_id", "pad_token_id"):
        if type(config.get(name, 0)) is not int:
            raise CheckpointError(f"{path} has {name} = {config[name]!r}, expected a token id")
    known = {*CLIPTextConfig().to_dict(), *_SAVED_BY_LIBRARY}
    require_known_fields(known, config, path)


def require_scale(config: Mapping[str, Any], path: Path) -> None:
    """Raise `CheckpointError` unless a VAE's latents are scaled by one positive number."""
    scale = config.get("scaling_factor", 1.0)
    if type(scale) not in (int, float) or not 0 < scale < math.inf:
        raise CheckpointError(
            f"{path} has scaling_factor = {repr(scale)[:60]}, expected a positive number"
        )
