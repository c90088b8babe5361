"""MIL ops as small torch functions, families in files; importing this registers them all."""

from . import (
    activation,
    attention,
    constexpr,
    conv,
    elementwise,
    indexing,
    linear,
    norm,
    pool,
    reduction,
    resample,
    shape,
    tensor,
)
from .registry import find_op, registered_ops

__all__ = [
    "activation",
    "attention",
    "constexpr",
    "conv",
    "elementwise",
    "find_op",
    "indexing",
    "linear",
    "norm",
    "pool",
    "reduction",
    "registered_ops",
    "resample",
    "shape",
    "tensor",
]
