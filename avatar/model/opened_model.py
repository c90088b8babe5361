"""An opened checkpoint or artifact, with everything that drawing an avatar needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from avatar.model.draw import Networks, draw, encode
from avatar.model.pipeline import pad_selfies
from avatar.model.sampler import Array, SamplerTable, noise_of


@dataclass(frozen=True, kw_only=True)
class Model:
    """An opened model in some runtime.

    Attributes:
        networks: The networks in that runtime.
        table: The sampler's constants.
        latent_shape: Shape of the noise, (1,C,h,w).
        styles: Names of the styles, by the index that the denoiser takes.
    """

    networks: Networks
    table: SamplerTable
    latent_shape: tuple[int, ...]
    styles: tuple[str, ...]

    def draw(self, selfies: Array, style: int, seeds: Sequence[int]) -> Iterator[Array]:
        """Draw one avatar (3,H,W) float32 in [0,1] of one person for each seed.

        An avatar depends on its own seed, not on the others.

        Args:
            selfies: (n,3,S,S) float32 sRGB in [0,1], 1 ≤ n ≤ 10.
            style: Index of the style.
            seeds: The seeds.
        """
        tokens = encode(self.networks, *pad_selfies(selfies), guided=self.table.guided)
        for seed in seeds:
            noise = noise_of(seed, self.latent_shape)
            yield draw(self.networks, tokens, style, noise, self.table)[0]
