"""The denoiser: noisy latents, a timestep, a person and a style to a prediction."""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin, UNet2DConditionModel
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

LATENT_SIZE = 32
"""Height and width of the latents."""


class Sketch(nn.Module):
    """A small network that predicts the latents of a person's avatar from tokens and style alone.

    It has no convolutions and needs no noise in training, so it is trained together with the
    identity encoder, before the denoiser.
    """

    def __init__(
        self,
        latent_channels: int = 8,
        styles: int = 6,
        person_width: int = 1024,
        style_width: int = 128,
        widths: tuple[int, int] = (256, 192),
    ) -> None:
        super().__init__()
        self.style = nn.Embedding(styles, style_width)
        self.layers = nn.Sequential(
            nn.Linear(style_width + person_width, widths[0]),
            nn.SiLU(),
            nn.Linear(widths[0], widths[1]),
            nn.SiLU(),
            nn.Linear(widths[1], latent_channels * LATENT_SIZE**2),
        )
        self.latent_channels = latent_channels

    def forward(self, identity_tokens: Tensor, style: Tensor) -> Tensor:
        """Predict latents (b,C,32,32) from `identity_tokens` (b,8,D) and style indices (b,)."""
        who = torch.cat([self.style(style), identity_tokens.flatten(1)], dim=1)
        return self.layers(who).view(-1, self.latent_channels, LATENT_SIZE, LATENT_SIZE)


class Denoiser(ModelMixin, ConfigMixin):
    """A diffusers UNet that is conditioned on a person and a style.

    The person is given to it in three ways: as tokens for cross-attention, at the lowest resolution
    only, because the cost of attention grows with the square of the number of pixels; as a sketch
    beside the latents, so that the convolutions need not learn what belongs where; and, with the
    style, added to the time embedding, which scales and shifts every residual block (adaptive group
    norm, arXiv 2105.05233).
    """

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 8,
        styles: int = 6,
        tokens: int = 8,
        token_width: int = 128,
        widths: tuple[int, ...] = (32, 80, 160),
        blocks: int = 1,
        heads: int = 4,
        embedding_width: int = 384,
        style_width: int = 128,
        sketch_widths: tuple[int, int] = (256, 192),
    ) -> None:
        super().__init__()
        lower = len(widths) - 1
        who_width = style_width + tokens * token_width
        self.style = nn.Embedding(styles, style_width)
        self.sketch = Sketch(
            latent_channels, styles, tokens * token_width, style_width, sketch_widths
        )
        self.unet = UNet2DConditionModel(
            sample_size=LATENT_SIZE,
            in_channels=2 * latent_channels,
            out_channels=latent_channels,
            block_out_channels=widths,
            layers_per_block=blocks,
            down_block_types=("DownBlock2D",) * lower + ("CrossAttnDownBlock2D",),
            up_block_types=("CrossAttnUpBlock2D",) + ("UpBlock2D",) * lower,
            cross_attention_dim=token_width,
            attention_head_dim=heads,
            norm_num_groups=16,
            time_embedding_dim=embedding_width,
            resnet_time_scale_shift="scale_shift",
            class_embed_type="projection",
            projection_class_embeddings_input_dim=who_width,
        )

    def forward(
        self, latents: Tensor, timestep: Tensor, identity_tokens: Tensor, style: Tensor
    ) -> Tensor:
        """Predict the velocity `noise - clean`, (b,C,32,32).

        Input and output of the UNet have unit variance, and it predicts only what a linear guess
        from the latents does not give (preconditioning, arXiv 2206.00364, section 5, derived for a
        rectified flow between unit normals). So it need not learn to copy the noise.

        Args:
            latents: Noisy latents (b,C,32,32) float32.
            timestep: (b,) or (1,): 1000·sigma, or the sampler table's other value.
            identity_tokens: (b,8,D).
            style: Style indices (b,), integers.
        """
        who = torch.cat([self.style(style), identity_tokens.flatten(1)], dim=1)
        sigma = (timestep / 1000)[:, None, None, None]
        variance = sigma * sigma + (1 - sigma) * (1 - sigma)
        scale = variance.rsqrt()
        seen = torch.cat([latents * scale, self.sketch(identity_tokens, style)], dim=1)
        answer = self.unet(seen, timestep, identity_tokens, class_labels=who, return_dict=False)[0]
        return (2 * sigma - 1) / variance * latents + scale * answer
