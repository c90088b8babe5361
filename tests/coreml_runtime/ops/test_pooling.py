"""Compares pooling with torch's, including windows that extend beyond the edge."""

import torch
from torch import nn
from torch.nn import functional as F


class Pools(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (
            F.max_pool2d(x, 2, 2),
            F.max_pool2d(x, 3, 2, 1),
            F.max_pool2d(x, 3, 2, 1, ceil_mode=True),
            F.avg_pool2d(x, 2, 2),
            F.avg_pool2d(x, 3, 2, 1),
            F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
            F.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
            F.avg_pool2d(x, (2, 3), (3, 2), (1, 1), ceil_mode=True, count_include_pad=False),
            F.adaptive_avg_pool2d(x, 1),
            F.max_pool1d(x[:, :, 0], 3, 2),
            F.avg_pool1d(x[:, :, 0], 3, 1, 1),
            F.avg_pool3d(x.reshape(1, 2, 2, 10, 9), 2, 2),
        )


def test_pools(check_module, configuration) -> None:
    torch.manual_seed(0)
    check_module(Pools(), (torch.randn(1, 4, 10, 9),), configuration)
