"""The whole model in PyTorch as a diffusers pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers import DiffusionPipeline

from avatar.model.decoder import Decoder, LatentEncoder
from avatar.model.denoiser import LATENT_SIZE, Denoiser
from avatar.model.draw import Networks, Runner, draw, encode
from avatar.model.identity_encoder import IdentityEncoder
from avatar.model.sampler import Array, Sampler, SamplerTable, noise_of
from avatar.selfies import MAX_SELFIES

_MOVED = {
    f"avatar.{name}": f"avatar.model.{name}"
    for name in ("identity_encoder", "denoiser", "decoder", "sampler")
}
"""Modules named in the `model_index.json` of earlier versions, and those that replaced them."""


class AvatarPipeline(DiffusionPipeline):
    """Selfies to avatars; loaded and saved like any diffusers pipeline, as safetensors only.

    >>> pipeline = AvatarPipeline.from_pretrained("avatar/checkpoints/small")
    >>> pictures = pipeline(selfies, style=3, seeds=[7, 8])
    """

    _optional_components: ClassVar[list[str]] = ["latent_encoder"]

    @classmethod
    def load_config(cls, *args: Any, **kwargs: Any) -> Any:
        """Load as diffusers does, and replace the names of modules that have moved since."""
        loaded = super().load_config(*args, **kwargs)
        config = loaded[0] if isinstance(loaded, tuple) else loaded
        for name, value in config.items():
            if isinstance(value, list | tuple) and value and value[0] in _MOVED:
                config[name] = [_MOVED[value[0]], *value[1:]]
        return loaded

    def __init__(
        self,
        identity_encoder: IdentityEncoder,
        denoiser: Denoiser,
        decoder: Decoder,
        latent_encoder: LatentEncoder | None,
        sampler: Sampler,
    ) -> None:
        """Join the parts; `latent_encoder` may be None, because only training needs it."""
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
        """Draw avatars of one person.

        Args:
            selfies: (n,3,128,128) float32 sRGB in [0,1], 1 ≤ n ≤ 10.
            style: Index of the style.
            seeds: The seed of each avatar.
            table: The sampler's constants; the checkpoint's own by default.

        Returns:
            Avatars (len(seeds),3,256,256) float32 in [0,1].
        """
        table = table or self.sampler.table()
        networks = self.networks()
        tokens = encode(networks, *pad_selfies(selfies), guided=table.guided)
        noises = [noise_of(seed, self.latent_shape) for seed in seeds]
        return np.concatenate([draw(networks, tokens, style, noise, table) for noise in noises])

    def networks(self) -> Networks:
        """The three networks as runners, on the pipeline's device."""
        return Networks(
            identity_encoder=self._runner(self.identity_encoder),
            denoiser=self._runner(self.denoiser),
            decoder=self._runner(self.decoder),
        )

    def _runner(self, module: torch.nn.Module) -> Runner:
        def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            # The networks' parameters have the names of the components' inputs.
            tensors = {name: torch.from_numpy(a).to(self.device) for name, a in inputs.items()}
            return {"output": module(**tensors).float().cpu().numpy()}

        return run


def pad_selfies(selfies: Array, places: int = MAX_SELFIES) -> tuple[Array, Array]:
    """Pad selfies (n,3,S,S) with zeros to (places,3,S,S), as the encoder takes them.

    Returns:
        The padded selfies, and their mask (places,) float32, 1 = present.

    Raises:
        ValueError: n is 0 or more than `places`.
    """
    count = len(selfies)
    if not 1 <= count <= places:
        raise ValueError(f"{count} selfies, expected 1 to {places}")
    padded = np.zeros((places, *selfies.shape[1:]), np.float32)
    padded[:count] = selfies
    mask = np.zeros(places, np.float32)
    mask[:count] = 1
    return padded, mask
