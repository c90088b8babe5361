"""The network that the sampler calls: noisy latents to a prediction."""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin, UNet2DConditionModel
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn


class Denoiser(ModelMixin, ConfigMixin):
    """A diffusers UNet that knows the person and the style.

    The person reaches it twice: as tokens for cross-attention, at the lowest resolution only (the
    cost of attention grows with the square of the pixels), and, beside the style, added to the time
    embedding, which modulates every residual block.
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
    ) -> None:
        super().__init__()
        lower = len(widths) - 1
        self.style = nn.Embedding(styles, style_width)
        self.unet = UNet2DConditionModel(
            sample_size=32,
            in_channels=latent_channels,
            out_channels=latent_channels,
            block_out_channels=widths,
            layers_per_block=blocks,
            down_block_types=("DownBlock2D",) * lower + ("CrossAttnDownBlock2D",),
            up_block_types=("CrossAttnUpBlock2D",) + ("UpBlock2D",) * lower,
            cross_attention_dim=token_width,
            attention_head_dim=heads,
            norm_num_groups=16,
            time_embedding_dim=embedding_width,
            class_embed_type="projection",
            projection_class_embeddings_input_dim=style_width + tokens * token_width,
        )

    def forward(
        self, latents: Tensor, timestep: Tensor, identity_tokens: Tensor, style: Tensor
    ) -> Tensor:
        """The velocity `noise - clean` at `timestep`.

        `latents` (b,C,32,32) float32; `timestep` (b,), 1000·sigma; `identity_tokens` (b,8,D);
        `style` (b,) integers. Gives (b,C,32,32).
        """
        who = torch.cat([self.style(style), identity_tokens.flatten(1)], dim=1)
        return self.unet(latents, timestep, identity_tokens, class_labels=who, return_dict=False)[0]
