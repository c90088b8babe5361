"""Compares normalization with torch's."""

import torch
from torch import nn
from torch.nn import functional as F


class Norms(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.group = nn.GroupNorm(2, 6)
        self.layer = nn.LayerNorm((5, 4))
        self.last = nn.LayerNorm(4, elementwise_affine=False)
        self.batch = nn.BatchNorm2d(6)
        self.instance = nn.InstanceNorm2d(6, affine=True)
        self.local = nn.LocalResponseNorm(3)
        for norm in (self.group, self.layer, self.batch, self.instance):
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)
        nn.init.uniform_(self.batch.running_var, 0.5, 2)
        nn.init.normal_(self.batch.running_mean)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (
            self.group(x),
            self.layer(x),
            self.last(x),
            self.batch(x),
            self.instance(x),
            self.local(x),
            F.normalize(x, dim=1),
        )


def test_norms(check_module, configuration) -> None:
    torch.manual_seed(0)
    check_module(Norms(), (torch.randn(2, 6, 5, 4),), configuration)
