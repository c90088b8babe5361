from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor, nn

from export.coreml.aliases import ALIAS, drop_aliases


class _Aliased(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.ops.aten.alias.default(x) + 1, x.relu()


def targets(program: torch.export.ExportedProgram) -> Counter[object]:
    return Counter(node.target for node in program.graph.nodes if node.op == "call_function")


def test_it_fires_and_keeps_the_meaning() -> None:
    program = torch.export.export(_Aliased(), (torch.zeros(3),)).run_decompositions({})
    assert targets(program)[ALIAS] == 1
    assert drop_aliases(program) == 1
    assert targets(program)[ALIAS] == 0
    x = torch.tensor([-1.0, 0.0, 2.0])
    first, second = program.module()(x)
    assert first.tolist() == [0.0, 1.0, 3.0] and second.tolist() == [0.0, 0.0, 2.0]


class _Plain(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.view(3, 1).transpose(0, 1).clone() + 1


class _Output(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.aten.alias.default(x.relu())


def test_it_leaves_everything_else_alone() -> None:
    program = torch.export.export(_Plain(), (torch.zeros(3),)).run_decompositions({})
    before = targets(program)
    assert drop_aliases(program) == 0 and targets(program) == before


def test_an_alias_that_is_an_output_stays() -> None:
    program = torch.export.export(_Output(), (torch.zeros(3),)).run_decompositions({})
    before = targets(program)
    assert drop_aliases(program) == 0 and targets(program) == before
