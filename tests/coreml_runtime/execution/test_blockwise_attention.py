"""Compares attention in blocks with the same ops one by one, as ``trace`` runs them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coremltools as ct
import pytest
import torch
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813

import coreml_runtime
from coreml_runtime.planning import AttentionStep

# 2.1 million scores; no size is a multiple of a block's.
LEAD, ROWS, KEYS = (3, 2), 701, 500


def _attention(convert, lead: tuple[int, ...], rows: int, keys: int, **options: Any) -> Path:
    """Convert softmax(x yᵀ) z.

    Options: ``transpose_y``, the ``axis`` of the softmax, the ``width`` of z, and ``peek``, which
    makes another op read the scores.
    """
    flag = options.get("transpose_y", True)
    y_shape = (*lead, keys, 8) if flag else (*lead, 8, keys)
    shapes = [(*lead, rows, 8), y_shape, (*lead, keys, options.get("width", 8))]

    @mb.program(
        input_specs=[mb.TensorSpec(shape=shape) for shape in shapes], opset_version=ct.target.iOS16
    )
    def program(x, y, z):
        scores = mb.matmul(x=x, y=y, transpose_y=flag)
        weights = mb.softmax(x=scores, axis=options.get("axis", -1))
        late = mb.mul(x=z, y=2.0)  # converters put such ops between the softmax and the product
        made = mb.matmul(x=weights, y=late)
        return (made, mb.reduce_max(x=scores, axes=[-1])) if options.get("peek") else made

    return convert(program, target="iOS16", precision=options.get("precision", "fp16"))


def _given(model: coreml_runtime.CoreMLModel) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return {one.name: torch.randn(one.shape, generator=generator) for one in model.inputs}


def _joined(model: Any) -> Iterator[AttentionStep]:
    return (step for step in model._plan.body.steps if isinstance(step, AttentionStep))


def _both_ways(model: coreml_runtime.CoreMLModel) -> tuple[torch.Tensor, torch.Tensor]:
    given = _given(model)
    with torch.no_grad():
        traced = dict(model.trace({name: value.numpy() for name, value in given.items()}))
        made = model(**given)[model.outputs[0].name]
    return made, traced[model.outputs[0].name]


@pytest.mark.parametrize("precision", ["storage", "float32"])
@pytest.mark.parametrize("options", [{}, {"transpose_y": False}, {"width": 5}, {"axis": 3}])
def test_blocks_give_what_the_ops_give(convert, snr, precision, options) -> None:
    model = coreml_runtime.load(
        _attention(convert, LEAD, ROWS, KEYS, **options), precision=precision
    )
    assert len(list(_joined(model))) == 1
    by_blocks, one_by_one = _both_ways(model)
    # Another order of summing changes the last of 24 bits, and now and then that of the 11 bits
    # that an intermediate result is rounded to.
    assert snr(one_by_one, by_blocks) > (100 if precision == "float32" else 80)
    given = list(_given(model).values())
    keys = given[1] if options.get("transpose_y", True) else given[1].mT
    want = torch.softmax(given[0] @ keys.mT, -1) @ (2 * given[2])
    assert snr(want, by_blocks) > (90 if precision == "float32" else 50)
    if precision == "storage":
        assert torch.equal(by_blocks, by_blocks.half().float())


def test_trace_yields_every_value_of_an_attention(convert) -> None:
    model = coreml_runtime.load(_attention(convert, LEAD, ROWS, KEYS))
    values = dict(model.trace({name: one.numpy() for name, one in _given(model).items()}))
    shapes = [tuple(value.shape) for value in values.values()]
    assert shapes.count((*LEAD, ROWS, KEYS)) == 2


def test_scores_never_exist_as_a_whole(convert, monkeypatch) -> None:
    """No value that the call computes is as large as the scores."""
    model = coreml_runtime.load(_attention(convert, LEAD, ROWS, KEYS))
    largest = 0
    softmax = torch.softmax

    def watched(scores: torch.Tensor, axis: int) -> torch.Tensor:
        nonlocal largest
        largest = max(largest, scores.numel())
        return softmax(scores, axis)

    monkeypatch.setattr(torch, "softmax", watched)
    with torch.no_grad():
        model(**_given(model))
    assert 0 < largest <= 2 * (1 << 18)


def test_scores_that_another_op_reads_are_computed_whole(convert, snr) -> None:
    model = coreml_runtime.load(_attention(convert, LEAD, ROWS, KEYS, peek=True))
    assert not list(_joined(model))
    by_blocks, one_by_one = _both_ways(model)
    assert torch.equal(by_blocks, one_by_one)


@pytest.mark.parametrize("options", [{"axis": 2}, {}])
def test_unsuitable_attention_runs_op_by_op(convert, options) -> None:
    """The softmax is over another axis, or there are few scores."""
    rows = ROWS if options else 20
    model = coreml_runtime.load(_attention(convert, LEAD, rows, KEYS, **options))
    by_blocks, one_by_one = _both_ways(model)
    assert torch.equal(by_blocks, one_by_one)


def test_gradients_flow_through_large_attention(convert) -> None:
    model = coreml_runtime.load(_attention(convert, LEAD, ROWS, KEYS), precision="float32")
    given = _given(model)
    first = next(iter(given))
    given[first].requires_grad_()
    (made,) = model(**given).values()
    made.square().sum().backward()
    gradient = given[first].grad
    assert gradient is not None and bool(gradient.abs().sum() > 0)


def test_attention_of_attention(convert, snr) -> None:
    """In a chain of two an op could belong to both; every op is run once."""

    @mb.program(
        input_specs=[mb.TensorSpec(shape=(2, 1100, 8)), mb.TensorSpec(shape=(2, 8, 500))],
        opset_version=ct.target.iOS16,
    )
    def program(x, y):
        once = mb.matmul(x=mb.softmax(x=mb.matmul(x=x, y=y)), y=mb.transpose(x=y, perm=[0, 2, 1]))
        again = mb.matmul(x=mb.softmax(x=once), y=y)
        return mb.matmul(x=mb.softmax(x=again), y=mb.transpose(x=y, perm=[0, 2, 1]))

    model = coreml_runtime.load(convert(program, target="iOS16"))
    assert len(list(_joined(model))) == 2
    by_blocks, one_by_one = _both_ways(model)
    assert snr(one_by_one, by_blocks) > 80
