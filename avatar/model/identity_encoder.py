"""The identity encoder: selfies of one person to identity tokens."""

from __future__ import annotations

from itertools import pairwise

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from avatar.selfies import SELFIE_SIZE


class _Residual(nn.Module):
    """Two 3×3 convolutions with a skip connection; the first one may halve the resolution."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, width_in)
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1)
        self.norm2 = nn.GroupNorm(8, width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1)
        self.skip = nn.Conv2d(width_in, width, 1, stride)
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv1(self.act(self.norm1(x)))
        return self.skip(x) + self.conv2(self.act(self.norm2(hidden)))


class IdentityEncoder(ModelMixin, ConfigMixin):
    """Encodes what all selfies of one person share as a few tokens.

    Each selfie passes through the same convolutional network, and the features are averaged under
    the mask. So the order of selfies does not matter: `encoder(selfies[p], mask[p])` equals
    `encoder(selfies, mask)` for any permutation p (Deep Sets, arXiv 1703.06114, theorem 2). Without
    any selfie the result is the trained null tokens, which classifier-free guidance uses (arXiv
    2207.12598).
    """

    @register_to_config
    def __init__(
        self,
        widths: tuple[int, ...] = (24, 48, 96, 128, 192),
        feature_width: int = 384,
        tokens: int = 8,
        token_width: int = 128,
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 5, stride=2, padding=2)
        self.blocks = nn.ModuleList(
            _Residual(width_in, width, 2) for width_in, width in pairwise(widths)
        )
        self.norm = nn.GroupNorm(8, widths[-1])
        self.act = nn.SiLU()
        # The last feature map is not averaged: the position where hair ends says which hair it is.
        self.features = nn.Conv2d(widths[-1], feature_width, SELFIE_SIZE // 2 ** len(widths))
        self.mix = nn.Sequential(
            nn.LayerNorm(feature_width), nn.Linear(feature_width, feature_width), nn.SiLU()
        )
        self.to_tokens = nn.Linear(feature_width, tokens * token_width)
        self.token_norm = nn.LayerNorm(token_width)
        self.null_tokens = nn.Parameter(torch.randn(1, tokens, token_width) * 0.02)

    def forward(self, selfies: Tensor, selfie_mask: Tensor) -> Tensor:
        """Encode one person to (1, tokens, token_width).

        `selfies` is (n,3,128,128) float32 sRGB in [0,1], absent ones zero; `selfie_mask` is (n,),
        1 = present.
        """
        return self.tokens_of(self.features_of(selfies).unsqueeze(0), selfie_mask.unsqueeze(0))

    def features_of(self, selfies: Tensor) -> Tensor:
        """Feature vectors (n, feature_width) of selfies (n,3,128,128) in [0,1]."""
        hidden = self.stem(selfies * 2 - 1)
        for block in self.blocks:
            hidden = block(hidden)
        return self.features(self.act(self.norm(hidden))).flatten(1)

    def tokens_of(self, features: Tensor, mask: Tensor) -> Tensor:
        """Average features (people,n,feature_width) under mask (people,n), and map them to tokens.

        Returns (people, tokens, token_width).
        """
        weight = mask.unsqueeze(-1)
        count = mask.sum(dim=1, keepdim=True)
        pooled = (features * weight).sum(dim=1) / count.clamp(min=1)
        tokens = self.to_tokens(self.mix(pooled)).unflatten(1, self.null_tokens.shape[1:])
        present = count.clamp(max=1).unsqueeze(-1)
        return self.token_norm(tokens) * present + self.null_tokens * (1 - present)
