"""Compares matrix products and attention with torch's."""

from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import types
from torch import nn
from torch.nn import functional as F

import coreml_runtime


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


WEIGHTS = np.random.default_rng(0).integers(-9, 9, (5, 8))
X = np.random.default_rng(1).integers(-9, 9, (2, 8))
PAIRS = ((np.float32, np.int32), (np.float16, np.int32), (np.int32, np.float32))


@pytest.mark.parametrize(("kind", "constant"), PAIRS)
def test_constant_factors_of_another_type(convert, kind: type, constant: type) -> None:
    """iOS 17 allows them; the result has the type of the factor that is not constant."""
    spec = mb.TensorSpec(shape=X.shape, dtype=types.numpy_type_to_builtin_type(kind))

    @mb.program(input_specs=[spec], opset_version=ct.target.iOS17)
    def program(x: Any) -> Any:
        weights, bias = WEIGHTS.astype(constant), np.ones(5, constant)
        return (
            mb.linear(x=x, weight=weights, bias=bias, name="linear"),
            mb.matmul(x=x, y=weights, transpose_y=True, name="right"),
            mb.matmul(x=weights, y=mb.transpose(x=x, perm=[1, 0]), name="left"),
        )

    model = coreml_runtime.load(convert(program, target="iOS17"))
    found = model.predict({"x": X.astype(kind)})
    product = X @ WEIGHTS.T
    for name, expected in (("linear", product + 1), ("right", product), ("left", product.T)):
        np.testing.assert_array_equal(found[name], expected)
