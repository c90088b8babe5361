"""Compares gather and scatter with loops that follow the documentation."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 2), st.integers(0, 2), st.integers(0, 10_000))
def test_gather_with_batch_axes(run_op, batch_dims: int, extra: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(2, 3, 4, 5)).astype(np.float32)
    axis = int(generator.integers(batch_dims, 4))
    shape = x.shape[:batch_dims] + tuple(generator.integers(1, 4, size=extra))
    indices = generator.integers(-x.shape[axis], x.shape[axis], size=shape)
    want = np.empty(x.shape[:axis] + shape[batch_dims:] + x.shape[axis + 1 :], np.float32)
    for batch in np.ndindex(*x.shape[:batch_dims]):
        want[batch] = np.take(x[batch], indices[batch], axis - batch_dims)
    value = run_op(
        "gather",
        x=torch.from_numpy(x),
        indices=torch.from_numpy(np.asarray(indices, np.int32)),
        axis=axis,
        batch_dims=batch_dims,
    )
    assert np.array_equal(value.numpy(), want)


@pytest.mark.parametrize("batch_dims", [0, 1])
def test_gather_nd(run_op, batch_dims: int) -> None:
    x = torch.arange(24.0).reshape(2, 3, 4)
    indices = torch.tensor([[[0, 1], [1, 2]], [[1, 0], [0, 2]]], dtype=torch.int32)
    value = run_op("gather_nd", x=x, indices=indices, batch_dims=batch_dims)
    if batch_dims == 0:
        assert torch.equal(value[1, 0], x[1, 0]) and value.shape == (2, 2, 4)
    else:
        assert value.tolist() == [[x[0, 0, 1], x[0, 1, 2]], [x[1, 1, 0], x[1, 0, 2]]]


UPDATES = {
    "update": lambda old, new: new,
    "add": lambda old, new: old + new,
    "sub": lambda old, new: old - new,
    "mul": lambda old, new: old * new,
    "div": lambda old, new: old / new,
    "max": max,
    "min": min,
}


@pytest.mark.parametrize("mode", UPDATES)
def test_scatters_combine_one_by_one(run_op, mode: str) -> None:
    """Repeated indices combine, except for ``update``, where their order is undefined."""
    generator = torch.Generator().manual_seed(0)
    data = torch.rand(4, 3, generator=generator) + 0.5
    rows = torch.tensor([2, 0, 1 if mode == "update" else 2], dtype=torch.int32)
    updates = torch.rand(3, 3, generator=generator) + 0.5
    want = data.double().clone()
    for i, j in itertools.product(range(3), range(3)):
        want[rows[i], j] = UPDATES[mode](want[rows[i], j], updates[i, j].double())
    common = {"data": data, "updates": updates, "mode": mode}
    spread = rows.unsqueeze(1).expand(3, 3)
    for value in (
        run_op("scatter", indices=rows, axis=0, **common),
        run_op("scatter_along_axis", indices=spread, axis=0, **common),
        run_op("scatter_nd", indices=rows.unsqueeze(1), **common),
    ):
        assert torch.allclose(value.double(), want, rtol=1e-6)


def test_scatter_adds_as_in_the_documentation(run_op) -> None:
    value = run_op(
        "scatter",
        data=torch.tensor([[1, 2, 3], [4, 5, 6]], dtype=torch.int32),
        indices=torch.tensor([1, 0], dtype=torch.int32),
        updates=torch.tensor([[5, 6, 7], [8, 9, 10]], dtype=torch.int32),
    )
    assert value.tolist() == [[9, 11, 13], [9, 11, 13]]
