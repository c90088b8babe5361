"""OpenAI CLIP's tokenizer as files: single-file checkpoints do not bring it, and all have it."""

from __future__ import annotations

import gzip
import json
from importlib.resources import files
from pathlib import Path

from support import atomic

LENGTH = 77
"""Tokens of a prompt, start and end included."""
VOCABULARY = 49_408
"""Token ids: 256 bytes, the same at a word's end, one for each merge, start and end."""
_START, _END = "<|startoftext|>", "<|endoftext|>"


def write_tokenizer(folder: Path, *, pad: str, length: int = LENGTH) -> None:
    """Write the files of a `CLIPTokenizer`.

    Args:
        folder: Where to; it is made.
        pad: The token that fills a prompt up: the end token for CLIP itself, `!` for OpenCLIP.
        length: Tokens of a prompt.
    """
    merges = _merges()
    tokens = {"bos_token": _START, "eos_token": _END, "pad_token": pad, "unk_token": _END}
    settings = {
        "add_prefix_space": False,
        "do_lower_case": True,
        "errors": "replace",
        "model_max_length": length,
        "tokenizer_class": "CLIPTokenizer",
        **tokens,
    }
    _write(folder / "vocab.json", json.dumps(_vocabulary(merges), ensure_ascii=False))
    _write(folder / "merges.txt", "\n".join(("#version: 0.2", *merges, "")))
    _write(folder / "special_tokens_map.json", json.dumps(tokens, indent=2))
    _write(folder / "tokenizer_config.json", json.dumps(settings, indent=2))


def _write(path: Path, text: str) -> None:
    atomic.write(path, text.encode())


def _merges() -> list[str]:
    """The 48,894 merges of OpenAI CLIP, in order (MIT licence, see NOTICE)."""
    data = (files("components.overlay") / "data" / "clip_merges.txt.gz").read_bytes()
    return gzip.decompress(data).decode().split("\n")[:-1]


def _vocabulary(merges: list[str]) -> dict[str, int]:
    """Every token's id, in the order of OpenAI's `SimpleTokenizer`."""
    from transformers.models.clip.tokenization_clip import bytes_to_unicode

    letters = [*bytes_to_unicode().values()]
    pairs = [merge.replace(" ", "") for merge in merges]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *pairs, _START, _END]
    return {token: index for index, token in enumerate(tokens)}
