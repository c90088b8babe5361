"""Compares arithmetic, comparison and logic with torch's."""

import pytest
import torch
from torch import nn


class Unary(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        small = torch.tanh(x) * 0.9
        positive = x.abs() + 0.5
        return (
            x.abs(), torch.acos(small), torch.asin(small), torch.atan(x), torch.atanh(small),
            torch.ceil(x), torch.cos(x), torch.cosh(x), torch.erf(x), torch.exp(x), torch.exp2(x),
            torch.floor(x), torch.log(positive), torch.round(x * 4),
            torch.rsqrt(positive), torch.sign(x), torch.sin(x), torch.sinh(x),
            torch.sqrt(positive), torch.square(x), torch.tan(small), torch.clamp(x, -0.5, 0.75),
            torch.clamp(x, min=0.25), -x, torch.pow(positive, 1.7), torch.log1p(positive),
        )  # fmt: skip


class Binary(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
        positive = y.abs() + 0.5
        less = x < y
        more = x > 0
        return (
            x + y, x - y, x * y, x / positive, torch.floor_divide(x, positive),
            torch.remainder(x, positive), torch.pow(positive, x), torch.maximum(x, y),
            torch.minimum(x, y), torch.where(less, x, y), less.float(), (x <= y).float(),
            (x >= y).float(), (x == y).float(), (x != y).float(),
            torch.logical_and(less, more).float(),
            torch.logical_or(less, more).float(), torch.logical_xor(less, more).float(),
            torch.logical_not(less).float(), x.to(torch.int32),
            (4 * x).to(torch.int32) // 3, (4 * x).to(torch.int32) % 3,
        )  # fmt: skip


def test_one_operand(check_module, configuration) -> None:
    torch.manual_seed(0)
    # Rounding could move a value across a step of floor, ceil or round: no value is near one.
    x = torch.randn(3, 1, 7)
    x = torch.where((x - x.round()).abs() > 0.45, x + 0.2, x)
    x = torch.where((4 * x - (4 * x).round()).abs() > 0.45, x + 0.05, x).half().float()
    check_module(Unary(), (x,), configuration)


def test_two_operands_broadcast(check_module, configuration) -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randint(-9, 9, (3, 1, 7), generator=generator) / 4 + 0.125
    y = torch.randint(-9, 9, (5, 7), generator=generator) / 4 + 0.125
    check_module(Binary(), (x, y), configuration)


@pytest.mark.parametrize(
    ("name", "default", "function"),
    [
        ("inverse", 1e-4, lambda x: 1 / x),
        ("log", 1e-45, torch.log),
        ("rsqrt", 1e-12, torch.rsqrt),
    ],
)
def test_epsilon_is_added_first(run_op, name: str, default: float, function) -> None:
    x = torch.tensor([0.0, 1e-3, 1.0, 7.0])
    assert torch.equal(run_op(name, x=x), function(x + default))
    assert torch.equal(run_op(name, x=x, epsilon=0.25), function(x + 0.25))


def test_integer_division_rounds_as_documented(run_op) -> None:
    x = torch.tensor([7, -7, 7, -7], dtype=torch.int32)
    y = torch.tensor([2, 2, -2, -2], dtype=torch.int32)
    assert run_op("floor_div", x=x, y=y).tolist() == [3, -4, -4, 3]
    assert run_op("mod", x=x, y=y).tolist() == [1, 1, -1, -1]
    assert run_op("real_div", x=x, y=y).tolist() == [3, -3, -3, 3]
    assert run_op("pow", x=x, y=y.abs()).tolist() == [49, 49, 49, 49]


def test_round_goes_to_even(run_op) -> None:
    assert run_op("round", x=torch.tensor([0.5, 1.5, 2.5, -0.5])).tolist() == [0, 2, 2, 0]


def test_threshold_and_clip(run_op) -> None:
    x = torch.tensor([-2.0, 0.5, 3.0])
    assert run_op("threshold", x=x, alpha=1.0).tolist() == [1.0, 1.0, 3.0]
    assert run_op("clip", x=x, alpha=-1.0, beta=1.0).tolist() == [-1.0, 0.5, 1.0]
