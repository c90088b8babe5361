from __future__ import annotations

import torch
from torch import nn

from components import Component, TensorSpec
from eval.levels import unused


class Net(nn.Module):
    """Its second layer is computed, and read by nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.first(x)
        self.second(hidden)
        made: torch.Tensor = self.third(hidden)
        return made


def test_weights_that_no_output_reads_are_found_and_nothing_is_changed() -> None:
    spec = TensorSpec(name="x", shape=(1, 4))
    component = Component(name="net", module=Net(), inputs=(spec,), outputs=(spec,))
    before = {name: value.clone() for name, value in component.module.state_dict().items()}
    found = unused(component, [*before])
    assert found == {"second.weight", "second.bias"}
    after = component.module.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert unused(component, []) == set()
