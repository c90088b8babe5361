"""What looks at selfies: the image encoder that an adapter was trained with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from components.adapted.adapter import Adapter
from components.adapted.selfie_encoder import OF_VECTORS, ClipVision
from components.checkpoint import read_json
from components.declared import load_module
from components.errors import AssemblyError
from components.foreign import described

_CLASS = "CLIPVisionModelWithProjection"


@dataclass(frozen=True, kw_only=True)
class ImageEncoder:
    """CLIP's image encoder in a folder.

    Attributes:
        folder: The folder, as transformers writes it.
        vision: Its configuration, with the layers that are used.
        states: Whether the adapter reads states, place by place, instead of an embedding.
    """

    folder: Path
    vision: dict[str, Any]
    states: bool

    def config(self) -> dict[str, Any]:
        """What a checkpoint says of it."""
        return {"vision": self.vision}

    def network(self) -> nn.Module:
        """The network with its weights."""
        model = load_module(CLIPVisionModelWithProjection, self.folder.parent, self.folder.name)
        if self.states:
            model.vision_model.encoder.layers = model.vision_model.encoder.layers[:-1]
        return ClipVision(model, states=self.states)

    def nobody(self, network: Any) -> Tensor:
        """Features (1,…) of nobody, as diffusers has them: of zeros, or zeros themselves."""
        side = self.vision["image_size"]
        found: Tensor = network.normalised(torch.zeros(1, 3, side, side))
        return found if self.states else found * 0


def open_image_encoder(folder: Path, adapter: Adapter) -> ImageEncoder:
    """Open an image encoder; its weights are not read yet.

    Raises:
        AssemblyError: It is none, or gives what the adapter does not read.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise AssemblyError(
            f"image_encoder: {folder} is {described(folder)}, expected the folder of a {_CLASS}"
        )
    config = read_json(path)
    named = (config.get("architectures") or [None])[0]
    if named != _CLASS:
        raise AssemblyError(f"image_encoder: {folder} is of a {named}, expected a {_CLASS}")
    states = adapter.kind not in OF_VECTORS
    made = CLIPVisionConfig(**config)
    given = made.hidden_size if states else made.projection_dim
    if given != adapter.reads:
        raise AssemblyError(
            f"image_encoder: {folder} gives {'states' if states else 'embeddings'} of width "
            f"{given}, expected {adapter.reads} as {adapter.file.name} reads: take the image "
            f"encoder that was published with the adapter"
        )
    vision = made.to_diff_dict()
    vision = {name: vision[name] for name in sorted(vision) if name in _SHAPING}
    vision["image_size"], vision["patch_size"] = made.image_size, made.patch_size
    vision["num_hidden_layers"] = made.num_hidden_layers - int(states)
    return ImageEncoder(folder=folder, vision=vision, states=states)


_SHAPING = (
    *("hidden_size", "intermediate_size", "projection_dim", "num_attention_heads"),
    *("num_channels", "hidden_act", "layer_norm_eps"),
)
"""Fields of a configuration that decide what the network computes."""
