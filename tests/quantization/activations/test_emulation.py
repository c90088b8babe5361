"""Layers emulated in int8, against numbers worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from quantization.activations import LayerScales, computing_in_int8


def test_int8_by_hand() -> None:
    layer = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False))
    nn.init.constant_(layer[0].weight, 3.0)  # type: ignore[arg-type]
    scales = {"0": LayerScales(input=0.5, output=2.0)}
    with computing_in_int8(layer, scales):
        # 1.2 -> 2 steps = 1.0, times 3 = 3.0 -> 1.5 steps, even: 2 = 4.0; -99 clips at -64.
        found = layer(torch.tensor([1.2, -99.0]).view(2, 1, 1, 1))
    assert found.flatten().tolist() == [4.0, -192.0]
    assert layer(torch.ones(1, 1, 1, 1)).item() == 3.0, "and only while it is open"


def test_linear_layers_outputs_stay_in_float() -> None:
    layer = nn.Sequential(nn.Linear(1, 1, bias=False))
    nn.init.constant_(layer[0].weight, 0.3)  # type: ignore[arg-type]
    with computing_in_int8(layer, {"0": LayerScales(input=0.5, output=2.0)}):
        assert layer(torch.tensor([[1.2]])).item() == pytest.approx(0.3)
