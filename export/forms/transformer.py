"""diffusers' `Transformer2DModel` with channels first from end to end.

    before  (B,C,H,W) -> (B,S,C) -> layer norm, linear layers, attention -> (B,C,H,W)
    after   (B,C,H,W) -> (B,C,1,S) -> norm over channels, 1×1 convolutions -> (B,C,H,W)

Only the attention inside would otherwise have channels first, and each would transpose twice. The
form is that of apple/ml-stable-diffusion, `unet.py` (MIT licence). Parameters keep their names.
"""

from __future__ import annotations

from typing import Any

from diffusers.models.activations import GEGLU, GELU
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import Tensor, nn
from torch.nn import functional

from export.forms.attention import SplitEinsum, channels_first, to_convolution


def channels_first_transformers(module: nn.Module) -> int:
    """Rewrite the transformers below a module, in place, whose attention is split already.

    It leaves alone transformers of patches, of codes, with adaptive norms, and whatever else has
    more than `Transformer2DModel` needs for Stable Diffusion.

    Returns:
        How many transformers were rewritten.
    """
    rewritten = 0
    for name, found in list(module.named_modules()):
        if type(found) is Transformer2DModel and name and _plain(found):
            module.set_submodule(name, ChannelsFirstTransformer(found))
            rewritten += 1
    return rewritten


class ChannelsFirstTransformer(nn.Module):
    """A `Transformer2DModel` on (B,C,1,S), with the same parameters under the same names."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.norm, self.proj_in, self.proj_out = model.norm, model.proj_in, model.proj_out
        blocks = (ChannelsFirstBlock(block) for block in model.transformer_blocks)
        self.transformer_blocks = nn.ModuleList(blocks)
        for name in ("proj_in", "proj_out"):
            to_convolution(self, name)

    def forward(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        return_dict: bool = False,
        **_: Any,
    ) -> tuple[Tensor]:
        """Hidden states (B,C,H,W) and a context (B,K,D) to hidden states."""
        assert not return_dict, "UNets of diffusers take a tuple"
        x = channels_first(self.proj_in(self.norm(hidden_states)))
        context = encoder_hidden_states
        if context is not None:
            context = channels_first(context)
        for block in self.transformer_blocks:
            x = block(x, context, attention_mask, encoder_attention_mask)
        shape = (x.shape[0], x.shape[1], *hidden_states.shape[2:])
        return (self.proj_out(x.reshape(shape)) + hidden_states,)


class ChannelsFirstBlock(nn.Module):
    """A `BasicTransformerBlock` on (B,C,1,S)."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.norm1, self.attn1 = block.norm1, block.attn1
        self.norm2, self.attn2 = block.norm2, block.attn2
        self.norm3, self.ff = block.norm3, block.ff
        self.context_in_first = block.only_cross_attention
        for name in ("net.0.proj", "net.2"):
            to_convolution(self.ff, name)

    def forward(
        self, x: Tensor, context: Tensor | None, mask: Tensor | None, context_mask: Tensor | None
    ) -> Tensor:
        first = context if self.context_in_first else None
        x = x + self.attn1(_norm(self.norm1, x), first, attention_mask=mask)
        if self.attn2 is not None:
            x = x + self.attn2(_norm(self.norm2, x), context, attention_mask=context_mask)
        return x + self._feed_forward(_norm(self.norm3, x))

    def _feed_forward(self, x: Tensor) -> Tensor:
        activation, _, output = self.ff.net[:3]
        x = activation.proj(x)
        if isinstance(activation, GEGLU):
            x, gate = x.chunk(2, 1)
            return output(x * functional.gelu(gate))
        return output(functional.gelu(x, approximate=activation.approximate))


def _norm(layer: Any, x: Tensor) -> Tensor:
    """A layer norm (arXiv 1607.06450) over the channels of (B,C,1,S).

    It is written as coremltools knows it (`fuse_layernorm_or_instancenorm`, pattern 5), so that the
    program has one `layer_norm` over axis 1 here.
    """
    centred = x - x.mean(1, keepdim=True)
    variance = (centred * centred).mean(1, keepdim=True)
    x = centred * (variance + layer.eps).rsqrt()
    if layer.weight is not None:
        x = x * layer.weight.reshape(1, -1, 1, 1)
    return x if layer.bias is None else x + layer.bias.reshape(1, -1, 1, 1)


def _plain(model: Any) -> bool:
    blocks = model.transformer_blocks
    return bool(model.is_input_continuous) and all(_plain_block(block) for block in blocks)


def _plain_block(block: Any) -> bool:
    attentions = [found for found in (block.attn1, block.attn2) if found is not None]
    return (
        type(block) is BasicTransformerBlock
        and block.norm_type == "layer_norm"
        and block.pos_embed is None
        and not hasattr(block, "fuser")
        and block._chunk_size is None
        and type(block.ff.net[0]) in (GEGLU, GELU)
        and all(isinstance(found.processor, SplitEinsum) for found in attentions)
        and all(found.norm_cross is None for found in attentions)
    )
