"""Compares quantize and dequantize with the documented formulas."""

import numpy as np
import pytest
import torch


@pytest.mark.parametrize(("dtype", "low", "high"), [("int8", -128, 127), ("uint8", 0, 255)])
def test_quantize_rounds_halves_to_even_and_clips(run_op, dtype, low, high) -> None:
    x = torch.tensor([-1e4, -0.75, -0.25, 0.0, 0.25, 0.75, 1.25, 1e4])
    zero = torch.tensor(3, dtype=getattr(torch, dtype))
    got = run_op("quantize", input=x, scale=torch.tensor(0.5), zero_point=zero, output_dtype=dtype)
    want = np.clip(np.round(x.numpy() / 0.5) + 3, low, high)
    assert got.tolist() == want.tolist()


def test_each_channel_has_its_own_scale(run_op) -> None:
    x = torch.arange(-6, 6).reshape(2, 3, 2).float()
    scale, zero = torch.tensor([0.5, 1.0, 2.0]), torch.tensor([0, 10, -10], dtype=torch.int8)
    whole = run_op(
        "quantize", input=x, scale=scale, zero_point=zero, axis=-2, output_dtype="int8"
    ).to(torch.int8)
    back = run_op("dequantize", input=whole, scale=scale, zero_point=zero, axis=1)
    assert (back - x).abs().max() <= 1.0
    assert torch.equal(back[:, 0], x[:, 0]) and whole[0, 1].tolist() == [6, 7]


def test_other_types_are_named(run_op) -> None:
    with pytest.raises(ValueError, match="'fp16'"):
        run_op("quantize", input=torch.zeros(1), scale=torch.ones(()), output_dtype="fp16")
