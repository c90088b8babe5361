"""Selfies to an IP-Adapter's image tokens (arXiv 2308.06721), under the avatar's contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from diffusers.models import embeddings
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

Pooling = Literal["tokens", "embeddings"]

PROJECTIONS = (
    "ImageProjection",
    "IPAdapterFaceIDImageProjection",
    "IPAdapterFullImageProjection",
    "IPAdapterPlusImageProjection",
)
"""diffusers' classes of projections: plain, FaceID, full face, Plus."""
OF_VECTORS = PROJECTIONS[:2]
"""Those that read one vector of a picture; the others read CLIP's states, place by place."""

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""CLIP's normalisation (arXiv 2103.00020), as its image processor has it."""


class ClipVision(nn.Module):
    """CLIP's image encoder: pictures in [0,1] to embeddings (n,E), or to states (n,places,E).

    States are the input of CLIP's last layer, as adapters read them. What is not used is left out:
    it would be among the weights, and in no exported file.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, model: CLIPVisionModelWithProjection, *, states: bool) -> None:
        """Take the parts of transformers' model.

        Args:
            model: With all its layers, or, for states, without the last.
            states: Whether states are returned.
        """
        super().__init__()
        vision = model.vision_model
        self.patches = Patches(vision.embeddings)
        self.norm, self.layers = vision.pre_layrnorm, vision.encoder.layers
        last = nn.Sequential(vision.post_layernorm, model.visual_projection)
        self.last = None if states else last
        for name, values in (("mean", MEAN), ("deviation", DEVIATION)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.normalised((pictures - self.mean) / self.deviation)

    def normalised(self, pictures: Tensor) -> Tensor:
        """The same for pictures that are normalised already."""
        states = self.norm(self.patches(pictures))
        for layer in self.layers:
            states = layer(states, None, None)[0]
        return states if self.last is None else self.last(states[:, 0])


class Patches(nn.Module):
    """CLIP's embeddings, with the class token as part of the places: one constant, with a name."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.patch_embedding = model.patch_embedding
        place = model.position_embedding.weight.detach().clone()
        place[0] += model.class_embedding.detach()
        self.place = nn.Parameter(place, requires_grad=False)

    def forward(self, pixels: Tensor) -> Tensor:
        patches = self.patch_embedding(pixels).flatten(2).transpose(1, 2)
        return nn.functional.pad(patches, (0, 0, 1, 0)) + self.place


def clip_vision(config: Mapping[str, Any], *, states: bool) -> ClipVision:
    """The image encoder of a configuration, with any numbers as weights."""
    made = CLIPVisionConfig(**config)
    return ClipVision(CLIPVisionModelWithProjection(made), states=states)


def projection(config: Mapping[str, Any]) -> nn.Module:
    """A projection of `PROJECTIONS`, with any numbers as weights.

    Args:
        config: Its `class`, and the arguments of that class in diffusers.
    """
    options = {name: value for name, value in config.items() if name != "class"}
    if config["class"] not in PROJECTIONS:
        raise ValueError(f"{config['class']} is not one of {', '.join(PROJECTIONS)}")
    module: nn.Module = getattr(embeddings, config["class"])(**options)
    return module


class SelfieEncoder(nn.Module):
    """Selfies to image tokens, and one more token: 1 for somebody, 0 for nobody.

    By the last token guidance's second call finds the negative prompt. The tokens of nobody are
    those of diffusers' negative picture.
    """

    null_tokens: Tensor

    def __init__(
        self, network: nn.Module, projection: nn.Module, null_tokens: Tensor, *, pool: Pooling
    ) -> None:
        """Join the parts.

        Args:
            network: Pictures (n,3,S,S) in [0,1] to features (n,E) or (n,places,E).
            projection: Features to tokens (n,T,D).
            null_tokens: (1,T,D), for no selfie at all.
            pool: Where several selfies are averaged: their features or their tokens.
        """
        super().__init__()
        self.network, self.projection, self.pool = network, projection, pool
        self.register_buffer("null_tokens", null_tokens)

    def forward(self, selfies: Tensor, selfie_mask: Tensor) -> Tensor:
        """Encode one person to (1,T+1,D).

        Args:
            selfies: (P,3,S,S) float32 sRGB in [0,1], absent ones zero.
            selfie_mask: (P,), 1 = present.
        """
        found = self.network(selfies)
        if self.pool == "tokens":
            found = self.projection(found)
        count = selfie_mask.sum()
        weight = selfie_mask.reshape(-1, *(1 for _ in found.shape[1:]))
        mean = (found * weight).sum(dim=0, keepdim=True) / count.clamp(min=1)
        tokens = mean if self.pool == "tokens" else self.projection(mean)
        present = count.clamp(max=1)
        tokens = tokens * present + self.null_tokens * (1 - present)
        return torch.cat([tokens, torch.ones_like(tokens[:, :1]) * present], dim=1)
