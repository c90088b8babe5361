"""Fused attention (iOS 18)."""

from torch import Tensor
from torch.nn import functional as F

from .registry import IOS18, op


@op("scaled_dot_product_attention", since=IOS18)
def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None
) -> Tensor:
    """softmax(Q Kᵀ / sqrt(E) + mask) V; a boolean mask keeps what is True."""
    return F.scaled_dot_product_attention(query, key, value, attn_mask)
