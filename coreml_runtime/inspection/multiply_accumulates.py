"""Multiply-accumulates of the ops that do most of the work, from the shapes of their arguments.

Each function takes a dictionary from the op's parameters, and ``result``, to shapes.
"""

import math
from collections.abc import Callable
from typing import Any

Shapes = dict[str, Any]


def _conv(shapes: Shapes) -> int:
    return math.prod(shapes["result"]) * math.prod(shapes["weight"][1:])


def _conv_transpose(shapes: Shapes) -> int:
    return math.prod(shapes["x"]) * math.prod(shapes["weight"][1:])


def _linear(shapes: Shapes) -> int:
    return math.prod(shapes["result"]) * int(shapes["weight"][-1])


def _matmul(shapes: Shapes) -> int:
    """Count without the transpose flags: M·K · K·N / (M·N) is K² in every case."""
    left, right, result = shapes["x"], shapes["y"], shapes["result"]
    batch = math.prod(result[:-2])
    inner = math.isqrt(
        math.prod(left[-2:]) * math.prod(right[-2:]) // max(math.prod(result[-2:]), 1)
    )
    return batch * math.prod(result[-2:]) * inner


def _attention(shapes: Shapes) -> int:
    query, key, value = shapes["query"], shapes["key"], shapes["value"]
    return math.prod(query[:-1]) * int(key[-2]) * (int(query[-1]) + int(value[-1]))


def _recurrent(shapes: Shapes) -> int:
    steps, batch, _ = shapes["x"]
    per_step = math.prod(shapes["weight_ih"]) + math.prod(shapes["weight_hh"])
    directions = 2 if shapes.get("weight_ih_back") else 1
    return int(steps * batch * per_step * directions)


MULTIPLY_ACCUMULATES: dict[str, Callable[[Shapes], int]] = {
    "conv": _conv, "conv_quantized": _conv, "conv_transpose": _conv_transpose, "linear": _linear,
    "matmul": _matmul, "scaled_dot_product_attention": _attention, "rnn": _recurrent,
    "gru": _recurrent, "lstm": _recurrent,
}  # fmt: skip
