"""The CLIP tokenizer of a checkpoint: text to token ids, and its files for an artifact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from transformers import CLIPTokenizer, CLIPTokenizerFast

from components.component import TensorSpec
from components.declared import reports_instead_of_warnings, tokenizer_files, understood
from components.errors import CheckpointError

FOLDER = "tokenizer"
_FILES = {"vocabulary": "vocab.json", "merges": "merges.txt"}
"""For each name in a manifest the file that apps read."""


def load_tokenizer(checkpoint: Path) -> Any:
    """The tokenizer of a checkpoint, from local files only."""
    folder = checkpoint / FOLDER
    kind = CLIPTokenizer if "vocab.json" in tokenizer_files(folder) else CLIPTokenizerFast
    with understood(folder), reports_instead_of_warnings():
        return kind.from_pretrained(folder, local_files_only=True)


def token_ids(checkpoint: Path, prompt: str, spec: TensorSpec) -> np.ndarray:
    """The token ids of a prompt, cut or padded to the text encoder's input (1,tokens) int32."""
    tokenizer, length = _fitting(checkpoint, spec), spec.shape[1]
    with understood(checkpoint / FOLDER):
        made = tokenizer(prompt, padding="max_length", max_length=length, truncation=True)
    return np.array([made.input_ids], np.int32)


def check_tokenizer(checkpoint: Path, spec: TensorSpec) -> None:
    """Raise `CheckpointError` unless all that a tokenizer gives fits the text encoder's input."""
    _fitting(checkpoint, spec)
    token_ids(checkpoint, "a", spec)


def _fitting(checkpoint: Path, spec: TensorSpec) -> Any:
    folder, tokenizer, length = checkpoint / FOLDER, load_tokenizer(checkpoint), spec.shape[1]
    if tokenizer.model_max_length != length:
        raise CheckpointError(
            f"{folder} pads to {tokenizer.model_max_length} tokens, expected {length} as the "
            f"text encoder's max_position_embeddings says"
        )
    token, highest = max(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
    if spec.range is not None and highest > spec.range[1]:
        raise CheckpointError(
            f"{folder} gives {token[:40]!r} the token id {highest}, expected at most "
            f"{int(spec.range[1])} as the text encoder's vocab_size says"
        )
    for name in ("bos", "eos", "pad", "unk"):
        if getattr(tokenizer, f"{name}_token_id") is None:
            raise CheckpointError(f"{folder} has no {name}_token, expected one of its vocabulary")
    return tokenizer


def write_tokenizer(checkpoint: Path, folder: Path) -> dict[str, Any]:
    """Write a tokenizer below an artifact's folder, as transformers writes it.

    Returns:
        The manifest's entry. Vocabulary and merges are always there, also where the checkpoint has
        them in one `tokenizer.json`.
    """
    tokenizer = load_tokenizer(checkpoint)
    with understood(checkpoint / FOLDER), reports_instead_of_warnings():
        tokenizer.save_pretrained(folder / FOLDER, legacy_format=True)
    return {
        "kind": "clip",
        **{name: f"{FOLDER}/{file}" for name, file in _FILES.items()},
        "length": tokenizer.model_max_length,
        "start": tokenizer.bos_token_id,
        "end": tokenizer.eos_token_id,
        "pad": tokenizer.pad_token_id,
        "unknown": tokenizer.unk_token_id,
        "whole": dict(sorted(tokenizer.get_added_vocab().items())),
    }
