"""The question that the tests of every task ask: does training lower the loss?"""

from __future__ import annotations

import torch

from distillation.training import Task, step_rng


def loss_falls(task: Task, network: torch.nn.Module, *, batch: int, steps: int = 24) -> bool:
    """Whether a few steps on one repeated batch lower the loss, as they must if gradients flow."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    values = []
    for _ in range(steps):
        torch.manual_seed(1)
        sampled = task.sample(step_rng(0, 0), batch)
        losses = task.losses(network, sampled, 0.5)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        values.append(float(losses["loss"].detach()))
    return values[-1] < 0.9 * values[0]
