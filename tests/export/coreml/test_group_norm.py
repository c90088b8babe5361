from __future__ import annotations

from collections import Counter
from pathlib import Path

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil.frontend.torch import ops as torch_ops
from torch import nn

import coreml_runtime
from components import Component, TensorSpec
from export.coreml.convert import convert
from export.coreml.group_norm import low_rank_group_norm


def converted(
    module: nn.Module, shape: tuple[int, ...], tmp_path: Path
) -> tuple[Counter[str], int, nn.Module]:
    component = Component(
        name="net",
        module=module.eval(),
        inputs=(TensorSpec(name="x", shape=shape),),
        outputs=(TensorSpec(name="y", shape=shape),),
    )
    package = tmp_path / "net.mlpackage"
    spec = convert(component, package, target="ios16", precision="fp32")
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    rank = max(o.type.tensorType.rank for op in block.operations for o in op.outputs)
    ops = Counter(op.type for op in block.operations)
    return ops, rank, coreml_runtime.load(package, precision="float32")


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", [(1, 8, 6, 4), (3, 8, 5, 5), (2, 8, 7), (2, 8)])
def test_it_fires_and_gives_the_same_numbers(
    shape: tuple[int, ...], affine: bool, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    module = nn.GroupNorm(4, 8, eps=1e-3, affine=affine)
    if affine:
        nn.init.normal_(module.weight)
        nn.init.normal_(module.bias)
    ops, rank, model = converted(module, shape, tmp_path)
    assert ops["instance_norm"] == 1 and ops["reduce_mean"] == 0
    assert rank <= 4
    x = torch.randn(shape) * 3 + 1
    np.testing.assert_allclose(model(x=x)["y"], module(x).detach(), atol=5e-6)


def test_other_norms_are_left_alone(tmp_path: Path) -> None:
    ops, _, _ = converted(nn.LayerNorm(4), (1, 3, 4), tmp_path)
    assert ops["layer_norm"] == 1 and ops["instance_norm"] == 0


def test_shapes_that_are_not_static_are_left_alone() -> None:
    program = torch.export.export(
        nn.GroupNorm(4, 8).eval(),
        (torch.zeros(1, 8, 6, 4),),
        dynamic_shapes=({2: torch.export.Dim("height", min=2, max=64)},),
    ).run_decompositions({})
    with low_rank_group_norm():
        model = ct.convert(
            program,
            convert_to="milinternal",
            minimum_deployment_target=ct.target.iOS16,
        )
    kinds = Counter(op.op_type for op in model.functions["main"].operations)
    assert kinds["instance_norm"] == 0 and kinds["reduce_mean"] > 0


def test_coremltools_is_as_it_was_afterwards() -> None:
    before = torch_ops._group_norm_impl
    with pytest.raises(RuntimeError), low_rank_group_norm():
        assert torch_ops._group_norm_impl is not before
        raise RuntimeError
    assert torch_ops._group_norm_impl is before
