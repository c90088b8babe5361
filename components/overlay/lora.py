"""LoRAs (arXiv 2106.09685) fused into the weights of a checkpoint, by diffusers' own loaders.

Files of kohya's scripts and of diffusers or peft are read. Before any weight is loaded each tensor
of a LoRA is compared with the weight that it changes, because the loaders leave out in silence what
they do not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from diffusers.loaders import StableDiffusionLoraLoaderMixin, StableDiffusionXLLoraLoaderMixin
from diffusers.loaders.lora_base import fuse_text_encoder_lora
from diffusers.utils import (
    convert_state_dict_to_diffusers,
    convert_state_dict_to_peft,
    convert_unet_state_dict_to_peft,
    recurse_remove_peft_layers,
)

from components.checkpoint import understood
from components.declared import load_module, reports_instead_of_warnings
from components.errors import OverlayError
from components.foreign import described
from components.overlay.changes import Lora
from components.overlay.exact import model_class
from components.overlay.folder import CheckpointFolder
from components.overlay.tensors import Tensors, open_tensors
from components.weights import find_weights, some
from support.found_files import describe
from support.progress import Progress

PARTS = ("unet", "text_encoder", "text_encoder_2")
"""The parts that a LoRA may change."""
_FILE = "pytorch_lora_weights.safetensors"
_OTHERS = {
    "hada_": "LoHa",
    "lokr_": "LoKr",
    "oft_": "OFT",
    "glora": "GLoRA",
    "lora_mid": "a LoRA with Tucker decomposition",
    "dora_scale": "DoRA as kohya's scripts write it",
    "bundle_emb": "a LoRA with textual inversion",
}
"""Texts in the names of weights of other adapters, which diffusers does not read, or not whole."""


@dataclass(frozen=True, kw_only=True)
class _Adapter:
    """A LoRA as diffusers' loaders take it."""

    file: Path
    strength: float
    state: dict[str, torch.Tensor]
    alphas: dict[str, float] | None
    metadata: dict[str, Any] | None

    def of(self, part: str) -> dict[str, torch.Tensor]:
        """The tensors for one part, with their prefix."""
        return {k: v for k, v in self.state.items() if k.startswith(f"{part}.")}


def lora_file(path: Path) -> Path:
    """The safetensors file that is meant by the path of a LoRA.

    Raises:
        OverlayError: There is none.
    """
    file = path / _FILE if path.is_dir() else path
    if file.is_file() and describe(file)[0] == "a safetensors file":
        return file
    if not file.is_file():
        raise OverlayError(f"--lora: there is no file {file}, expected a safetensors file")
    raise OverlayError(f"--lora: {file} is {described(file)}, expected a safetensors file")


def fuse(folder: CheckpointFolder, loras: Sequence[Lora], progress: Progress) -> None:
    """Fuse LoRAs, in order, into the parts of a checkpoint, one part in memory at a time.

    Law: the weights are those of diffusers' pipeline after `load_lora_weights` and
    `fuse_lora(lora_scale=strength)` for each LoRA, in the types that the checkpoint has.

    Args:
        folder: The checkpoint; its parts get new files where a LoRA changes them.
        loras: What to fuse.
        progress: Hears of each part.

    Raises:
        OverlayError: A LoRA is none, or it is one of another model.
        CheckpointError: A file cannot be read.
    """
    folder.part("unet")
    adapters = [_read(folder, lora) for lora in loras]
    parts = [part for part in PARTS if folder.has(part)]
    for adapter in adapters:
        _require_used(adapter, parts, folder)
    for part in parts:
        if used := [adapter for adapter in adapters if adapter.of(part)]:
            progress(f"fusing {len(used)} LoRA{'s' * (len(used) > 1)} into the {part}")
            _fuse_part(folder, part, used)


def _loader(folder: CheckpointFolder) -> Any:
    large = folder.has("text_encoder_2")
    return StableDiffusionXLLoraLoaderMixin if large else StableDiffusionLoraLoaderMixin


def _read(folder: CheckpointFolder, lora: Lora) -> _Adapter:
    file = lora_file(lora.file)
    with ExitStack() as stack:
        _require_plain(file, open_tensors([file], stack))
    # Names by block of the original code are translated by the layers of a block.
    layers = SimpleNamespace(layers_per_block=folder.config("unet").get("layers_per_block", 2))
    with understood(file), reports_instead_of_warnings():
        state, alphas, metadata = _loader(folder).lora_state_dict(
            str(file), unet_config=layers, use_safetensors=True, return_lora_metadata=True
        )
    return _Adapter(
        file=lora.file, strength=lora.strength, state=state, alphas=alphas, metadata=metadata
    )


def _require_plain(file: Path, tensors: Tensors) -> None:
    for text, what in _OTHERS.items():
        if any(text in name for name in tensors):
            raise OverlayError(f"--lora: {file} is {what}, expected a plain LoRA")
    if not any("lora" in name for name in tensors):
        raise OverlayError(f"--lora: {file} holds {some(tensors)}, expected the weights of a LoRA")


def _require_used(adapter: _Adapter, parts: Sequence[str], folder: CheckpointFolder) -> None:
    """Raise `OverlayError` unless every tensor of a LoRA has a weight that it fits."""
    kind = folder.index["_class_name"]
    left = [name for name in adapter.state if name.partition(".")[0] not in parts]
    if left:
        raise OverlayError(
            f"--lora: {adapter.file} changes {some(left)}, expected parts of this {kind}: "
            f"{', '.join(parts)}"
        )
    for part in parts:
        tensors = _as_peft(part, adapter.of(part))
        if not tensors:
            continue
        library, _ = folder.part(part)
        with ExitStack() as stack:
            weights = open_tensors(find_weights(folder.path / part, library).files, stack).shapes
        for name, expected, found in _misfits(tensors, weights):
            raise OverlayError(
                f"--lora: {adapter.file} is of another model: {part}.{name} is {found}, "
                f"expected {expected} as this {kind} has"
            )


def _as_peft(part: str, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors as `MODULE.lora_A.weight` and `MODULE.lora_B.weight`, as the loaders name them."""
    bare = {name.removeprefix(f"{part}."): tensor for name, tensor in state.items()}
    made: dict[str, torch.Tensor]
    if part == "unet":
        old = bare and "lora_A" not in next(iter(bare))
        made = convert_unet_state_dict_to_peft(bare) if old else bare
    else:
        made = convert_state_dict_to_peft(convert_state_dict_to_diffusers(bare)) if bare else bare
    return made


def _misfits(
    tensors: Mapping[str, torch.Tensor], weights: Mapping[str, tuple[int, ...]]
) -> Iterator[tuple[str, str, str]]:
    """Name, what was expected and what was found, of tensors that fit no weight."""
    for name, tensor in tensors.items():
        match = re.fullmatch(r"(.+)\.lora_(A|B|magnitude_vector)(\.weight|\.bias)?", name)
        weight = weights.get(f"{match[1]}.weight") if match else None
        if match is None or weight is None:
            yield name, "a weight of that name", "there"
        elif match[2] == "A" and tensor.shape[1:] != weight[1:]:
            yield name, _shown((tensor.shape[0], *weight[1:])), _shown(tensor.shape)
        elif match[2] == "B" and tensor.shape[0] != weight[0]:
            yield name, _shown((weight[0], *tensor.shape[1:])), _shown(tensor.shape)


def _shown(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _fuse_part(folder: CheckpointFolder, part: str, adapters: Sequence[_Adapter]) -> None:
    library, name = folder.part(part)
    with ExitStack() as stack:
        files = find_weights(folder.path / part, library).files
        tensors = open_tensors(files, stack)
        dtypes = {key: tensors[key].dtype for key in tensors}
    used = set(dtypes.values())
    dtype = used.pop() if len(used) == 1 else torch.float32
    module = load_module(model_class(library, name), folder.path, part, dtype)
    for adapter in adapters:
        with understood(adapter.file), reports_instead_of_warnings():
            _fuse_one(_loader(folder), module, part, adapter)
    state = module.state_dict()
    folder.set_weights(part, library, {k: v.to(dtypes.get(k, dtype)) for k, v in state.items()})


def _fuse_one(loader: Any, module: Any, part: str, adapter: _Adapter) -> None:
    given = {"adapter_name": "overlay", "metadata": adapter.metadata}
    if part == "unet":
        loader.load_lora_into_unet(adapter.state, adapter.alphas, module, **given)
        module.fuse_lora(lora_scale=adapter.strength)
        module.unload_lora()
        return
    loader.load_lora_into_text_encoder(adapter.state, adapter.alphas, module, prefix=part, **given)
    fuse_text_encoder_lora(module, lora_scale=adapter.strength)
    recurse_remove_peft_layers(module)
    del module.peft_config
    module._hf_peft_config_loaded = False
