"""Compares activations with torch's, at every deployment target and precision.

The tanh form of gelu is tested as a MIL program: coremltools 9.0 drops the argument of an exported
``F.gelu(x, approximate="tanh")`` and converts it to the exact form.
"""

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F


class Activations(nn.Module):
    """Returns every activation of its input."""

    def __init__(self) -> None:
        super().__init__()
        self.prelu = nn.PReLU(6, 0.3)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (
            F.relu(x), F.relu6(4 * x), F.elu(x, 0.7), F.gelu(x),
            F.leaky_relu(x, 0.2), self.prelu(x), torch.sigmoid(x), F.silu(x), F.softplus(x),
            torch.tanh(x), F.softsign(x), F.hardtanh(x, -0.5, 0.8), F.hardsigmoid(x),
            F.hardswish(x), F.softmax(x, 1), F.log_softmax(x, -1), F.mish(x), 
            F.threshold(x, 0.1, 0.0), F.glu(x, 1), F.selu(x),
        )  # fmt: skip


def test_activations(check_module, configuration) -> None:
    torch.manual_seed(0)
    check_module(Activations(), (torch.randn(2, 6, 5, 4),), configuration)


FORMULAS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "clamped_relu": lambda x: torch.where(x >= 0, x, 0.3 * x).clamp_max(1.5),
    "elu": lambda x: torch.where(x > 0, x, 0.3 * (x.exp() - 1)),
    "leaky_relu": lambda x: torch.where(x >= 0, x, 0.3 * x),
    "linear_activation": lambda x: 0.3 * x + 1.5,
    "scaled_tanh": lambda x: 0.3 * torch.tanh(1.5 * x),
    "sigmoid_hard": lambda x: (0.3 * x + 1.5).clamp(0, 1),
    "thresholded_relu": lambda x: torch.where(x >= 0.3, x, 0 * x),
    "softplus": lambda x: torch.log1p(x.exp()),
    "softsign": lambda x: x / (1 + x.abs()),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_of_the_documentation(run_op, snr, name: str) -> None:
    x = torch.linspace(-3, 3, 24).reshape(1, 2, 3, 4)
    given = {key: value for key, value in {"alpha": 0.3, "beta": 1.5}.items()
             if key in run_op.parameters(name)}  # fmt: skip
    assert snr(FORMULAS[name](x.double()), run_op(name, x=x, **given)) > 120


def test_softplus_parametric_has_parameters_for_each_channel(run_op, snr) -> None:
    x = torch.linspace(-3, 3, 24).reshape(1, 2, 3, 4)
    alpha, beta = torch.tensor([0.5, 2.0]), torch.tensor([1.5, 0.7])
    a, b = alpha.reshape(1, 2, 1, 1), beta.reshape(1, 2, 1, 1)
    value = run_op("softplus_parametric", x=x, alpha=alpha, beta=beta)
    assert snr(a * torch.log1p((b * x).exp()), value) > 120


@pytest.mark.parametrize("mode", ["EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION"])
def test_gelu_modes(run_op, snr, mode: str) -> None:
    x = torch.linspace(-4, 4, 41, dtype=torch.float64)
    want = {
        "EXACT": 0.5 * x * (1 + torch.erf(x / math.sqrt(2))),
        "TANH_APPROXIMATION": 0.5
        * x
        * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        "SIGMOID_APPROXIMATION": x * torch.sigmoid(1.702 * x),
    }[mode]
    assert snr(want, run_op("gelu", x=x.float(), mode=mode)) > 120
