"""What is trained: the protocol that every network's task has, and its batches."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from distillation.errors import RunError

Batch = dict[str, Tensor]
"""The tensors of one step, by name. The rows of each tensor are samples, or people where several
samples share one person."""


class Task(Protocol):
    """A network to train, with its batches, its loss and a picture of its progress."""

    @property
    def network(self) -> nn.Module:
        """The network whose parameters are trained."""
        ...

    def sample(self, rng: np.random.Generator, batch: int) -> Batch:
        """One step's batch of about `batch` samples, on the CPU; all chance comes from `rng`."""
        ...

    def losses(self, network: nn.Module, batch: Batch, done: float) -> dict[str, Tensor]:
        """Scalar losses of one step by name; "loss" is the one that is minimised.

        Args:
            network: The network, or what wraps it on several processes.
            batch: What `sample` gave, on the network's device.
            done: Share of the schedule that is done, in [0,1).
        """
        ...

    def grid(self) -> Image.Image:
        """A picture that shows a person what the network can do by now."""
        ...


def step_rng(seed: int, step: int) -> np.random.Generator:
    """The random generator of one step.

    It does not depend on the steps before, so a resumed run gets the batches that an uninterrupted
    one gets.
    """
    return np.random.default_rng([seed, step])


def share(batch: Batch, rank: int, processes: int) -> Batch:
    """The rows of a batch that process `rank` computes.

    Every process samples the whole batch, which is cheap, so that the samples of a step do not
    depend on the number of processes.

    Raises:
        RunError: The rows cannot be shared equally, which would weigh gradients wrongly.
    """
    mine = {}
    for name, value in batch.items():
        if len(value) % processes:
            raise RunError(
                f"{len(value)} {name} a step can't be shared equally by {processes} processes; "
                "choose another --batch"
            )
        rows = len(value) // processes
        mine[name] = value[rank * rows : (rank + 1) * rows]
    return mine


def on_device(value: Tensor, device: torch.device) -> Tensor:
    """A tensor of a batch on the device; pictures and latents are laid out channels last."""
    layout = torch.channels_last if value.dim() == 4 else torch.preserve_format
    return value.to(device, memory_format=layout)
