"""The identity encoder: learn to read attributes off identity tokens, and to expect drawings.

Labels cost nothing for made-up people, and drawings without noise are quick to learn from: both
teach in minutes what diffusion alone teaches in hours. People without labels teach by their
drawings alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from avatar.model import Decoder, IdentityEncoder, LatentEncoder, Sketch
from avatar.people import ATTRIBUTES
from avatar.selfies import MAX_SELFIES
from avatar.styles_file import STYLES_FILE
from distillation.data import CLASS_COUNTS, PairSampler, TrainingData, first_selfies
from distillation.errors import RunError
from distillation.run_folder import (
    CHECKPOINT,
    cached_latents,
    load_part,
    publishing,
    run_on,
    write_styles,
)
from distillation.stages.conditioning import (
    encode_people,
    sample_unconditioned,
    tokens_per_sample,
)
from distillation.stages.grids import people_grid
from distillation.training import Batch, Schedule
from support.progress import Progress, silent

WEIGHTS_FILE = "identity.safetensors"
"""File of the checkpoint: the weights of an `IdentityNetwork`."""

SCORED_SELFIES = 3
"""Selfies of each held-out person from which attributes are read for the score."""


def train_identity(
    people: TrainingData,
    held_out: TrainingData,
    schedule: Schedule,
    out: Path,
    *,
    autoencoder: Path,
    progress: Progress = silent,
) -> tuple[dict[str, float], float]:
    """Train identity encoder and sketch, and save them.

    `autoencoder` is the run that has the latents' encoder and decoder.

    Returns:
        Accuracy by attribute, empty where people have no labels, and the sketch's mean squared
        error, both on held-out people.
    """
    decoder = load_part(Decoder, autoencoder, "decoder")
    encoder = load_part(LatentEncoder, autoencoder, "latent_encoder")
    torch.manual_seed(schedule.seed)
    styles, labelled = len(people.styles), people.labels is not None
    network = IdentityNetwork(IdentityEncoder(), Sketch(styles=styles), labelled=labelled)
    latents = cached_latents(encoder, people, autoencoder)
    task = IdentityTask(network, people, latents, held_out, decoder)
    run_on(people, task, schedule, out).train(progress)
    network.cpu().eval()
    with publishing(out / CHECKPOINT, marker=STYLES_FILE) as folder:
        write_styles(people.styles, folder)
        save_file(network.state_dict(), folder / WEIGHTS_FILE)
    drawn = cached_latents(encoder, held_out, autoencoder)
    accuracy = attribute_accuracy(network, held_out, SCORED_SELFIES)
    return accuracy, sketch_error(network, held_out, drawn)


class IdentityNetwork(nn.Module):
    """The identity encoder with what teaches it.

    That is the denoiser's sketch and, where people have labels, one linear layer that reads all
    attributes off the tokens. The linear layer does not ship.
    """

    def __init__(self, encoder: IdentityEncoder, sketch: Sketch, *, labelled: bool = True) -> None:
        super().__init__()
        self.encoder, self.sketch = encoder, sketch
        width = encoder.null_tokens.numel()
        self.reader = nn.Linear(width, sum(CLASS_COUNTS)) if labelled else None

    def forward(
        self, selfies: Tensor, mask: Tensor, style: Tensor, dropped: Tensor
    ) -> tuple[Tensor | None, Tensor]:
        """Read attributes and sketch drawings.

        Args:
            selfies: (people,n,3,128,128) in [0,1].
            mask: (people,n), 1 = present.
            style: Style indices (b,), person by person, b a multiple of the number of people.
            dropped: (b,) bool, true where a sample has the null tokens instead of the person's.

        Returns:
            Logits (people, sum of classes), None without labels, and expected latents (b,C,32,32).
        """
        tokens = encode_people(self.encoder, selfies, mask)
        logits = self.reader(tokens.flatten(1)) if self.reader else None
        return logits, self.sketch(tokens_per_sample(tokens, self.encoder, dropped), style)


class IdentityTask:
    """Read a person's attributes off a few selfies, and sketch their drawings."""

    def __init__(
        self,
        network: IdentityNetwork,
        people: TrainingData,
        latents: Tensor,
        held_out: TrainingData,
        decoder: Decoder,
    ) -> None:
        """`latents` (drawings,C,32,32) are those of `people.drawings`, in its order."""
        self.network, self.pairs = network, PairSampler(people, latents)
        self.held_out, self.decoder = held_out, decoder

    def sample(self, rng: np.random.Generator, batch: int) -> Batch:
        """What `PairSampler.sample` gives, and "dropped" (b,)."""
        pairs = self.pairs.sample(rng, batch)
        return {**pairs, "dropped": sample_unconditioned(rng, len(pairs["clean"]))}

    def losses(self, network: nn.Module, batch: Batch, done: float) -> dict[str, Tensor]:
        """Cross-entropy of attributes plus the sketch's squared error, and the share read right."""
        inputs = (batch[name] for name in ("selfies", "mask", "style", "dropped"))
        logits, expected = network(*inputs)
        sketch = F.mse_loss(expected, batch["clean"])
        if logits is None:
            return {"loss": sketch}
        reading, right = label_losses(logits, batch["labels"])
        return {"loss": reading + sketch, "sketch": sketch, "right": right}

    def grid(self) -> Image.Image:
        """Held-out people: a selfie, and the sketch in every style."""
        encoder, sketch = self.network.encoder, self.network.sketch
        return people_grid(
            self.held_out, encoder, self.decoder, lambda tokens, style, _: sketch(tokens, style)
        )


def label_losses(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy over the attributes, and the share of attributes read right.

    `logits` is (people, sum of classes), `labels` (people, attributes).
    """
    errors, right = [], []
    for part, label in zip(logits.split(CLASS_COUNTS, dim=1), labels.T, strict=True):
        errors.append(F.cross_entropy(part, label))
        right.append((part.argmax(1) == label).float().mean())
    return torch.stack(errors).mean(), torch.stack(right).mean()


def all_tokens(
    encoder: IdentityEncoder, people: TrainingData, selfies: int = MAX_SELFIES
) -> Tensor:
    """Identity tokens (people,8,D) of everybody, from their first `selfies` selfies."""
    each = (first_selfies(people, person, selfies) for person in range(len(people)))
    return torch.cat([encoder(shown, torch.ones(len(shown))) for shown in each])


@torch.inference_mode()
def sketch_error(network: IdentityNetwork, people: TrainingData, latents: Tensor) -> float:
    """Mean squared distance between the latents of people's drawings and their sketches.

    `latents` (drawings,C,32,32) are those of `people.drawings`, in its order.
    """
    tokens = all_tokens(network.eval().encoder, people)
    person = torch.tensor([drawing.person for drawing in people.drawings])
    style = torch.tensor([drawing.style for drawing in people.drawings])
    return float(F.mse_loss(network.sketch(tokens[person], style), latents.float()))


@torch.inference_mode()
def attribute_accuracy(
    network: IdentityNetwork, people: TrainingData, selfies: int
) -> dict[str, float]:
    """Share of people whose attribute is read right from their first `selfies` selfies.

    The result is by attribute, and empty where people have no labels.
    """
    if people.labels is None or network.reader is None:
        return {}
    tokens = all_tokens(network.eval().encoder, people, selfies)
    parts = network.reader(tokens.flatten(1)).split(CLASS_COUNTS, dim=1)
    labels = torch.from_numpy(people.labels)
    return {
        name: float((part.argmax(1) == label).float().mean())
        for name, part, label in zip(ATTRIBUTES, parts, labels.T, strict=True)
    }


def load_identity(run: Path) -> IdentityNetwork:
    """Load what an identity run has trained.

    Raises:
        RunError: The run has no such checkpoint, or one of another shape.
    """
    path = run / CHECKPOINT / WEIGHTS_FILE
    try:
        state = load_file(path)
        styles, labelled = len(state["sketch.style.weight"]), "reader.weight" in state
        network = IdentityNetwork(IdentityEncoder(), Sketch(styles=styles), labelled=labelled)
        network.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise RunError(f"{path} is no identity encoder of this shape; train it first") from error
    return network.eval()
