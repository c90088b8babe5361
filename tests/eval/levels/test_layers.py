"""The search for a wrong layer, on a small network and its graph written by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from components import Component, TensorSpec
from eval.graphs import Graph, Operation
from eval.levels import layer_matching, layers
from eval.schema import Layer


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(torch.relu(self.first(x)))


@pytest.fixture(scope="module")
def component() -> Component:
    torch.manual_seed(0)
    shape = (1, 3, 16, 16)
    return Component(
        name="net",
        module=Net().eval(),
        inputs=(TensorSpec(name="x", shape=shape),),
        outputs=(TensorSpec(name="y", shape=(1, 4, 16, 16)),),
    )


INPUTS = {"x": np.random.default_rng(1).standard_normal((1, 3, 16, 16)).astype(np.float32)}


def operation(kind: str, taken: str, given: str, *constants: str) -> Operation:
    return Operation(kind=kind, inputs=(taken,), constants=constants, outputs=(given,))


def graph(component: Component) -> Graph:
    state = {name: value.numpy() for name, value in component.module.state_dict().items()}
    return Graph(
        operations=(
            Operation(
                kind="conv", inputs=("x",), constants=("first.weight", "first.bias"), outputs=("a",)
            ),
            Operation(kind="relu", inputs=("a",), constants=(), outputs=("b",)),
            Operation(
                kind="conv",
                inputs=("b",),
                constants=("second.weight", "second.bias"),
                outputs=("c",),
            ),
        ),
        constants=state,
        stored_as={name: name for name in state},
    )


def values(component: Component, change: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """What the graph gives; `change` scales one channel of a layer by 1.05 first."""
    found = layers.outputs(component, INPUTS)
    for name, value in (("first", "a"), ("second", "c")):
        array = found[name].copy()
        if name == change:
            array[:, 1] *= 1.05
        yield value, array


def test_layers_are_matched_by_their_weights(component: Component) -> None:
    matched = layer_matching.match(component.module, graph(component), ("first", "second"))
    assert matched == {"first": "a", "second": "c"}


def test_a_right_program_has_nothing_to_find(component: Component) -> None:
    found = layers.compare(component, graph(component), INPUTS, values(component))
    assert [layer.name for layer in found] == ["first", "second"]
    assert all(layer.snr == math.inf and layer.gain == pytest.approx(0) for layer in found)


def test_what_was_fused_into_a_layer_is_taken_off_again(component: Component) -> None:
    first, second = graph(component).operations[::2]
    fused = replace(second, kind="fusedconv", inputs=("b", "z"), added="z")
    held = replace(graph(component), operations=(first, fused))
    given = dict(values(component))
    z = np.random.default_rng(3).standard_normal(given["c"].shape).astype(np.float32)
    sums = (("a", given["a"]), ("z", z), ("c", given["c"] + z))
    found = layers.compare(component, held, INPUTS, sums)
    assert [layer.name for layer in found] == ["first", "second"] and found[1].snr > 120
    activated = replace(held, operations=(first, replace(fused, added="")))
    found = layers.compare(component, activated, INPUTS, sums)
    assert [layer.name for layer in found] == ["first"]


def test_one_channel_of_many_is_told_by_its_gain(component: Component) -> None:
    given = values(component, change="second")
    found = layers.compare(component, graph(component), INPUTS, given)
    assert found[0].gain == pytest.approx(0)
    assert found[1].gain == pytest.approx(0.05, rel=1e-4)
    wrong = layers.first_wrong(found, floor=10, ceiling=0.03)
    assert wrong is not None and wrong.name == "second"


def test_gain_is_blind_to_noise_and_to_few_elements() -> None:
    rng = np.random.default_rng(2)
    clean = rng.standard_normal((1, 4, 64, 64))
    noisy = clean + 0.01 * rng.standard_normal(clean.shape)
    assert layers.gain(clean, noisy) < 1e-3
    assert layers.gain(clean[:, :, :2, :2], 2 * clean[:, :, :2, :2]) == 0.0
    assert layers.gain(clean, 0.9 * clean) == pytest.approx(0.1)
    assert layers.gain(clean, clean * np.nan) == math.inf


def made(*figures: tuple[float, float]) -> tuple[Layer, ...]:
    return tuple(
        Layer(name=f"l{index}", value=f"v{index}", snr=snr, gain=gain)
        for index, (snr, gain) in enumerate(figures)
    )


@pytest.mark.parametrize(
    ("figures", "name"),
    [
        (((90, 0), (30, 0), (20, 0)), "l1"),
        (((90, 0), (80, 0.1), (20, 0)), "l1"),
        (((90, 0), (85, 0), (60, 0), (58, 0)), "l2"),
    ],
    ids=["below the floor", "above the ceiling", "the largest drop"],
)
def test_the_first_layer_that_goes_wrong_is_named(figures: tuple, name: str) -> None:
    wrong = layers.first_wrong(made(*figures), floor=40, ceiling=0.05)
    assert wrong is not None and wrong.name == name


def test_no_layers_name_none() -> None:
    assert layers.first_wrong((), 40) is None
