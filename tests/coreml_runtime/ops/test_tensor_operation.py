"""Compares ops that make and sort tensors with torch's and with the documentation."""

import torch
from torch import nn
from torch.nn import functional as F


class Tensors(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 5)

    def forward(self, x: torch.Tensor, index: torch.Tensor) -> tuple[torch.Tensor, ...]:
        values, places = torch.topk(x, 3, 1)
        return (
            self.embed(index),
            torch.index_select(x, 1, index[0]),
            torch.gather(x, 1, index.long()[:, :3]),
            x[:, index[0].long()],
            F.one_hot(index.long(), 11).float(),
            values,
            places.to(torch.int32),
            torch.argsort(x, 1).to(torch.int32),
            torch.full((2, 3), 0.25) + x[:, :3],
            torch.arange(7) * x[:, :7],
            torch.tril(x, -1),
            torch.triu(x, 1),
            torch.scatter(x, 1, index.long()[:, :2], x[:, 3:5]),
            torch.cumsum(x, 0),
            torch.masked_fill(x, x > 0.5, -1.0),
        )


def test_tensors(check_module, configuration) -> None:
    torch.manual_seed(0)
    index = torch.tensor([[0, 3, 7, 2], [5, 1, 6, 4]], dtype=torch.int32)
    check_module(Tensors(), (torch.randn(2, 8), index), configuration)


def test_cumsum_of_what_comes_before_or_after(run_op) -> None:
    x = torch.tensor([1.0, 2.0, 3.0])
    assert run_op("cumsum", x=x).tolist() == [1, 3, 6]
    assert run_op("cumsum", x=x, exclusive=True).tolist() == [0, 1, 3]
    assert run_op("cumsum", x=x, reverse=True).tolist() == [6, 5, 3]
    assert run_op("cumsum", x=x, reverse=True, exclusive=True).tolist() == [5, 3, 0]


def test_one_hot_ignores_what_is_outside(run_op) -> None:
    indices = torch.tensor([0, 2, 5, -1], dtype=torch.int32)
    value = run_op("one_hot", indices=indices, one_hot_vector_size=3, on_value=2.0, off_value=-1.0)
    assert value.tolist() == [[2, -1, -1], [-1, -1, 2], [-1, -1, -1], [-1, -1, -1]]
    first = run_op("one_hot", indices=indices, one_hot_vector_size=3, axis=0)
    assert first.shape == (3, 4) and first[2].tolist() == [0, 1, 0, 0]


def test_ranges_end_before_their_end(run_op) -> None:
    assert run_op("range_1d", start=2, end=9, step=3).tolist() == [2, 5, 8]
    assert run_op("range_1d", start=5, end=0, step=-2).tolist() == [5, 3, 1]
    assert run_op("range_1d", start=0, end=0, step=1).tolist() == []
    assert torch.equal(
        run_op("range_1d", start=0.0, end=1.0, step=0.1), torch.arange(10).double().mul(0.1).float()
    )


def test_band_part_keeps_a_band(run_op) -> None:
    x = torch.ones(4, 4)
    assert torch.equal(run_op("band_part", x=x, lower=0, upper=-1), x.triu())
    assert torch.equal(run_op("band_part", x=x, lower=-1, upper=0), x.tril())
    assert torch.equal(run_op("band_part", x=x, lower=1, upper=0), x.tril() * x.triu(-1))


def test_order_is_stable(run_op) -> None:
    x = torch.tensor([1.0, 3.0, 1.0, 3.0])
    assert run_op("argsort", x=x).tolist() == [1, 3, 0, 2]
    assert run_op("argsort", x=x, ascending=True).tolist() == [0, 2, 1, 3]
    values, places = run_op("topk", x=x, k=-1, ascending=True)
    assert values.tolist() == [1, 1, 3, 3] and places.tolist() == [0, 2, 1, 3]
    assert len(run_op("topk", x=x, k=2, return_indices=False)) == 1


def test_filled_tensors(run_op) -> None:
    assert run_op("fill", shape=(2, 1), value=3).tolist() == [[3], [3]]
    assert run_op("fill_like", ref_tensor=torch.zeros(2), value=0.5).tolist() == [0.5, 0.5]
    assert run_op("non_zero", x=torch.tensor([[0.0, 1.0], [2.0, 0.0]])).tolist() == [[0, 1], [1, 0]]
    assert run_op("shape", x=torch.zeros(3, 1)).tolist() == [3, 1]
