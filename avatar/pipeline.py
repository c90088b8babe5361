"""The whole model as a diffusers pipeline: selfies in, avatars out, in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers import DiffusionPipeline

from avatar.decoder import Decoder, LatentEncoder
from avatar.denoiser import LATENT_SIZE, Denoiser
from avatar.identity_encoder import MAX_SELFIES, IdentityEncoder
from avatar.sampler import Array, Sampler, SamplerTable, noise_of, sample


class AvatarPipeline(DiffusionPipeline):
    """Loads and saves as every diffusers pipeline does, safetensors only.

    >>> pipeline = AvatarPipeline.from_pretrained("avatar/checkpoints/small")
    >>> pictures = pipeline(selfies, style=3, seeds=[7, 8])
    """

    _optional_components: ClassVar[list[str]] = ["latent_encoder"]

    def __init__(
        self,
        identity_encoder: IdentityEncoder,
        denoiser: Denoiser,
        decoder: Decoder,
        latent_encoder: LatentEncoder | None,
        sampler: Sampler,
    ) -> None:
        """`latent_encoder` may be None: only training needs it."""
        super().__init__()
        self.register_modules(
            identity_encoder=identity_encoder,
            denoiser=denoiser,
            decoder=decoder,
            latent_encoder=latent_encoder,
            sampler=sampler,
        )

    @property
    def latent_shape(self) -> tuple[int, int, int, int]:
        """Shape of the noise and of the latents, (1,C,32,32)."""
        return (1, self.denoiser.config.latent_channels, LATENT_SIZE, LATENT_SIZE)

    @torch.inference_mode()
    def __call__(
        self,
        selfies: Array,
        style: int,
        seeds: Sequence[int],
        table: SamplerTable | None = None,
    ) -> Array:
        """Avatars of one person.

        `selfies` (n,3,128,128) float32, sRGB in [0,1], 1 ≤ n ≤ 10; `style` the style's index; one
        avatar a seed. Gives (len(seeds),3,256,256) float32 in [0,1].
        """
        padded, mask = pad_selfies(selfies)
        encode = self._runner(self.identity_encoder)
        tokens, null_tokens = encode(padded, mask), encode(padded * 0, mask * 0)
        denoise, decode = self._runner(self.denoiser), self._runner(self.decoder)
        table = table or self.sampler.table()
        avatars = [
            decode(
                sample(
                    denoise, noise_of(seed, self.latent_shape), tokens, null_tokens, style, table
                )
            )
            for seed in seeds
        ]
        return np.concatenate(avatars)

    def _runner(self, module: torch.nn.Module) -> Any:
        """A module as a callable from arrays to an array, on the pipeline's device."""

        def run(*arrays: np.ndarray) -> Array:
            tensors = [torch.from_numpy(array).to(self.device) for array in arrays]
            return module(*tensors).float().cpu().numpy()

        return run


def pad_selfies(selfies: Array) -> tuple[Array, Array]:
    """Pad (n,3,128,128) with zeros to the encoder's 10 and give the mask (10,), 1 = present.

    Raises ValueError unless 1 ≤ n ≤ 10.
    """
    count = len(selfies)
    if not 1 <= count <= MAX_SELFIES:
        raise ValueError(f"{count} selfies, expected 1 to {MAX_SELFIES}")
    padded = np.zeros((MAX_SELFIES, *selfies.shape[1:]), np.float32)
    padded[:count] = selfies
    mask = np.zeros(MAX_SELFIES, np.float32)
    mask[:count] = 1
    return padded, mask
