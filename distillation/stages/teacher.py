"""The teacher: a rectified flow from noise to the latents of a person's avatar in a style."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from avatar.model import AvatarPipeline, Decoder, Denoiser, IdentityEncoder, LatentEncoder, Sampler
from distillation.data import PairSampler, TrainingData
from distillation.errors import RunError
from distillation.run_folder import (
    CHECKPOINT,
    cached_latents,
    check_styles,
    load_part,
    run_on,
    save_pipeline,
)
from distillation.stages.conditioning import (
    encode_people,
    for_latents,
    logit_normal,
    sample_unconditioned,
    tokens_per_sample,
)
from distillation.stages.grids import by_sampling, people_grid
from distillation.stages.identity import load_identity
from distillation.training import Batch, Schedule, read_record
from support.progress import Progress, silent

NOISE_LEVELS = (0.4, 1.2)
"""Mean and deviation of the noise level's logit. The law leans to levels above one half, because
who is drawn and in which style is decided there; the last steps only sharpen the picture."""


def train_teacher(
    people: TrainingData,
    held_out: TrainingData,
    schedule: Schedule,
    out: Path,
    *,
    autoencoder: Path,
    identity: Path,
    shape: dict[str, Any] | None = None,
    start_from: Path | None = None,
    compiled: bool = False,
    progress: Progress = silent,
) -> AvatarPipeline:
    """Train the denoiser and save the whole pipeline.

    Args:
        people: People to train on.
        held_out: People that grids show.
        schedule: How long and how fast.
        out: Folder of the run.
        autoencoder: Run of the autoencoder.
        identity: Run of the identity encoder.
        shape: Arguments of `Denoiser` that differ from its defaults.
        start_from: Another teacher's run. Its denoiser is trained further, with the sketch of
            `identity`; otherwise weights start at random.
        compiled: Compile the denoiser by `torch.compile` first, which needs a C++ compiler.
        progress: Told of every step.

    Raises:
        RunError: A run that this one starts from is missing or has another shape or other styles.
        DivergedError: The learning rate is too high.
    """
    decoder = load_part(Decoder, autoencoder, "decoder")
    encoder = load_part(LatentEncoder, autoencoder, "latent_encoder")
    latents = cached_latents(encoder, people, autoencoder)
    torch.manual_seed(schedule.seed)
    trained = load_identity(identity)
    check_styles(people, identity / CHECKPOINT)
    if start_from:
        denoiser = load_part(Denoiser, start_from, "denoiser")
        check_styles(people, start_from / CHECKPOINT)
    else:
        denoiser = Denoiser(styles=len(people.styles), **(shape or {}))
    try:
        denoiser.sketch.load_state_dict(trained.sketch.state_dict())
    except RuntimeError as error:
        raise RunError(f"the denoiser of {start_from} expects another sketch") from error
    if compiled:
        denoiser.compile()
    task = TeacherTask(denoiser, trained.encoder, people, latents, held_out, decoder)
    run = run_on(people, task, schedule, out)
    run.record.before = read_record(start_from) if start_from else None
    run.train(progress)
    parts = (trained.encoder.cpu(), denoiser.cpu().eval(), decoder, encoder)
    pipeline = AvatarPipeline(*parts, Sampler())
    save_pipeline(pipeline, people.styles, out)
    return pipeline


class TeacherTask:
    """Rectified-flow matching (arXiv 2209.03003) with noise levels from a logit-normal law.

    The identity encoder stays as it was trained. The denoiser's sketch starts as it was trained,
    and is trained further.
    """

    def __init__(
        self,
        network: Denoiser,
        encoder: IdentityEncoder,
        people: TrainingData,
        latents: Tensor,
        held_out: TrainingData,
        decoder: Decoder,
    ) -> None:
        """`latents` (drawings,C,32,32) are those of `people.drawings`, in its order."""
        self.denoiser, self.pairs = network, PairSampler(people, latents)
        self.network: nn.Module = network
        self.encoder = encoder.requires_grad_(False).eval()
        self.held_out, self.decoder = held_out, decoder

    def sample(self, rng: np.random.Generator, batch: int) -> Batch:
        """What `PairSampler.sample` gives, and "noise" as "clean", "sigma" (b,), "dropped" (b,)."""
        pairs = self.pairs.sample(rng, batch)
        shape = pairs["clean"].shape
        return {
            **pairs,
            "noise": torch.from_numpy(rng.standard_normal(shape, np.float32)),
            "sigma": logit_normal(rng, len(pairs["clean"]), NOISE_LEVELS),
            "dropped": sample_unconditioned(rng, len(pairs["clean"])),
        }

    def losses(self, network: nn.Module, batch: Batch, done: float) -> dict[str, Tensor]:
        """The squared error of the predicted velocity `noise - clean`."""
        velocity = network(*self.inputs(batch))
        return {"loss": F.mse_loss(velocity, batch["noise"] - batch["clean"])}

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A denoiser's arguments: noisy latents, timestep, identity tokens, style."""
        clean, noise, sigma = batch["clean"], batch["noise"], batch["sigma"]
        encoder = self.encoder.to(clean.device)  # the loop moves only the network that it trains
        tokens = encode_people(encoder, batch["selfies"], batch["mask"])
        each = tokens_per_sample(tokens, encoder, batch["dropped"])
        return clean + for_latents(sigma) * (noise - clean), 1000 * sigma, each, batch["style"]

    def grid(self) -> Image.Image:
        """Held-out people: a selfie, and an avatar in every style."""
        latents_of = by_sampling(self.denoiser, self.encoder.null_tokens, Sampler().table())
        return people_grid(self.held_out, self.encoder, self.decoder, latents_of)
