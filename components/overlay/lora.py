"""LoRAs (arXiv 2106.09685) fused into the weights of a checkpoint.

Files of kohya's scripts and of diffusers or peft are read, by diffusers' own translation of names.
The rest is done here, because the loaders behind it leave out in silence what they do not know:
every tensor must have a weight that it fits, and each module has its own rank and alpha.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from diffusers.loaders import StableDiffusionLoraLoaderMixin, StableDiffusionXLLoraLoaderMixin
from torch import Tensor
from torch.nn import functional as F

from components.checkpoint import understood
from components.declared import reports_instead_of_warnings
from components.errors import OverlayError
from components.foreign import described
from components.overlay.changes import Lora
from components.overlay.folder import CheckpointFolder
from components.overlay.tensors import Shapes, Tensors, open_tensors
from components.weights import find_weights, some
from support.found_files import describe
from support.hub_cache import snapshot
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
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "bundle_emb": "a LoRA with textual inversion",
}
"""Texts in the names of weights of other adapters."""
_RENAMED = (
    (r"\.self_attn\.to_(q|k|v|out)_lora\.", r".self_attn.\1_proj.lora."),
    (r"\.processor\.to_out_lora\.", ".to_out.0.lora."),
    (r"\.processor\.to_(q|k|v)_lora\.", r".to_\1.lora."),
    (r"\.lora_linear_layer\.", ".lora."),
    (r"\.lora\.down(\.|$)", r".lora_A\1"),
    (r"\.lora\.up(\.|$)", r".lora_B\1"),
)
"""From the ways in which diffusers has named tensors to peft's: `MODULE.lora_A.weight`."""


@dataclass(frozen=True, kw_only=True)
class _Update:
    """What a LoRA adds to one weight: `scale · up @ down`.

    Attributes:
        down: (rank, inputs) or, for a convolution, (rank, inputs, height, width).
        up: (outputs, rank), or with two more dimensions of size 1.
        scale: Alpha by rank, and the user's strength.
    """

    down: Tensor
    up: Tensor
    scale: float


@dataclass(frozen=True, kw_only=True)
class _Adapter:
    """A LoRA with its tensors by name, `PART.MODULE.lora_A.weight`, and each module's scale."""

    lora: Lora
    state: dict[str, Tensor]
    scales: Mapping[str, float]

    def updates(self, part: str) -> dict[str, _Update]:
        """What is added to the weights of a part, by their names."""
        modules = {_module(name) for name in self.state if name.startswith(f"{part}.")}
        return {
            f"{module.removeprefix(f'{part}.')}.weight": _Update(
                down=self.state[f"{module}.lora_A.weight"],
                up=self.state[f"{module}.lora_B.weight"],
                scale=self.scales[module] * self.lora.strength,
            )
            for module in sorted(modules)
        }


def lora_file(path: Path) -> Path:
    """The safetensors file that is meant by the path of a LoRA.

    Raises:
        OverlayError: There is none.
    """
    path = snapshot(path)
    file = path / _FILE if path.is_dir() else path
    if file.is_file() and describe(file)[0] == "a safetensors file":
        return file
    if not file.is_file():
        raise OverlayError(f"--lora: there is no file {file}, expected a safetensors file")
    raise OverlayError(f"--lora: {file} is {described(file)}, expected a safetensors file")


def fuse(folder: CheckpointFolder, loras: Sequence[Lora], progress: Progress) -> None:
    """Fuse LoRAs, in order, into the parts of a checkpoint, one part in memory at a time.

    Law: the weights are those of diffusers' pipeline after `load_lora_weights` and
    `fuse_lora(lora_scale=strength)` for each LoRA, wherever that uses all tensors and alphas.
    Updates are computed in float32, and weights are then rounded to the types that they have.

    Args:
        folder: The checkpoint; its parts get new files where a LoRA changes them.
        loras: What to fuse.
        progress: Hears of each part.

    Raises:
        OverlayError: A LoRA is none, or it is one of another model.
        CheckpointError: A file cannot be read.
    """
    folder.part("unet")
    parts = [part for part in PARTS if folder.has(part)]
    adapters = [_read(folder, lora) for lora in loras]
    for adapter in adapters:
        _require_used(adapter, parts, folder)
    for part in parts:
        updates = [found for adapter in adapters if (found := adapter.updates(part))]
        if updates:
            progress(f"fusing {len(updates)} LoRA{'s' * (len(updates) > 1)} into the {part}")
            _fuse_part(folder, part, updates)


def _read(folder: CheckpointFolder, lora: Lora) -> _Adapter:
    file = lora_file(lora.file)
    with ExitStack() as stack:
        _require_plain(file, open_tensors([file], stack))
    large = folder.has("text_encoder_2")
    loader = StableDiffusionXLLoraLoaderMixin if large else StableDiffusionLoraLoaderMixin
    # Names by block of the original code are translated by the layers of a block.
    layers = SimpleNamespace(layers_per_block=folder.config("unet").get("layers_per_block", 2))
    with understood(file), reports_instead_of_warnings():
        state, alphas, metadata = loader.lora_state_dict(
            str(file.parent),
            weight_name=file.name,
            local_files_only=True,
            use_safetensors=True,
            unet_config=layers,
            return_lora_metadata=True,
        )
    state = {_renamed(name): tensor for name, tensor in state.items()}
    _require_pairs(file, state)
    with understood(file):
        scales = _scales(state, alphas or {}, metadata or {})
    return _Adapter(lora=lora, state=state, scales=scales)


def _renamed(name: str) -> str:
    for pattern, new in _RENAMED:
        name = re.sub(pattern, new, name)
    return name


def _module(name: str) -> str:
    return re.sub(r"\.lora_[AB]\.weight$", "", name)


def _scales(
    state: Mapping[str, Tensor], alphas: Mapping[str, float], metadata: Mapping[str, Any]
) -> dict[str, float]:
    """Alpha by rank of every module; kohya's files name alphas, peft's have a configuration.

    Where neither is there alpha is the rank. rsLoRA (arXiv 2312.03732) divides by its root.
    """
    named = {_module(_renamed(k.removesuffix(".alpha"))): v for k, v in alphas.items()}
    named = {name.removesuffix(".lora_A"): float(alpha) for name, alpha in named.items()}
    scales = {}
    for name, tensor in state.items():
        if not name.endswith(".lora_A.weight"):
            continue
        module, rank = _module(name), tensor.shape[0]
        part = module.partition(".")[0]
        config = {
            key.removeprefix(f"{part}."): value
            for key, value in metadata.items()
            if key.startswith(f"{part}.")
        }
        alpha = named.get(module, _alpha(module.removeprefix(f"{part}."), config, rank))
        scales[module] = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    return scales


def _alpha(module: str, config: Mapping[str, Any], rank: int) -> float:
    """The alpha that peft's configuration has for a module: by a pattern, else for all."""
    from peft.utils.other import get_pattern_key

    patterns: dict[str, float] = config.get("alpha_pattern") or {}
    key = get_pattern_key([*patterns], module)
    return float(patterns[key] if key in patterns else config.get("lora_alpha", rank))


def _require_plain(file: Path, tensors: Tensors) -> None:
    for text, what in _OTHERS.items():
        if any(text in name for name in tensors):
            raise OverlayError(f"--lora: {file} is {what}, expected a plain LoRA")
    if not any("lora" in name for name in tensors):
        raise OverlayError(f"--lora: {file} holds {some(tensors)}, expected the weights of a LoRA")


def _require_pairs(file: Path, state: Mapping[str, Tensor]) -> None:
    """Raise `OverlayError` unless all tensors are two matrices of one rank for each module."""
    for name, tensor in state.items():
        module = _module(name)
        down, up = (state.get(f"{module}.lora_{side}.weight") for side in "AB")
        if module == name or down is None or up is None:
            raise OverlayError(
                f"--lora: {file} holds {name}, expected two matrices for each module that changes"
            )
        if tensor.ndim not in (2, 4) or down.shape[0] != up.shape[1]:
            raise OverlayError(
                f"--lora: {file}: the matrices of {module} are {_shown(down.shape)} and "
                f"{_shown(up.shape)}, expected one rank"
            )


def _require_used(adapter: _Adapter, parts: Sequence[str], folder: CheckpointFolder) -> None:
    """Raise `OverlayError` unless every update of a LoRA has a weight that it fits."""
    kind, file = folder.index["_class_name"], adapter.lora.file
    left = [name for name in adapter.state if name.partition(".")[0] not in parts]
    if left:
        raise OverlayError(
            f"--lora: {file} changes {some(left)}, expected parts of this {kind}: "
            f"{', '.join(parts)}"
        )
    for part in parts:
        library, _ = folder.part(part)
        with ExitStack() as stack:
            weights = open_tensors(find_weights(folder.path / part, library).files, stack).shapes
        _require_fitting(adapter.updates(part), weights, f"--lora: {file}", f"{kind}'s {part}")


def _require_fitting(
    updates: Mapping[str, _Update], weights: Shapes, source: str, owner: str
) -> None:
    for name, update in updates.items():
        if name not in weights:
            raise OverlayError(
                f"{source} is of another model: it changes {name}, which this {owner} lacks"
            )
        # A convolution of one pixel may be written as a linear layer, and the other way round.
        made = (update.up.shape[0], *update.down.shape[1:])
        if math.prod(made) != math.prod(weights[name]) or made[:2] != weights[name][:2]:
            raise OverlayError(
                f"{source} is of another model: it changes {name} of {_shown(made)}, expected "
                f"{_shown(weights[name])} as this {owner} has"
            )


def _shown(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _fuse_part(
    folder: CheckpointFolder, part: str, updates: Sequence[Mapping[str, _Update]]
) -> None:
    library, _ = folder.part(part)
    with ExitStack() as stack:
        tensors = open_tensors(find_weights(folder.path / part, library).files, stack)
        made = {}
        for name in tensors:
            fused = tensors[name]
            for update in (one[name] for one in updates if name in one):
                fused = fused.float() + _delta(update).reshape(fused.shape)
            made[name] = fused.to(tensors[name].dtype)
        folder.set_weights(part, library, made)


def _delta(update: _Update) -> Tensor:
    down, up = update.down.float(), update.up.float()
    if down.ndim == 4 and down.shape[2:] != (1, 1):
        # Each input's kernels, mixed over the ranks: as peft computes it, to the last bit.
        mixed = F.conv2d(down.transpose(0, 1), up.reshape(*up.shape[:2], 1, 1))
        return mixed.transpose(0, 1) * update.scale
    return (up.flatten(1) @ down.flatten(1)) * update.scale
