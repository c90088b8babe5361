from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from components import Component, TensorSpec
from components.reference import runner
from export.errors import ExportError
from export.forms import cut_positions
from export.forms.chunks import cut, tensor_bytes
from export.forms.cut_positions import cheapest_cuts, most_parts
from export.forms.packed import chunk_counts
from tests.export.forms.test_attention import component as unet_component
from tests.export.forms.test_attention import inputs as unet_inputs
from tests.export.forms.test_attention import unet

WIDTH = 3


def run_in_order(chunks: Sequence[Component], values: dict[str, np.ndarray]) -> dict:
    """Every value that the inputs and chunks have, by name."""
    values = dict(values)
    for chunk in chunks:
        taken = {spec.name: values[spec.name] for spec in chunk.inputs}
        made = runner(chunk)(taken)
        for spec in chunk.outputs:
            assert made[spec.name].shape == spec.shape and str(made[spec.name].dtype) == spec.dtype
        values.update(made)
    return values


class _Graph(nn.Module):
    """A random network: each layer reads an earlier value and may add another one."""

    def __init__(self, edges: Sequence[tuple[int, int]], kinds: Sequence[str]) -> None:
        super().__init__()
        self.edges, self.kinds = edges, kinds
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in edges)
        self.register_buffer("shift", torch.arange(WIDTH, dtype=torch.float32), persistent=False)

    def forward(self, x: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        values = [x]
        for layer, kind, (first, second) in zip(self.layers, self.kinds, self.edges, strict=True):
            value = layer(values[first % len(values)])
            other = values[second % len(values)]
            if kind == "add":
                value = value + other
            elif kind == "compare":  # a boolean lives until the next product
                value = torch.where(other > value, value, -value)
            elif kind == "index":  # int64 is made of the int32 input
                value = value[:, index.long() % WIDTH] + self.shift
            elif kind == "scale":  # a tensor without axes
                value = value * other.mean()
            elif kind == "halves":  # a tuple of tensors
                left, right = torch.cat([value, other], 1).chunk(2, 1)
                value = left * right
            elif kind == "again":  # two layers share a weight
                value = self.layers[0](value)
            values.append(value)
        return values[-1], values[len(values) // 2]


KINDS = ("add", "compare", "index", "scale", "halves", "again")


def random_component(edges: Sequence[tuple[int, int]], kinds: Sequence[str]) -> Component:
    torch.manual_seed(0)
    names = ("x", "index")
    shapes = ((2, WIDTH), (WIDTH,))
    dtypes = ("float32", "int32")
    return Component(
        name="net",
        module=_Graph(edges, kinds).eval(),
        inputs=tuple(
            TensorSpec(name=n, shape=s, dtype=d)
            for n, s, d in zip(names, shapes, dtypes, strict=True)
        ),
        outputs=tuple(TensorSpec(name=name, shape=(2, WIDTH)) for name in ("last", "middle")),
    )


@settings(max_examples=15)
@given(
    layers=st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from(KINDS)),
        min_size=2,
        max_size=8,
    ),
    count=st.integers(2, 8),
)
def test_chunks_in_order_equal_the_whole(layers: list[tuple[int, int, str]], count: int) -> None:
    whole = random_component([edge[:2] for edge in layers], [edge[2] for edge in layers])
    try:
        chunks = cut(whole, count)
    except ExportError as error:
        most = int(str(error).split(" to ")[1].split(":")[0])
        assert most < count
        return
    assert [chunk.name for chunk in chunks] == [f"net_chunk{i + 1}" for i in range(count)]
    values = {"x": np.random.default_rng(0).normal(size=(2, WIDTH)).astype(np.float32)}
    values["index"] = np.array([5, 1, 3], np.int32)
    expected, got = runner(whole)(values), run_in_order(chunks, values)
    for name in expected:
        np.testing.assert_array_equal(got[name], expected[name])


@pytest.mark.parametrize("count", [2, 3])
def test_a_unet_in_chunks_is_the_unet(count: int) -> None:
    whole = unet_component(unet("xl"))
    chunks = cut(whole, count)
    tensors = dict(zip(("x", "t", "text"), (t.numpy() for t in unet_inputs()), strict=True))
    got = run_in_order(chunks, tensors)
    np.testing.assert_array_equal(got["y"], runner(whole)(tensors)["y"])
    state = whole.module.state_dict()
    held = Counter(name for chunk in chunks for name in chunk.module.state_dict())
    assert {name for name in held if name in state} == state.keys()
    assert all(count == 1 for name, count in held.items() if name in state), "none is used twice"
    for chunk in chunks:
        for name, value in chunk.module.state_dict().items():
            if name in state:
                assert value.data_ptr() == state[name].data_ptr(), "weights are not copied"
        assert max(len(spec.shape) for spec in (*chunk.inputs, *chunk.outputs)) <= 5
    sizes = [sum(tensor_bytes("", v) for v in c.module.state_dict().values()) for c in chunks]
    assert max(sizes) <= cut_positions.TOLERANCE * 1.1 * sum(sizes) / count


def test_one_chunk_is_the_component_and_too_many_are_one_line() -> None:
    whole = random_component([(0, 0), (1, 1)], ["add", "add"])
    assert cut(whole, 1) == (whole,)
    with pytest.raises(ExportError, match=r"net cannot be cut into 9 chunks, expected 1 to 2"):
        cut(whole, 9)


@settings(max_examples=60)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 5), st.one_of(st.integers(0, 9), st.just(float("inf")))),
        min_size=1,
        max_size=9,
    ),
    count=st.integers(1, 4),
)
def test_cuts_are_the_cheapest_of_all(steps: list[tuple[int, float]], count: int) -> None:
    weights, passed = [w for w, _ in steps], [p for _, p in steps]
    limit = cut_positions.TOLERANCE * sum(weights) / count

    def cost(cuts: tuple[int, ...], bound: float) -> float:
        ends = (0, *cuts, len(steps))
        held = [sum(weights[a:b]) for a, b in pairwise(ends)]
        if not all(0 < each <= bound + 1e-9 for each in held):
            return float("inf")
        return sum(passed[cut] for cut in cuts)

    every = list(combinations(range(1, len(steps)), count - 1))
    possible = [c for c in every if cost(c, float("inf")) < float("inf")]
    if not sum(weights):
        return
    assert (count <= most_parts(weights, passed)) == bool(possible)
    if possible:
        found = cheapest_cuts(weights, passed, count)
        assert found in possible
        within = [cost(c, limit) for c in every if cost(c, limit) < float("inf")]
        if within:
            assert cost(found, limit) == min(within)


def test_no_chunk_is_larger_than_those_of_the_largest() -> None:
    sizes = {"text_encoder": 123, "unet": 859, "decoder": 50}
    assert chunk_counts(sizes, 1) == {"text_encoder": 1, "unet": 1, "decoder": 1}
    assert chunk_counts(sizes, 2) == {"text_encoder": 1, "unet": 2, "decoder": 1}
    assert chunk_counts(sizes, 8) == {"text_encoder": 2, "unet": 8, "decoder": 1}
