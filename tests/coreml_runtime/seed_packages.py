"""Builds small packages of every kind with coremltools, as a start for mutations."""

import logging
import shutil
import warnings
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import get_new_symbol, types

logging.getLogger("coremltools").setLevel(logging.ERROR)


def _weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def network() -> Any:
    """Build a program of a convolution, a normalization, a pool and a matrix product."""

    @mb.program(input_specs=[mb.TensorSpec(shape=(1, 2, 8, 8))], opset_version=ct.target.iOS16)
    def program(x):
        y = mb.conv(x=x, weight=_weights(4, 2, 3, 3), bias=_weights(4), pad_type="same")
        y = mb.instance_norm(x=y, gamma=_weights(4), beta=_weights(4), epsilon=1e-5)
        y = mb.max_pool(x=mb.relu(x=y), kernel_sizes=[2, 2], strides=[2, 2], pad_type="valid")
        y = mb.reshape(x=y, shape=[1, 64])
        return mb.softmax(x=mb.linear(x=y, weight=_weights(10, 64), bias=_weights(10)))

    return program


def compressed() -> Any:
    """Build a program with the palettes and block-wise scales of iOS 18."""
    narrow = types.nptype_from_builtin(types.uint4)
    indices = np.random.default_rng(0).integers(0, 16, (8, 16)).astype(narrow)

    @mb.program(input_specs=[mb.TensorSpec(shape=(2, 16))], opset_version=ct.target.iOS18)
    def program(x):
        palette = mb.constexpr_lut_to_dense(indices=indices, lut=_weights(2, 1, 16, 1))
        blocks = mb.constexpr_blockwise_shift_scale(
            data=np.ones((8, 8), np.int8), scale=_weights(8, 2), offset=np.ones((8, 2), np.int8)
        )
        return mb.linear(x=mb.linear(x=x, weight=palette), weight=blocks)

    return program


def control_flow() -> Any:
    """Build a program with a loop that fills a list, and a branch."""

    @mb.program(input_specs=[mb.TensorSpec(shape=(2,))], opset_version=ct.target.iOS17)
    def program(x):
        kept = mb.make_list(init_length=2, elem_shape=(2,))
        _, kept = mb.while_loop(
            _cond=lambda count, _: mb.less(x=count, y=4),
            _body=lambda count, kept: (
                mb.add(x=count, y=np.int32(1)),
                mb.list_write(ls=kept, index=count, value=x),
            ),
            loop_vars=(0, kept),
        )
        large = mb.greater(x=mb.reduce_sum(x=x), y=0.5)
        picked = mb.cond(
            pred=large, _true_fn=lambda: mb.mul(x=x, y=2.0), _false_fn=lambda: mb.add(x=x, y=1.0)
        )
        return mb.add(x=mb.list_read(ls=kept, index=3), y=picked)

    return program


def stateful() -> Any:
    """Build a program that reads a state, updates a slice of it, and writes it."""

    @mb.program(
        input_specs=[
            mb.TensorSpec(shape=(1, 4), dtype=types.fp16),
            mb.StateTensorSpec(shape=(3, 4), dtype=types.fp16),
        ],
        opset_version=ct.target.iOS18,
    )
    def program(x, cache):
        now = mb.read_state(input=cache)
        new = mb.slice_update(x=now, update=x, begin=[1, 0], end=[2, 4])
        return mb.reduce_sum(x=mb.coreml_update_state(state=cache, value=new), axes=[0])

    return program


def attention() -> Any:
    """Build a program of two attentions in a chain; the first is large enough to run in blocks."""

    @mb.program(
        input_specs=[mb.TensorSpec(shape=(2, 1024, 4)), mb.TensorSpec(shape=(2, 520, 4))],
        opset_version=ct.target.iOS16,
    )
    def program(x, y):
        scores = mb.softmax(x=mb.matmul(x=x, y=y, transpose_y=True), axis=-1)
        once = mb.matmul(x=scores, y=mb.mul(x=y, y=0.5))
        return mb.matmul(
            x=mb.softmax(x=mb.matmul(x=once, y=_weights(2, 4, 3))), y=_weights(2, 3, 4)
        )

    return program


def without_axes() -> Any:
    """Build a program of tensors without axes, as flexible shapes give them."""

    @mb.program(
        input_specs=[mb.TensorSpec(shape=(get_new_symbol(), 3))], opset_version=ct.target.iOS17
    )
    def program(x):
        rows, columns = (mb.gather(x=mb.shape(x=x), indices=axis, axis=0) for axis in range(2))
        count = mb.mul(x=rows, y=columns)
        half = mb.cast(x=mb.floor_div(x=count, y=np.int32(2)), dtype="fp32")
        larger = mb.select(
            cond=mb.greater(x=half, y=4.0), a=mb.add(x=half, y=0.5), b=mb.reduce_sum(x=x)
        )
        steps = mb.cast(x=mb.range_1d(start=np.int32(0), end=count, step=np.int32(1)), dtype="fp32")
        filled = mb.fill(shape=mb.concat(values=(columns, rows), axis=0), value=1.5)
        table = mb.add(x=mb.reshape(x=steps, shape=mb.stack(values=(rows, columns), axis=0)),
                       y=mb.transpose(x=filled, perm=[1, 0]))  # fmt: skip
        first = mb.slice_by_index(x=table, begin=[0, 0], end=[1, 1], squeeze_mask=[True, True])
        return mb.mul(x=table, y=first), larger, mb.expand_dims(x=count, axes=[0])

    return program


def _convert(program: Any, target: Any, precision: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ct.convert(
            program, minimum_deployment_target=target, compute_precision=precision,
            skip_model_load=True, **options,
        )  # fmt: skip


def build(folder: Path) -> list[Path]:
    """Write each program as a package below ``folder`` and return the paths."""
    half, single = ct.precision.FLOAT16, ct.precision.FLOAT32
    models = {
        "network": _convert(network(), ct.target.iOS16, half),
        "compressed": _convert(compressed(), ct.target.iOS18, single),
        "control_flow": _convert(control_flow(), ct.target.iOS17, single),
        "stateful": _convert(stateful(), ct.target.iOS18, half),
        "attention": _convert(attention(), ct.target.iOS16, half),
        "without_axes": _convert(
            without_axes(),
            ct.target.iOS17,
            single,
            inputs=[ct.TensorType(name="x", shape=(ct.RangeDim(1, 8, default=4), 3))],
        ),
    }
    paths = []
    for name, model in models.items():
        path = folder / f"{name}.mlpackage"
        shutil.copytree(model.package_path, path, copy_function=shutil.copyfile)
        paths.append(path)
    return paths
