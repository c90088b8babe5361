"""Matrix products and attention against torch."""

import torch
from torch import nn
from torch.nn import functional as F


class Products(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(8, 5)
        self.plain = nn.Linear(8, 3, bias=False)
        self.heads = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
        mask = torch.ones(6, 7, dtype=torch.bool).tril(2)
        split = x.reshape(2, 6, 2, 4).transpose(1, 2), y.reshape(2, 7, 2, 4).transpose(1, 2)
        return (
            self.dense(x),
            self.plain(x),
            x @ y.transpose(1, 2),
            torch.einsum("bik,bjk->bij", x, y),
            torch.baddbmm(torch.ones(6, 7), x, y.transpose(1, 2)),
            F.scaled_dot_product_attention(split[0], split[1], split[1]),
            F.scaled_dot_product_attention(split[0], split[1], split[1], mask),
            F.scaled_dot_product_attention(x, x, x, is_causal=True),
            self.heads(x, y, y, need_weights=False)[0],
        )


def test_products_and_attention(check_module, configuration) -> None:
    torch.manual_seed(0)
    check_module(Products(), (torch.randn(2, 6, 8), torch.randn(2, 7, 8)), configuration)
