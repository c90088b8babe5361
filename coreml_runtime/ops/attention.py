"""Attention as a single op (iOS 18 opset, section ``transformers``)."""

from torch import Tensor
from torch.nn import functional as F

from .registry import IOS18, op


@op("scaled_dot_product_attention", since=IOS18)
def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None
) -> Tensor:
    """Compute ``softmax(Q Kᵀ / sqrt(E) + mask) V``; a boolean mask keeps scores where it is True.

    ``query`` is (..., L, E), ``key`` (..., S, E), ``value`` (..., S, V); the result is (..., L, V).
    """
    return F.scaled_dot_product_attention(query, key, value, attn_mask)
