"""Random tensors (MIL's section ``random``).

A seed of 0 or more gives the same values in every call and on every machine. The default, -1, draws
from torch's global generator, which ``torch.manual_seed`` controls. Apple does not publish its
generators: the distributions are the documented ones, the values differ from Core ML's.
"""

import torch
from torch import Tensor

from .registry import Ints, op


def _generator(seed: int) -> torch.Generator | None:
    """Return a generator on the CPU, so that a seed gives the same values on every device."""
    return None if seed < 0 else torch.Generator().manual_seed(seed)


def _uniform(shape: Ints, seed: int, device: torch.device) -> Tensor:
    return torch.rand(shape, generator=_generator(seed)).to(device)


@op("random_uniform")
def random_uniform(
    device: torch.device, shape: Ints, low: float = 0.0, high: float = 1.0, seed: int = -1
) -> Tensor:
    """Draw from the uniform distribution over [low, high)."""
    return low + (high - low) * _uniform(shape, seed, device)


@op("random_normal")
def random_normal(
    device: torch.device, shape: Ints, mean: float = 0.0, stddev: float = 1.0, seed: int = -1
) -> Tensor:
    drawn = torch.randn(shape, generator=_generator(seed)).to(device)
    return mean + stddev * drawn


@op("random_bernoulli")
def random_bernoulli(
    device: torch.device, shape: Ints, prob: float = 0.5, seed: int = -1
) -> Tensor:
    return (_uniform(shape, seed, device) < prob).float()


@op("random_categorical")
def random_categorical(
    device: torch.device, x: Tensor, mode: str = "logits", size: int = 1, seed: int = -1
) -> Tensor:
    """Draw ``size`` indices, with replacement, from each distribution along the last axis."""
    if mode not in ("logits", "probs"):
        raise ValueError(f"unknown mode {mode!r}")
    weights = torch.softmax(x.float(), -1) if mode == "logits" else x.float()
    rows = weights.reshape(-1, x.shape[-1]).cpu()
    drawn = torch.multinomial(rows, size, True, generator=_generator(seed))
    return drawn.reshape(*x.shape[:-1], size).to(device)
