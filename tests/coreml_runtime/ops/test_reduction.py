"""Compares reductions with torch's."""

import torch
from torch import nn


class Reductions(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (
            x.sum(1),
            x.sum((0, 2), keepdim=True),
            x.mean((1, 2)),
            x.mean(),
            x.amax(1),
            x.amin((0, 1), keepdim=True),
            x.argmax(1).to(torch.int32),
            x.argmin(2, keepdim=True).to(torch.int32),
            torch.linalg.vector_norm(x, 1, (1,)),
            torch.linalg.vector_norm(x, 2, (0, 2)),
            torch.logsumexp(x, (1,)),
            x.var(2),
            x.cumsum(1),
            (x > 0).any(1).float(),
        )


def test_reductions(check_module, configuration) -> None:
    torch.manual_seed(0)
    check_module(Reductions(), (torch.randn(3, 5, 4),), configuration)
