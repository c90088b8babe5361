"""Tries every op with every rank from 0 on that MIL allows.

Elementwise ops are compared with numpy at ranks 0 to 5. For the others there is a case in which an
argument or the result has no axes, or the op is one of those that need an axis.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from coreml_runtime.ops import MilList, StateCell, registered_ops

VALUES = np.linspace(-0.9, 0.8, 24, dtype=np.float32)
SHAPES = [(), (24,), (4, 6), (2, 3, 4), (1, 2, 3, 4), (2, 1, 2, 3, 2)]


def _erf(x: np.ndarray) -> np.ndarray:
    return torch.erf(torch.from_numpy(np.asarray(x))).numpy()


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


UNARY: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "asin": np.arcsin,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "erf": _erf,
    "exp": np.exp,
    "exp2": np.exp2,
    "floor": np.floor,
    "gelu": lambda x: 0.5 * x * (1 + _erf(x / np.sqrt(2, dtype=np.float32))),
    "identity": lambda x: x,
    "inverse": lambda x: 1 / (x + 1e-4),
    "log": np.log,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "round": np.round,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sigmoid": _sigmoid,
    "sign": np.sign,
    "silu": lambda x: x * _sigmoid(x),
    "sin": np.sin,
    "sinh": np.sinh,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "sqrt": np.sqrt,
    "square": np.square,
    "tan": np.tan,
    "tanh": np.tanh,
}
PARAMETRIC: dict[str, tuple[dict[str, Any], Callable[[np.ndarray], np.ndarray]]] = {
    "cast": ({"dtype": "fp32"}, lambda x: x),
    "clamped_relu": ({"alpha": 0.5, "beta": 0.4},
                     lambda x: np.minimum(np.where(x >= 0, x, 0.5 * x), 0.4)),
    "clip": ({"alpha": -0.5, "beta": 0.25}, lambda x: np.clip(x, -0.5, 0.25)),
    "elu": ({"alpha": 0.5}, lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
    "fill_like": ({"value": 3.0}, lambda x: np.full_like(x, 3.0)),
    "leaky_relu": ({"alpha": 0.1}, lambda x: np.where(x > 0, x, 0.1 * x)),
    "linear_activation": ({"alpha": 2.0, "beta": 1.0}, lambda x: 2 * x + 1),
    "scaled_tanh": ({"alpha": 2.0, "beta": 0.5}, lambda x: 2 * np.tanh(0.5 * x)),
    "sigmoid_hard": ({"alpha": 0.2, "beta": 0.5}, lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
    "threshold": ({"alpha": 0.25}, lambda x: np.maximum(x, 0.25)),
    "thresholded_relu": ({"alpha": 0.25}, lambda x: np.where(x >= 0.25, x, 0)),
}  # fmt: skip
BINARY: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "add": np.add,
    "equal": np.equal,
    "floor_div": np.floor_divide,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "mod": np.mod,
    "mul": np.multiply,
    "not_equal": np.not_equal,
    "sub": np.subtract,
}
LOGIC: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
}
REDUCTIONS: dict[str, Callable[[np.ndarray, tuple[int, ...]], np.ndarray]] = {
    "reduce_l1_norm": lambda x, axes: np.abs(x).sum(axes),
    "reduce_l2_norm": lambda x, axes: np.sqrt((x * x).sum(axes)),
    "reduce_log_sum": lambda x, axes: np.log(x.sum(axes)),
    "reduce_log_sum_exp": lambda x, axes: np.log(np.exp(x).sum(axes)),
    "reduce_max": lambda x, axes: x.max(axes),
    "reduce_mean": lambda x, axes: x.mean(axes),
    "reduce_min": lambda x, axes: x.min(axes),
    "reduce_prod": lambda x, axes: x.prod(axes),
    "reduce_sum": lambda x, axes: x.sum(axes),
    "reduce_sum_square": lambda x, axes: (x * x).sum(axes),
}
# Ops that compute along, over or on a fixed number of axes, so that no tensor of theirs can be
# without; MIL's documentation gives a rank of 1 or more for all of them.
NEEDS_AXES = {
    "affine", "argsort", "avg_pool", "band_part", "batch_norm", "batch_to_space", "conv",
    "conv_quantized", "conv_transpose", "constexpr_affine_dequantize", "constexpr_lut_to_dense",
    "constexpr_lut_to_sparse", "constexpr_sparse_blockwise_shift_scale",
    "constexpr_sparse_to_dense", "crop", "crop_resize", "cumsum", "depth_to_space", "einsum",
    "flatten2d", "gather_along_axis", "gru", "instance_norm", "l2_norm", "l2_pool", "layer_norm",
    "linear", "list_gather", "list_scatter", "local_response_norm", "lstm", "max_pool",
    "non_maximum_suppression", "pixel_shuffle", "pixel_unshuffle", "prelu", "random_categorical",
    "resample", "resize", "resize_bilinear", "resize_nearest_neighbor", "reverse_sequence", "rnn",
    "scaled_dot_product_attention", "scatter_along_axis", "slice_update", "sliding_windows",
    "softmax", "softplus_parametric", "space_to_batch", "space_to_depth", "split", "topk",
    "upsample_bilinear", "upsample_nearest_neighbor",
}  # fmt: skip


def _t(value: Any, dtype: torch.dtype | None = None) -> torch.Tensor:
    return torch.tensor(value, dtype=dtype)


def _ints(*values: int) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.int32)


SEVEN = _t(7, torch.int32)
VECTOR = _ints(4, 5, 6)
LIST = MilList(items=(_t(1.5), None), dynamic=True, blank=_t(0.0))

# (name of the op, arguments, result)
CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("classify", {"probabilities": _t(1.0), "classes": ("only",)}, ("only", {"only": 1.0})),
    ("concat", {"values": (SEVEN, _t(8, torch.int32)), "axis": 0}, _ints(7, 8)),
    ("concat", {"values": (SEVEN,), "axis": -1}, _ints(7)),
    ("concat", {"values": (SEVEN, SEVEN), "axis": 0, "interleave": True}, _ints(7, 7)),
    ("constexpr_blockwise_shift_scale",
     {"data": _t(6), "scale": _t(0.5), "offset": _t(2)}, _t(2.0)),
    ("constexpr_cast", {"source_val": _t(0.5), "output_dtype": "fp32"}, _t(0.5)),
    ("dequantize", {"input": _t(5), "scale": _t(0.5), "zero_point": _t(1)}, _t(2.0)),
    ("expand_dims", {"x": SEVEN, "axes": (0,)}, _ints(7)),
    ("expand_dims", {"x": SEVEN, "axes": (-1, 0)}, _ints(7).reshape(1, 1)),
    ("fill", {"shape": (), "value": 2.5}, _t(2.5)),
    ("fill", {"shape": SEVEN.reshape(1), "value": SEVEN}, torch.full((7,), 7)),
    ("gather", {"x": VECTOR, "indices": _t(1, torch.int32), "axis": 0}, _t(5, torch.int32)),
    ("gather", {"x": VECTOR, "indices": _t(2, torch.int32), "axis": -1}, _t(6, torch.int32)),
    ("gather", {"x": VECTOR.expand(2, 3), "indices": _t(0), "axis": 1}, _ints(4, 4)),
    ("gather", {"x": VECTOR.expand(2, 3), "indices": _ints(2, 0), "axis": 1, "batch_dims": 1},
     _ints(6, 4)),
    ("gather_nd", {"x": VECTOR.reshape(1, 3), "indices": _ints(0, 2)}, _t(6, torch.int32)),
    ("list_length", {"ls": LIST}, _t(2, torch.int32)),
    ("list_read", {"ls": LIST, "index": _t(0)}, _t(1.5)),
    ("list_read", {"ls": LIST, "index": _t(1)}, _t(0.0)),
    ("matmul", {"x": _t([1.0, 2.0]), "y": _t([3.0, 4.0])}, _t(11.0)),
    ("matmul", {"x": _t([1, 2]), "y": _t([3, 4]), "transpose_x": True}, _t(11)),
    ("non_zero", {"x": SEVEN}, torch.zeros(1, 0, dtype=torch.int64)),
    ("one_hot", {"indices": _t(1), "one_hot_vector_size": 3}, _t([0, 1, 0])),
    ("one_hot", {"indices": _t(1), "one_hot_vector_size": _t(2), "on_value": _t(0.5),
                 "off_value": _t(0.0)}, _t([0.0, 0.5])),
    ("pad", {"x": _t(2.0), "pad": ()}, _t(2.0)),
    ("pow", {"x": SEVEN, "y": _t(2, torch.int32)}, _t(49.0, torch.float64)),
    ("pow", {"x": _t(4.0), "y": _t(0.5)}, _t(2.0)),
    ("quantize", {"input": _t(2.0), "scale": _t(0.5), "output_dtype": "int8"}, _t(4.0)),
    ("range_1d", {"start": _t(1), "end": _t(7), "step": _t(2)}, _t([1, 3, 5])),
    ("range_1d", {"start": _t(0.0), "end": _t(1.0), "step": _t(0.5)}, _t([0.0, 0.5])),
    ("read_state", {"input": StateCell(_t(3.0))}, _t(3.0)),
    ("real_div", {"x": SEVEN, "y": _t(2, torch.int32)}, _t(3, torch.int32)),
    ("real_div", {"x": _t(7.0), "y": _t([2.0, 4.0])}, _t([3.5, 1.75])),
    ("reduce_argmax", {"x": VECTOR, "axis": 0}, _t(2)),
    ("reduce_argmin", {"x": VECTOR, "axis": 0}, _t(0)),
    ("reshape", {"x": SEVEN, "shape": (1, 1)}, _ints(7).reshape(1, 1)),
    ("reshape", {"x": SEVEN.reshape(1, 1), "shape": ()}, SEVEN),
    ("reshape", {"x": SEVEN, "shape": ()}, SEVEN),
    ("reshape", {"x": SEVEN, "shape": _t([-1])}, _ints(7)),
    ("reshape_like", {"x": SEVEN.reshape(1), "ref_tensors": (_t(0.0),), "begins": (0,),
                      "ends": (0,), "end_masks": (False,)}, SEVEN),
    ("reverse", {"x": SEVEN}, SEVEN),
    ("scatter", {"data": VECTOR, "indices": _t(1), "updates": SEVEN, "mode": "update"},
     _ints(4, 7, 6)),
    ("scatter", {"data": VECTOR.reshape(1, 3), "indices": _t(2), "updates": SEVEN.reshape(1),
                 "axis": 1, "mode": "add"}, _ints(4, 5, 13).reshape(1, 3)),
    ("scatter_nd", {"data": VECTOR, "indices": _ints(2), "updates": SEVEN, "mode": "update"},
     _ints(4, 5, 7)),
    ("select", {"cond": _t(True), "a": _t([1.0, 2.0]), "b": _t(3.0)}, _t([1.0, 2.0])),
    ("select", {"cond": _t(False), "a": _t(1.0), "b": _t(3.0)}, _t(3.0)),
    ("shape", {"x": SEVEN}, torch.zeros(0, dtype=torch.int32)),
    ("slice_by_index", {"x": VECTOR, "begin": _ints(-1), "end": _ints(0),
                        "squeeze_mask": (True,)}, _t(6, torch.int32)),
    ("slice_by_index", {"x": VECTOR, "begin": SEVEN - 6, "end": SEVEN - 4}, _ints(5, 6)),
    ("slice_by_index", {"x": SEVEN, "begin": (), "end": ()}, SEVEN),
    ("slice_by_size", {"x": VECTOR, "begin": SEVEN - 6, "size": SEVEN - 6}, _ints(5)),
    ("slice_by_size", {"x": SEVEN, "begin": (), "size": ()}, SEVEN),
    ("squeeze", {"x": SEVEN.reshape(1, 1)}, SEVEN),
    ("squeeze", {"x": SEVEN.reshape(1, 1), "axes": (0, -1)}, SEVEN),
    ("squeeze", {"x": SEVEN}, SEVEN),
    ("stack", {"values": (SEVEN, SEVEN), "axis": 0}, _ints(7, 7)),
    ("stack", {"values": (SEVEN, SEVEN), "axis": -1}, _ints(7, 7)),
    ("tile", {"x": _ints(7), "reps": _t(2)}, _ints(7, 7)),
    ("tile", {"x": SEVEN, "reps": ()}, SEVEN),
    ("transpose", {"x": SEVEN, "perm": ()}, SEVEN),
]  # fmt: skip
# Ops without a value that can be foretold, or without a result; their tests are below.
TESTED_BELOW = {
    "list_write", "logical_not", "make_list", "random_bernoulli", "random_normal",
    "random_uniform", "write_state",
}  # fmt: skip
OPSETS = (5, 6, 7, 8)


def test_every_op_is_in_one_list() -> None:
    lists = [UNARY, PARAMETRIC, BINARY, LOGIC, REDUCTIONS, NEEDS_AXES, TESTED_BELOW]
    tried = set().union(*lists) | {name for name, _, _ in CASES}
    assert tried == registered_ops()
    assert sum(map(len, lists)) + len({name for name, _, _ in CASES}) == len(tried)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", sorted(UNARY | PARAMETRIC))
def test_one_operand(name: str, shape: tuple[int, ...], run_op) -> None:
    options, function = PARAMETRIC.get(name, ({}, UNARY.get(name)))
    values = np.abs(VALUES) if name in ("log", "rsqrt", "sqrt") else VALUES
    x = values[: int(np.prod(shape))].reshape(shape)
    parameter = "ref_tensor" if name == "fill_like" else "x"
    have = run_op(name, **{parameter: torch.from_numpy(x)}, **options)
    assert tuple(have.shape) == shape
    np.testing.assert_allclose(have.numpy(), function(x), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", [np.float32, np.int32, np.bool_])
@pytest.mark.parametrize("name", sorted(BINARY | LOGIC))
def test_two_operands(name: str, kind: type, shape: tuple[int, ...], run_op) -> None:
    if (name in LOGIC) != (kind is np.bool_):
        return
    x = (VALUES * 10).round()[: int(np.prod(shape))].reshape(shape).astype(kind)
    function = (BINARY | LOGIC)[name]
    for y in (np.array(3, kind), np.full_like(x, 3), np.array([[3]], kind)):
        for first, second in ((x, y), (y, x)):
            if name in ("floor_div", "mod") and not np.all(second):
                continue
            have = run_op(name, x=torch.from_numpy(first), y=torch.from_numpy(second))
            wanted = function(first, second)
            assert tuple(have.shape) == wanted.shape
            np.testing.assert_allclose(have.numpy(), wanted, rtol=1e-6)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", sorted(REDUCTIONS))
def test_reductions(name: str, shape: tuple[int, ...], run_op) -> None:
    x = (np.abs(VALUES) + np.float32(0.5))[: int(np.prod(shape))].reshape(shape)
    everything = tuple(range(len(shape)))
    for axes in {None, (), everything[:1], everything[1:], everything}:
        options = {} if axes is None else {"axes": axes}
        wanted = REDUCTIONS[name](x, everything if axes is None else axes)
        for keep in (False, True):
            have = run_op(name, x=torch.from_numpy(x), keep_dims=keep, **options)
            assert have.dim() == (len(shape) if keep else np.ndim(wanted))
            np.testing.assert_allclose(have.numpy().ravel(), np.ravel(wanted), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "arguments", "wanted"), CASES, ids=[c[0] for c in CASES])
def test_without_axes(name: str, arguments: dict[str, Any], wanted: Any, run_op) -> None:
    versions = [opset for opset in OPSETS if set(arguments) <= run_op.parameters(name, opset)]
    assert versions
    for opset in versions:
        have = run_op(name, opset, **arguments)
        if not isinstance(wanted, torch.Tensor):
            assert have == wanted
            continue
        assert have.shape == wanted.shape, (opset, have)
        assert torch.equal(have.double(), wanted.double()), (opset, have)


@pytest.mark.parametrize("name", ["random_bernoulli", "random_normal", "random_uniform"])
def test_random_ops(name: str, run_op) -> None:
    assert run_op(name, shape=(), seed=1).shape == ()
    assert run_op(name, shape=SEVEN, seed=1).shape == (7,)


def test_lists_of_scalars(run_op) -> None:
    made = run_op("make_list", elem_shape=(), init_length=SEVEN)
    assert len(made.items) == 7 and made.read(6).shape == ()
    written = run_op("list_write", ls=made, index=SEVEN, value=_t(2.0))
    assert written.read(7).item() == 2.0 and len(written.items) == 8


def test_logical_not_and_write_state(run_op) -> None:
    assert run_op("logical_not", x=_t(False)).item() is True
    cell = StateCell(_t(1.0))
    assert run_op("write_state", input=cell, data=_t(2.0)) is None
    assert cell.value.item() == 2.0
