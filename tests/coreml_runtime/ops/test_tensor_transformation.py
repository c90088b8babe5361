"""Compares ops that move, join, slice and repeat values with torch's and numpy's."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F


class Shapes(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        a, b = x.split([1, 3], 1)
        c, d = x.chunk(2, 2)
        return (
            x.reshape(2, -1),
            x.permute(0, 2, 3, 1),
            x[0].unsqueeze(0).unsqueeze(-1),
            x[:1].squeeze(0),
            x.flatten(1, 2),
            torch.cat((b, a), 1),
            torch.stack((c, d), 1),
            x[:, 1:, ::2, 1:-1],
            x[:, -1],
            x[..., 0, 2],
            x.flip((1, 3)),
            x.repeat(1, 2, 1, 3),
            F.pad(x, (1, 2, 0, 1), value=0.5),
            F.pad(x, (2, 1, 1, 1), mode="reflect"),
            F.pad(x, (2, 1, 1, 1), mode="replicate"),
            F.pixel_shuffle(x, 2),
            F.pixel_unshuffle(x, 2),
            x.expand(3, 2, 4, 6, 4),
            torch.roll(x, 1, 3),
        )


def test_shapes(check_module, configuration) -> None:
    torch.manual_seed(0)
    check_module(Shapes(), (torch.randn(2, 4, 6, 4),), configuration, fp16_db=60)


sizes = st.integers(1, 5)


@st.composite
def _slices(draw) -> tuple:
    shape = draw(st.lists(sizes, min_size=1, max_size=4))
    begin = [draw(st.integers(-n, n - 1)) for n in shape]
    end = [draw(st.integers(-n, n)) for n in shape]
    stride = [draw(st.sampled_from([-2, -1, 1, 2, 3])) for _ in shape]
    masks = [[draw(st.booleans()) for _ in shape] for _ in range(3)]
    return shape, begin, end, stride, *masks


@given(_slices())
def test_slice_by_index_is_python_slicing(run_op, case: tuple) -> None:
    shape, begin, end, stride, begin_mask, end_mask, squeeze_mask = case
    x = np.arange(np.prod(shape)).reshape(shape).astype(np.float32)
    index = tuple(
        first if squeezed else slice(None if free else first, None if open_ else last, step)
        for first, last, step, free, open_, squeezed in zip(
            begin, end, stride, begin_mask, end_mask, squeeze_mask, strict=True
        )
    )
    # A squeezed axis is indexed at ``begin``, whatever its begin mask says of slices.
    begin_mask = [mask and not drop for mask, drop in zip(begin_mask, squeeze_mask, strict=True)]
    value = run_op(
        "slice_by_index", x=torch.from_numpy(x), begin=tuple(begin), end=tuple(end),
        stride=tuple(stride), begin_mask=tuple(begin_mask), end_mask=tuple(end_mask),
        squeeze_mask=tuple(squeeze_mask),
    )  # fmt: skip
    assert np.array_equal(value.numpy(), x[index])


def test_slice_update_writes_what_slice_by_index_reads(run_op) -> None:
    x = torch.zeros(4, 5)
    where = {"begin": (1, 4), "end": (4, 0), "stride": (2, -2)}
    update = torch.arange(1.0, 5.0).reshape(2, 2)
    value = run_op("slice_update", x=x, update=update, **where)
    assert torch.equal(run_op("slice_by_index", x=value, **where), update)
    assert value.sum() == update.sum() and x.sum() == 0


@given(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["constant", "reflect", "replicate"]))
def test_pad_is_numpys(run_op, before: int, after: int, mode: str) -> None:
    x = np.arange(40.0, dtype=np.float32).reshape(2, 4, 5)
    numpy_mode = {"replicate": "edge"}.get(mode, mode)
    extra = {"constant_values": 1.5} if mode == "constant" else {}
    want = np.pad(x, ((0, 0), (before, after), (after, before)), numpy_mode, **extra)
    value = run_op(
        "pad", x=torch.from_numpy(x), pad=(before, after, after, before), mode=mode,
        constant_val=1.5,
    )  # fmt: skip
    assert np.array_equal(value.numpy(), want)


def test_reshape_keeps_axes_that_are_zero(run_op) -> None:
    x = torch.zeros(2, 3, 4)
    assert run_op("reshape", opset=6, x=x, shape=(0, -1, 2)).shape == (2, 6, 2)
    assert run_op("reshape", opset=7, x=x, shape=(-1, 0)).shape == (6, 4)
    assert run_op("reshape", opset=7, x=x, shape=(6, 1, 0)).shape == (6, 1, 4)


def test_reshape_like(run_op) -> None:
    """The example is that of the documentation."""
    references = (torch.zeros(2, 3, 4), torch.zeros(1, 5, 6))
    value = run_op(
        "reshape_like", x=torch.zeros(6, 30), ref_tensors=references, begins=(0, 1), ends=(2, 0),
        end_masks=(False, True),
    )  # fmt: skip
    assert value.shape == (2, 3, 5, 6)


def test_interleaved_concat_takes_turns(run_op) -> None:
    a, b = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]])
    assert run_op("concat", values=(a, b), axis=1, interleave=True).tolist() == [[1, 3, 2, 4]]


@pytest.mark.parametrize(
    ("there", "back", "argument"),
    [
        ("space_to_depth", "depth_to_space", {"block_size": 2}),
        ("pixel_unshuffle", "pixel_shuffle", {}),
    ],
)
def test_blocks_go_there_and_back(run_op, there: str, back: str, argument: dict) -> None:
    x = torch.arange(96.0).reshape(1, 4, 4, 6)
    first = argument or {"downscale_factor": 2}
    second = argument or {"upscale_factor": 2}
    assert torch.equal(run_op(back, x=run_op(there, x=x, **first), **second), x)


def test_depth_to_space_is_tensorflows(run_op) -> None:
    """The channels are the pixels of a block, row by row."""
    x = torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1, 1)
    assert run_op("depth_to_space", x=x, block_size=2).tolist() == [[[[1, 2], [3, 4]]]]
    two = torch.arange(8.0).reshape(1, 8, 1, 1)
    assert run_op("depth_to_space", x=two, block_size=2)[0, 0].tolist() == [[0, 2], [4, 6]]


def test_space_to_batch_and_back(run_op) -> None:
    x = torch.arange(24.0).reshape(1, 1, 4, 6)
    there = run_op("space_to_batch", x=x, block_shape=(2, 3), paddings=(1, 1, 0, 3))
    assert there.shape == (6, 1, 3, 3) and there[0, 0, 1].tolist() == [6, 9, 0]
    back = run_op("batch_to_space", x=there, block_shape=(2, 3), crops=(1, 1, 0, 3))
    assert torch.equal(back, x)


def test_reverse_sequence_turns_only_the_beginning(run_op) -> None:
    x = torch.arange(8.0).reshape(2, 4)
    lengths = torch.tensor([3, 1], dtype=torch.int32)
    value = run_op("reverse_sequence", x=x, lengths=lengths, seq_axis=1, batch_axis=0)
    assert value.tolist() == [[2, 1, 0, 3], [4, 5, 6, 7]]
    turned = run_op("reverse_sequence", x=x.T, lengths=lengths, seq_axis=0, batch_axis=1)
    assert torch.equal(turned, value.T)


def test_windows_splits_and_the_rest(run_op) -> None:
    x = torch.arange(10.0).reshape(1, 5, 2)
    windows = run_op("sliding_windows", x=x, axis=1, size=3, stride=2)
    assert windows.shape == (1, 2, 3, 2) and windows[0, 1, 0, 0] == 4
    sizes = run_op("split", x=x, axis=1, split_sizes=(1, 4))
    assert [part.shape[1] for part in sizes] == [1, 4]
    with pytest.raises(ValueError, match="equal parts"):
        run_op("split", x=x, axis=1, num_splits=2)
    assert run_op("slice_by_size", x=x, begin=(0, -2, 0), size=(-1, -1, 1)).tolist() == [
        [[6.0], [8.0]]
    ]
    assert run_op("flatten2d", x=x, axis=-1).shape == (5, 2)
    assert run_op("crop", x=x, crop_height=(1, 2), crop_width=(0, 1)).tolist() == [[[2.0], [4.0]]]
    assert run_op("expand_dims", x=x, axes=(-1, 0)).shape == (1, 1, 5, 2, 1)
    assert run_op("squeeze", x=x).shape == (5, 2)
