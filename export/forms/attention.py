"""Attention head by head on channels-first tensors, as processors of diffusers' `Attention`.

The forms are Apple's for the Neural Engine: "Deploying Transformers on the Apple Neural Engine"
(2022), and apple/ml-stable-diffusion, `python_coreml_stable_diffusion/attention.py` and `unet.py`
(MIT licence), whose formulas are followed in code of our own:

    original         heads are an axis: two batched products over (B, heads)
    split_einsum     (B,C,1,S); each head by itself, `bchq,bkhc->bkhq` and `bkhq,bchk->bchq`
    split_einsum_v2  the same, 512 queries at a time

Linear layers around attention become 1×1 convolutions, as in Apple's code. A convolution has its
linear layer's place, name and weight, with two axes of length 1 appended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, get_args

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor, AttnProcessor2_0
from torch import Tensor, nn

AttentionForm = Literal["original", "split_einsum", "split_einsum_v2"]
FORMS: tuple[str, ...] = get_args(AttentionForm)
QUERIES = 512
"""Queries at a time in `split_einsum_v2`: Apple's `CHUNK_SIZE`."""

_PROJECTIONS = ("to_q", "to_k", "to_v", "to_out.0")


class SplitEinsum:
    """A processor of diffusers' `Attention` that takes each head by itself.

    It takes hidden states (B,S,C) or (B,C,H,W), like diffusers' own processors, and returns their
    shape. Law: the result is that of `AttnProcessor`, up to rounding.
    """

    def __init__(self, queries: int | None = None) -> None:
        """
        Args:
            queries: Most queries at a time; None for all at once.
        """
        self.queries = queries

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        *_: Any,
        **__: Any,
    ) -> Tensor:
        residual = hidden_states
        if attn.spatial_norm is not None:
            hidden_states = attn.spatial_norm(hidden_states, temb)
        x = channels_first(hidden_states)
        if attn.group_norm is not None:
            x = attn.group_norm(x)
        context = x
        if encoder_hidden_states is not None:
            if attn.norm_cross is not None:
                encoder_hidden_states = attn.norm_encoder_hidden_states(encoder_hidden_states)
            context = channels_first(encoder_hidden_states)
        q, k, v = attn.to_q(x) * attn.scale, attn.to_k(context), attn.to_v(context)
        masks = _masks(attn, attention_mask, q, k)
        x = _attend(q, k, v, masks, attn.heads, self.queries)
        for layer in attn.to_out:  # a convolution, and dropout, which does nothing here
            x = layer(x)
        x = _like(x, residual)
        if attn.residual_connection:
            x = x + residual
        return x / attn.rescale_output_factor


def channels_first(x: Tensor) -> Tensor:
    """(B,S,C) or (B,C,H,W) as (B,C,1,S)."""
    if x.ndim == 4:
        return x.reshape(x.shape[0], x.shape[1], 1, -1)
    return x.transpose(1, 2).unsqueeze(2)


def split_attention(module: nn.Module, form: str) -> int:
    """Put a module's attention into a form, in place, and its linear layers into convolutions.

    It leaves alone what is not plain attention of diffusers: normalised queries and keys, keys that
    are added to the picture's own, heads that share keys, and processors that someone else has set.

    Args:
        module: Any network; without attention of diffusers it stays as it is.
        form: One of `FORMS`.

    Returns:
        How many attentions were rewritten.
    """
    if form == "original":
        return 0
    processor = SplitEinsum(QUERIES if form == "split_einsum_v2" else None)
    rewritten = 0
    for attention in _plain_attentions(module):
        for name in _PROJECTIONS:
            to_convolution(attention, name)
        attention.set_processor(processor)
        rewritten += 1
    return rewritten


def to_convolution(parent: nn.Module, name: str) -> None:
    """Replace a linear layer below a module by the 1×1 convolution that shares its numbers.

    What is not a linear layer stays.
    """
    linear = parent.get_submodule(name)
    if type(linear) is not nn.Linear:
        return
    shape, has_bias = (linear.in_features, linear.out_features, 1), linear.bias is not None
    convolution = nn.Conv2d(*shape, bias=has_bias, device="meta")
    weight = linear.weight[:, :, None, None]
    convolution.weight = nn.Parameter(weight, requires_grad=linear.weight.requires_grad)
    convolution.bias = linear.bias
    parent.set_submodule(name, convolution.train(linear.training))


def _plain_attentions(module: nn.Module) -> Iterator[Any]:
    for found in module.modules():
        if not isinstance(found, Attention) or found.to_out is None:
            continue
        plain = type(found.processor) in (AttnProcessor, AttnProcessor2_0)
        normal = found.norm_q is None and found.norm_k is None
        alike = found.inner_kv_dim == found.inner_dim and found.to_k is not None
        if plain and normal and alike and found.add_k_proj is None:
            yield found


def _masks(attn: Any, mask: Tensor | None, q: Tensor, k: Tensor) -> list[Tensor | None]:
    """What is added to the scores of each head: (B,K,1,Q), or (B,K,1,1) for all queries."""
    if mask is None:
        return [None] * attn.heads
    prepared = attn.prepare_attention_mask(mask, k.shape[3], k.shape[0])
    by_head = prepared.reshape(q.shape[0], attn.heads, -1, k.shape[3])
    return [head.transpose(1, 2).unsqueeze(2) for head in by_head.unbind(1)]


def _attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    masks: Sequence[Tensor | None],
    heads: int,
    queries: int | None,
) -> Tensor:
    """Attention of scaled queries (B,C,1,Q) to keys and values (B,C,1,K): (B,C,1,Q)."""
    size = q.shape[1] // heads
    by_head = zip(
        q.split(size, 1), k.transpose(1, 3).split(size, 3), v.split(size, 1), masks, strict=True
    )
    return torch.cat([_one_head(*head, queries or q.shape[3]) for head in by_head], 1)


def _one_head(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, queries: int) -> Tensor:
    """One head: queries (B,c,1,Q), keys (B,K,1,c), values (B,c,1,K), mask (B,K,1,Q or 1)."""
    parts = []
    for start in range(0, q.shape[3], queries):
        part = q[..., start : start + queries] if queries < q.shape[3] else q
        scores = torch.einsum("bchq,bkhc->bkhq", part, k)
        if mask is not None:
            scores = scores + (mask if mask.shape[3] == 1 else mask[..., start : start + queries])
        parts.append(torch.einsum("bkhq,bchk->bchq", scores.softmax(1), v))
    return parts[0] if len(parts) == 1 else torch.cat(parts, 3)


def _like(x: Tensor, original: Tensor) -> Tensor:
    """(B,C,1,S) in the shape of what came in: (B,S,C) or (B,C,H,W)."""
    if original.ndim == 4:
        return x.reshape(original.shape)
    return x.squeeze(2).transpose(1, 2)
