"""The teacher: a rectified flow from noise to the latents of a person's avatar in a style."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from avatar.decoder import Decoder
from avatar.denoiser import Denoiser
from avatar.people.styles import STYLES
from avatar.sampler import Sampler, sample
from distillation.autoencoder import tile
from distillation.data import People
from distillation.identity import LabelledEncoder, draw_selfies, label_losses

LABEL_WEIGHT = 0.1
"""Weight of reading the attributes off the tokens, beside the flow's loss."""

UNCONDITIONED = 0.1
"""Share of samples trained with the null tokens, for guidance (arXiv 2207.12598)."""

AVATARS_A_PERSON = 4
"""Avatars drawn with one reading of a person's selfies: tokens cost as much as they do."""


class Teacher(nn.Module):
    """The identity encoder and the denoiser, trained together."""

    def __init__(self, identity: LabelledEncoder, denoiser: Denoiser) -> None:
        super().__init__()
        self.identity, self.denoiser = identity, denoiser

    def forward(
        self,
        selfies: Tensor,
        mask: Tensor,
        noisy: Tensor,
        sigma: Tensor,
        style: Tensor,
        dropped: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Velocity (b,C,32,32) and class logits (people, classes).

        `noisy` (b,C,32,32), b a multiple of the number of people, person by person; `sigma` (b,) in
        [0,1]; `style` (b,); `dropped` (b,) bool, true where null tokens replace the person's.
        """
        tokens, logits = self.identity(selfies, mask)
        tokens = tokens.repeat_interleave(len(noisy) // len(tokens), dim=0)
        null = self.identity.encoder.null_tokens.expand_as(tokens)
        tokens = torch.where(dropped[:, None, None], null, tokens)
        return self.denoiser(noisy, 1000 * sigma, tokens, style), logits


class TeacherTask:
    """Rectified-flow matching (arXiv 2209.03003) with noise levels from a logit-normal law
    (arXiv 2403.03206, section 3.1), and the attributes read off the tokens."""

    def __init__(
        self, network: Teacher, people: People, latents: Tensor, shown: People, decoder: Decoder
    ) -> None:
        """`latents` (avatars, C, 32, 32) belong to `people.avatars`, entry by entry."""
        self.network, self.people, self.latents = network, people, latents
        self.shown, self.decoder = shown, decoder
        self.styles = np.array([avatar.style for avatar in people.avatars])
        owners = np.array([avatar.person for avatar in people.avatars])
        self.first = np.searchsorted(owners, np.arange(len(people) + 1))

    def losses(self, network: nn.Module, rng: np.random.Generator, batch: int) -> dict[str, Tensor]:
        device = next(network.parameters()).device
        chosen = rng.integers(len(self.people), size=max(1, batch // AVATARS_A_PERSON))
        avatars = np.concatenate(
            [
                rng.integers(self.first[person], self.first[person + 1], size=AVATARS_A_PERSON)
                for person in chosen
            ]
        )
        selfies, mask = draw_selfies(self.people, chosen, rng, most=3)
        clean = self.latents[avatars].float()
        noise = torch.from_numpy(rng.standard_normal(clean.shape, np.float32))
        sigma = torch.from_numpy(rng.standard_normal(len(avatars), np.float32) * 1.2).sigmoid()
        level = sigma[:, None, None, None]
        style = torch.from_numpy(self.styles[avatars])
        dropped = torch.from_numpy(rng.random(len(avatars)) < UNCONDITIONED)
        inputs = (selfies, mask, clean + level * (noise - clean), sigma, style, dropped)
        velocity, logits = network(*(value.to(device) for value in inputs))
        flow = F.mse_loss(velocity, (noise - clean).to(device))
        labels = torch.from_numpy(self.people.labels[chosen]).to(device)
        reading, right = label_losses(logits, labels)
        return {"loss": flow + LABEL_WEIGHT * reading, "flow": flow, "right": right}

    def grid(self) -> Image.Image:
        """Six held-out people, a selfie each, in all styles."""
        count = min(6, len(self.shown))
        rows = [
            torch.cat(
                [
                    F.interpolate(torch.from_numpy(self.shown.selfies[person, :1]) / 255, 256),
                    self._avatars(person),
                ]
            )
            for person in range(count)
        ]
        return tile(rows)

    def _avatars(self, person: int) -> Tensor:
        device = next(self.network.parameters()).device
        selfies = torch.from_numpy(self.shown.selfies[person]).float().div(255).to(device)
        encoder, styles = self.network.identity.encoder, len(STYLES)
        tokens = encoder(selfies, torch.ones(len(selfies), device=device)).cpu().numpy()
        null = encoder.null_tokens.detach().cpu().numpy()
        shape = (styles, *self.latents.shape[1:])

        def denoise(*arrays: np.ndarray) -> np.ndarray:
            tensors = [torch.from_numpy(array).to(device) for array in arrays]
            return self.network.denoiser(*tensors).float().cpu().numpy()

        latents = sample(
            denoise,
            torch.randn(shape, generator=torch.Generator().manual_seed(person)).numpy(),
            tokens.repeat(styles, 0),
            null.repeat(styles, 0),
            np.arange(styles),
            Sampler().table(),
        )
        return self.decoder(torch.from_numpy(latents))
