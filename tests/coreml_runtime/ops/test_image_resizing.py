"""Compares resizing with torch's, and the sampling modes with their documentation."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from coreml_runtime.ops.image_resizing import _axis_grid, resize


class Resizes(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (
            F.interpolate(x, scale_factor=2, mode="nearest"),
            F.interpolate(x, scale_factor=(3, 2), mode="nearest"),
            F.interpolate(x, size=(10, 12), mode="bilinear", align_corners=False),
            F.interpolate(x, size=(9, 8), mode="bilinear", align_corners=True),
            F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False),
        )


def test_resizes(check_module, configuration) -> None:
    torch.manual_seed(0)
    check_module(Resizes(), (torch.randn(1, 3, 5, 4),), configuration)


@pytest.mark.parametrize(
    ("mode", "five", "six"),
    [
        ("UNALIGN_CORNERS", [0, 0.1, 0.5, 0.9, 1], [0, 0, 1 / 3, 2 / 3, 1, 1]),
        ("STRICT_ALIGN_CORNERS", [0, 0.25, 0.5, 0.75, 1], [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ("ALIGN_CORNERS", [0, 0.25, 0.5, 0.75, 1], [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ("DEFAULT", [0, 0.4, 0.8, 1, 1], [0, 1 / 3, 2 / 3, 1, 1, 1]),
        ("OFFSET_CORNERS", [0.1, 0.3, 0.5, 0.7, 0.9], np.arange(1, 12, 2) / 12),
    ],
)
def test_grids_are_the_documented_ones(mode: str, five: list, six: list) -> None:
    """The examples of ``resize_bilinear`` resize two samples to five and to six."""
    cpu = torch.device("cpu")
    assert np.allclose(_axis_grid(mode, 2, 5, cpu), five)
    assert np.allclose(_axis_grid(mode, 2, 6, cpu), six)
    ramp = torch.tensor([[0.0, 1.0]])
    assert np.allclose(resize(ramp, (5,), 1, sampling_mode=mode), [five], atol=1e-6)


def test_align_corners_centres_a_single_output() -> None:
    cpu = torch.device("cpu")
    assert _axis_grid("ALIGN_CORNERS", 4, 1, cpu).tolist() == [1.5]
    assert _axis_grid("STRICT_ALIGN_CORNERS", 4, 1, cpu).tolist() == [0.0]
