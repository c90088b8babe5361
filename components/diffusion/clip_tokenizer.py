"""The CLIP tokenizer of a checkpoint: text to token ids, and its files for an artifact."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from transformers import CLIPTokenizer, CLIPTokenizerFast

from components.checkpoint import read_json
from components.component import TensorSpec
from components.declared import reports_instead_of_warnings, tokenizer_files, understood
from components.errors import CheckpointError

FOLDERS = {"text_encoder": "tokenizer", "text_encoder_2": "tokenizer_2"}
"""For each text encoder the folder of its tokenizer, in a checkpoint and in an artifact."""
_FILES = {"vocabulary": "vocab.json", "merges": "merges.txt"}
"""For each name in a manifest the file that apps read."""


_EXPECTED = {
    "tokenizer_class": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "do_lower_case": (True,),
    "add_prefix_space": (False,),
    "add_bos_token": (True,),
    "add_eos_token": (True,),
    "padding_side": ("right",),
    "truncation_side": ("right",),
    "split_special_tokens": (False,),
    "auto_map": (None,),
}
"""Settings that a CLIP tokenizer ignores, or that apps do not follow, with what they may be."""
_SPECIAL = ("bos", "eos", "pad", "unk")


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in a folder, from local files only."""
    kind = CLIPTokenizer if "vocab.json" in tokenizer_files(folder) else CLIPTokenizerFast
    if kind is CLIPTokenizer:
        for token, index in read_json(folder / "vocab.json").items():
            if type(index) is not int or index < 0:
                raise CheckpointError(
                    f"{folder / 'vocab.json'} gives {token[:40]!r} the id {index!r}, "
                    f"expected a number from 0"
                )
    with understood(folder), reports_instead_of_warnings():
        return kind.from_pretrained(folder, local_files_only=True)


def token_ids(folder: Path, prompt: str, spec: TensorSpec) -> np.ndarray:
    """The token ids of a prompt, cut or padded to the text encoder's input (1,tokens) int32.

    Args:
        folder: The tokenizer's folder.
        prompt: The text.
        spec: The text encoder's input.
    """
    tokenizer, length = _fitting(folder, spec), spec.shape[1]
    with understood(folder):
        made = tokenizer(prompt, padding="max_length", max_length=length, truncation=True)
    return np.array([made.input_ids], np.int32)


def check_tokenizer(folder: Path, spec: TensorSpec) -> None:
    """Raise `CheckpointError` unless all that a tokenizer gives fits the text encoder's input."""
    tokenizer_files(folder)
    _check_settings(folder)
    _check_vocabulary(folder, _fitting(folder, spec))
    token_ids(folder, "a", spec)


def _check_settings(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    for name, value in (read_json(path) if path.is_file() else {}).items():
        allowed = _EXPECTED.get(name, (value,))
        if value not in allowed and value is not None:
            raise CheckpointError(
                f"{path} has {name} = {repr(value)[:60]}, expected {' or '.join(map(str, allowed))}"
            )


def _check_vocabulary(folder: Path, tokenizer: Any) -> None:
    """Raise `CheckpointError` where files of a tokenizer contradict each other, or one is cut."""
    vocabulary, added = tokenizer.get_vocab(), tokenizer.get_added_vocab()
    if len(set(vocabulary.values())) != len(vocabulary):
        raise CheckpointError(f"{folder} gives two tokens one id, expected an id for each")
    path = folder / "added_tokens.json"
    for token, index in (read_json(path) if path.is_file() else {}).items():
        if vocabulary.get(token) != index:
            raise CheckpointError(
                f"{path} has {token[:40]!r} = {index}, which the tokenizer does not know: merge "
                f"it into tokenizer_config.json, or remove it"
            )
    path = folder / "special_tokens_map.json"
    special = read_json(path) if path.is_file() else {}
    for name in (f"{name}_token" for name in _SPECIAL):
        value = special.get(name)
        said = value.get("content") if isinstance(value, dict) else value
        if said is not None and said != getattr(tokenizer, name):
            raise CheckpointError(
                f"{path} has {name} = {said!r}, expected {getattr(tokenizer, name)!r} as "
                f"tokenizer_config.json says"
            )
    if (folder / "merges.txt").is_file():
        _check_merges(folder / "merges.txt", vocabulary.keys(), added.keys())


def _check_merges(path: Path, vocabulary: Collection[str], added: Collection[str]) -> None:
    """Every merge makes a token, and every token but letters and whole ones comes from a merge."""
    made = set(added)
    for number, line in enumerate(path.read_text(encoding="utf-8").strip().split("\n")[1:], 2):
        pair = line.split()
        if len(pair) != 2 or "".join(pair) not in vocabulary:
            raise CheckpointError(
                f"{path}:{number} is {line[:40]!r}, expected two parts of a token in the vocabulary"
            )
        made.add("".join(pair))
    for token in vocabulary:
        if token not in made and len(token.removesuffix("</w>")) > 1:
            raise CheckpointError(
                f"{path} merges no parts to {token[:40]!r}, which the vocabulary has: it is cut "
                f"short, or another tokenizer's"
            )


def _fitting(folder: Path, spec: TensorSpec) -> Any:
    tokenizer, length = load_tokenizer(folder), spec.shape[1]
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
    for name in _SPECIAL:
        if getattr(tokenizer, f"{name}_token_id") is None:
            raise CheckpointError(f"{folder} has no {name}_token, expected one of its vocabulary")
    return tokenizer


def write_tokenizer(source: Path, artifact: Path) -> dict[str, Any]:
    """Write a tokenizer below an artifact's folder, as transformers writes it.

    Args:
        source: The tokenizer's folder in a checkpoint; it has the same name in the artifact.
        artifact: The artifact's folder.

    Returns:
        The manifest's entry. Vocabulary and merges are always there, also where the checkpoint has
        them in one `tokenizer.json`.
    """
    tokenizer = load_tokenizer(source)
    with understood(source), reports_instead_of_warnings():
        tokenizer.save_pretrained(artifact / source.name, legacy_format=True)
    return {
        "kind": "clip",
        **{name: f"{source.name}/{file}" for name, file in _FILES.items()},
        "length": tokenizer.model_max_length,
        "start": tokenizer.bos_token_id,
        "end": tokenizer.eos_token_id,
        "pad": tokenizer.pad_token_id,
        "unknown": tokenizer.unk_token_id,
        "whole": dict(sorted(tokenizer.get_added_vocab().items())),
    }
