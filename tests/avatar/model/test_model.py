"""Laws and budgets of the networks, with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from avatar.model import (
    AvatarPipeline,
    Decoder,
    Denoiser,
    IdentityEncoder,
    LatentEncoder,
    Sampler,
    pad_selfies,
)

torch.manual_seed(0)
ENCODER = IdentityEncoder().eval()
SELFIES = torch.rand(10, 3, 128, 128, generator=torch.Generator().manual_seed(1))


def small_pipeline() -> AvatarPipeline:
    torch.manual_seed(0)
    return AvatarPipeline(
        IdentityEncoder(widths=(8, 8, 16), feature_width=32),
        Denoiser(widths=(16, 32), embedding_width=32, style_width=16),
        Decoder(widths=(16, 16, 16), blocks=(1, 1, 1), output_width=4),
        LatentEncoder(widths=(16, 16), blocks=(1, 1)),
        Sampler(steps=2),
    )


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(10)), st.integers(1, 10))
@torch.inference_mode()
def test_the_order_of_selfies_does_not_matter(order: list[int], count: int) -> None:
    mask = (torch.arange(10) < count).float()
    np.testing.assert_allclose(
        ENCODER(SELFIES[order], mask[order]), ENCODER(SELFIES, mask), atol=2e-5
    )


@torch.inference_mode()
def test_absent_selfies_change_nothing_and_present_ones_do() -> None:
    mask = (torch.arange(10) < 3).float()
    changed = SELFIES.clone()
    changed[3:] = 0.9
    np.testing.assert_allclose(ENCODER(changed, mask), ENCODER(SELFIES, mask), atol=1e-6)
    changed[2] = 0.9
    assert (ENCODER(changed, mask) - ENCODER(SELFIES, mask)).abs().max() > 1e-3


@torch.inference_mode()
def test_no_selfie_gives_the_null_tokens() -> None:
    assert torch.equal(ENCODER(SELFIES * 0, torch.zeros(10)), ENCODER.null_tokens)


def test_ten_slots_give_the_same_as_fewer_slots() -> None:
    with torch.inference_mode():
        short = ENCODER(SELFIES[:2], torch.ones(2))
        padded, mask = (torch.from_numpy(array) for array in pad_selfies(SELFIES[:2].numpy()))
        np.testing.assert_allclose(ENCODER(padded, mask), short, atol=1e-5)


@pytest.mark.parametrize("count", [0, 11])
def test_too_few_or_many_selfies_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 10"):
        pad_selfies(np.zeros((count, 3, 128, 128), np.float32))


@pytest.mark.parametrize("sigma", [0.0, 0.3, 1.0])
@torch.inference_mode()
def test_where_the_unet_gives_zero_the_denoiser_gives_the_linear_guess(
    sigma: float,
) -> None:
    """The regression of `noise - clean` on the noisy latents, which preconditioning builds in."""
    denoiser = Denoiser(widths=(16, 32), embedding_width=32, style_width=16).eval()
    denoiser.unet.conv_out.weight.zero_()
    denoiser.unet.conv_out.bias.zero_()
    noise, clean = torch.randn(2, 6, 8, 32, 32, generator=torch.Generator().manual_seed(2))
    noisy = (1 - sigma) * clean + sigma * noise
    slope = ((noise - clean) * noisy).mean() / noisy.square().mean()
    found = denoiser(noisy, torch.tensor([1000 * sigma]), torch.zeros(6, 8, 128), torch.arange(6))
    np.testing.assert_allclose(found, slope * noisy, atol=0.1)


def cost(module: torch.nn.Module, *inputs: torch.Tensor) -> tuple[float, float]:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(*inputs)
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return parameters / 1e6, counter.get_total_flops() / 2e9


def test_budgets_of_a_phone() -> None:
    """Upper bounds: encoder 4 M and 0.2 GMAC a selfie, denoiser 12 M and 1.5, decoder 2 M and 4."""
    latents = torch.zeros(1, 8, 32, 32)
    parameters, gmac = cost(ENCODER, SELFIES, torch.ones(10))
    assert parameters <= 4 and gmac <= 2
    style = torch.zeros(1, dtype=torch.int32)
    parameters, gmac = cost(Denoiser(), latents, torch.ones(1), ENCODER.null_tokens, style)
    assert parameters <= 12 and gmac <= 1.5
    parameters, gmac = cost(Decoder(), latents)
    assert parameters <= 2 and gmac <= 4


@torch.inference_mode()
def test_scaling_is_inside_the_autoencoder_halves() -> None:
    encoder, decoder = LatentEncoder(), Decoder()
    images = torch.rand(1, 3, 256, 256)
    plain = decoder.unclamped(encoder(images))
    for half in (encoder, decoder):
        half.latent_mean.copy_(torch.linspace(-1, 1, 8))
        half.latent_std.copy_(torch.linspace(0.5, 2, 8))
    np.testing.assert_allclose(decoder.unclamped(encoder(images)), plain, atol=1e-4)


def test_a_saved_pipeline_draws_the_same_pictures(tmp_path: Path) -> None:
    pipeline = small_pipeline()
    pictures = pipeline(SELFIES[:2].numpy(), style=1, seeds=[5, 6])
    assert pictures.shape == (2, 3, 256, 256) and pictures.dtype == np.float32
    assert pictures.min() >= 0 and pictures.max() <= 1
    assert not np.array_equal(pictures[0], pictures[1])
    pipeline.save_pretrained(tmp_path)
    weights = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert weights == {".json", ".safetensors"}
    loaded = AvatarPipeline.from_pretrained(tmp_path)
    again = loaded(SELFIES[:2].numpy(), style=1, seeds=[5, 6])
    np.testing.assert_allclose(again, pictures, atol=1e-5)
