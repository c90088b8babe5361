"""Prompts of styles as the embeddings that a UNet reads, so that no text encoder ships."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from components.adapted.avatar_file import StyleSettings
from components.component import PipelineComponents, TensorSpec
from components.diffusion import clip_tokenizer
from components.errors import AssemblyError
from components.reference import runner


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """The embeddings of all styles.

    Attributes:
        text: (styles,2,tokens,width): negative prompt and prompt of each.
        pooled: (styles,2,width) of one vector each, where the UNet takes that; else None.
    """

    text: Tensor
    pooled: Tensor | None


def embed(base: PipelineComponents, styles: Sequence[StyleSettings], *, zeros: bool) -> Prompts:
    """Embed the prompts of all styles, one text encoder in memory at a time.

    Args:
        base: A pipeline of Stable Diffusion.
        styles: The styles.
        zeros: Whether the negative prompt of a style without one is zeros instead of an empty text.

    Raises:
        AssemblyError: A prompt is longer than a text encoder reads.
    """
    texts, pooled = [], None
    for name in (name for name in base.names if name in clip_tokenizer.FOLDERS):
        component = base.component(name)
        (spec,) = component.inputs
        folder = base.checkpoint / clip_tokenizer.FOLDERS[name]
        run = runner(component)
        outputs = []
        for style in styles:
            for field, text in (("negative", style.negative), ("prompt", style.prompt)):
                _require_short(folder, style.name, field, text, spec)
                made = run({spec.name: clip_tokenizer.token_ids(folder, text, spec)})
                empty = zeros and field == "negative" and not text
                outputs.append({key: array * (not empty) for key, array in made.items()})
        texts.append(_stacked(outputs, "text_embeddings", len(styles)))
        if "pooled_text" in outputs[0]:
            pooled = _stacked(outputs, "pooled_text", len(styles))
        del component, run  # its weights leave memory before the next one's come
    return Prompts(text=torch.cat(texts, dim=-1), pooled=pooled)


def _stacked(outputs: Sequence[dict[str, np.ndarray]], name: str, styles: int) -> Tensor:
    """Outputs (1,…) of negative prompt and prompt of each style as (styles,2,…)."""
    arrays = np.concatenate([made[name] for made in outputs])
    return torch.from_numpy(arrays.reshape(styles, 2, *arrays.shape[1:]))


def _require_short(folder: Path, style: str, field: str, text: str, spec: TensorSpec) -> None:
    tokenizer = clip_tokenizer.load_tokenizer(folder)
    ids, most = tokenizer(text).input_ids, spec.shape[1]
    if len(ids) > most:
        kept = tokenizer.decode(ids[: most - 1], skip_special_tokens=True)
        raise AssemblyError(
            f"style {style}: its {field} has {len(ids) - 2} tokens, expected at most {most - 2}: "
            f"shorten it; what follows “…{kept[-30:]}” would be lost"
        )
