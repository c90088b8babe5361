"""An opened checkpoint or artifact, with everything that drawing an avatar needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from avatar.model.draw import Networks, draw, encode
from avatar.model.pipeline import pad_selfies
from avatar.model.sampler import Array, SamplerTable, noises_of
from avatar.selfies import MAX_SELFIES


@dataclass(frozen=True, kw_only=True)
class Model:
    """An opened model in some runtime.

    Attributes:
        networks: The networks in that runtime.
        table: The sampler's constants.
        latent_shape: Shape of the noise, (1,C,h,w).
        styles: Names of the styles, by the index that the denoiser takes.
        places: Most selfies that the identity encoder takes.
    """

    networks: Networks
    table: SamplerTable
    latent_shape: tuple[int, ...]
    styles: tuple[str, ...]
    places: int = MAX_SELFIES

    def draw(self, selfies: Array, style: int, seeds: Sequence[int]) -> Iterator[Array]:
        """Draw one avatar (3,H,W) float32 in [0,1] of one person for each seed.

        An avatar depends on its own seed, not on the others.

        Args:
            selfies: (n,3,S,S) float32 sRGB in [0,1], 1 ≤ n ≤ `places`.
            style: Index of the style.
            seeds: The seeds.
        """
        padded = pad_selfies(selfies, self.places)
        tokens = encode(self.networks, *padded, guided=self.table.guided)
        for seed in seeds:
            noises = noises_of(seed, self.latent_shape)
            first = next(noises)
            yield draw(self.networks, tokens, style, first, self.table, fresh=noises)[0]
