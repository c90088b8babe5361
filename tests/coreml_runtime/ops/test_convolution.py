"""Compares convolutions and their transposes with torch's."""

import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb  # noqa: N813
from torch import nn

import coreml_runtime
from coreml_runtime.ops.spatial_padding import spatial_pads


class Convolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            (
                nn.Conv2d(4, 6, 3, padding=1),
                nn.Conv2d(4, 8, 3, stride=2, groups=2, bias=False),
                nn.Conv2d(4, 4, (3, 1), padding=(2, 0), dilation=(2, 1), groups=4),
                nn.Conv2d(4, 6, 4, padding="same"),
                nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"),
                nn.ConvTranspose2d(4, 6, 4, 2, 1),
                nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1),
                nn.ConvTranspose2d(4, 8, 3, 1, 0, groups=2, dilation=2),
            )
        )
        self.line = nn.Conv1d(4, 5, 3, padding=2, dilation=2)
        self.back = nn.ConvTranspose1d(4, 5, 3, 3)
        self.solid = nn.Conv3d(2, 3, 2, padding=1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        images = tuple(layer(x) for layer in self.layers)
        flat = x[:, :, 0]
        volume = x.reshape(1, 2, 2, 9, 8)
        return (*images, self.line(flat), self.back(flat), self.solid(volume))


def test_convolutions(check_module, configuration) -> None:
    torch.manual_seed(0)
    check_module(Convolutions(), (torch.randn(1, 4, 9, 8),), configuration)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("same", ((0, 1), (1, 2))), ("same_lower", ((1, 0), (2, 1))), ("valid", ((0, 0), (0, 0)))],
)
def test_pads_place_the_odd_element(kind: str, expected: tuple) -> None:
    assert spatial_pads(kind, None, (8, 9), (3, 4), (2, 1), (1, 1)) == expected


def test_same_padding_matches_the_declared_shape(convert, snr) -> None:
    """With ``same_lower`` the odd column of padding is on the left."""
    weight = np.random.default_rng(0).normal(size=(2, 1, 4, 4)).astype(np.float32)

    @mb.program(input_specs=[mb.TensorSpec((1, 1, 6, 7))], opset_version=_target("iOS16"))
    def program(x):
        return mb.conv(x=x, weight=weight, pad_type="same_lower", strides=[2, 3])

    model = coreml_runtime.load(convert(program))
    x = torch.randn(1, 1, 6, 7)
    padded = nn.functional.pad(x, (2, 1, 1, 1))
    want = nn.functional.conv2d(padded, torch.from_numpy(weight), stride=(2, 3))
    (value,) = model.predict({"x": x.numpy()}).values()
    assert snr(want, value) > 80


def _target(name: str):
    import coremltools as ct

    return getattr(ct.target, name)
