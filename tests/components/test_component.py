from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import components
from components import Component, InputError, TensorSpec
from components.reference import OneAtATime, runner

X = TensorSpec(name="x", shape=(1, 2))
INDEX = TensorSpec(name="index", shape=(1,), dtype="int32")


class _Pick(nn.Module):
    def forward(self, x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        return x[:, index.long()]


PICK = Component(
    name="pick",
    module=_Pick(),
    inputs=(X, INDEX),
    outputs=(TensorSpec(name="picked", shape=(1, 1)),),
)


def test_inputs_go_by_name_not_by_order() -> None:
    x, index = np.array([[3.0, 7.0]], np.float32), np.array([1], np.int32)
    for inputs in ({"x": x, "index": index}, {"index": index, "x": x}):
        assert runner(PICK)(inputs)["picked"].tolist() == [[7.0]]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"x": np.zeros((1, 2), np.float32)}, "expected"),
        ({"x": np.zeros((2, 1), np.float32), "index": np.zeros(1, np.int32)}, "x has shape"),
        ({"x": np.zeros((1, 2)), "index": np.zeros(1, np.int32)}, "x has dtype float64"),
        ({"x": np.zeros((1, 2), np.float32), "index": np.zeros(1)}, "index has dtype"),
    ],
)
def test_inputs_that_do_not_fit(inputs: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InputError, match=message):
        runner(PICK)(inputs)


def test_example_has_the_specs_shapes_and_dtypes() -> None:
    x, index = PICK.example()
    assert (x.shape, x.dtype, index.shape, index.dtype) == (
        (1, 2),
        torch.float32,
        (1,),
        torch.int32,
    )


def test_only_the_runner_used_last_stays_in_memory() -> None:
    import gc
    import weakref

    loaded: list[str] = []
    alive: weakref.WeakSet[nn.Module] = weakref.WeakSet()

    def load(name: str) -> components.Runner:
        gc.collect()
        assert len(alive) == 0, "the one before must be gone before the next is loaded"
        loaded.append(name)
        module = _Pick()
        alive.add(module)
        return runner(Component(name=name, module=module, inputs=PICK.inputs, outputs=PICK.outputs))

    runners = OneAtATime(("a", "b"), load)
    inputs = {"x": np.zeros((1, 2), np.float32), "index": np.zeros(1, np.int32)}
    for name in ("a", "a", "b", "a"):
        runners[name](inputs)
    assert loaded == ["a", "b", "a"]
    assert list(runners) == ["a", "b"]
    with pytest.raises(KeyError):
        runners["c"]


PUBLIC = """
    Arrays Case CheckpointError Component ComponentsError InputError PipelineComponents
    PipelineFacts Recording Runner TensorSpec UnknownComponentError UnknownPipelineError Weights
    fingerprint load record
"""


def test_public_names_of_the_room() -> None:
    assert sorted(components.__all__) == sorted(PUBLIC.split())
    assert all(hasattr(components, name) for name in components.__all__)


@pytest.mark.parametrize("kind", ["avatar", "sd"])
def test_weights_may_come_from_elsewhere(
    kind: str, avatar_checkpoint: Path, sd_checkpoint: Path, tmp_path: Path
) -> None:
    """From a folder with configurations only, and as they are given."""
    checkpoint = {"avatar": avatar_checkpoint, "sd": sd_checkpoint}[kind]
    original = components.load(checkpoint)
    bare = tmp_path / "bare"
    shutil.copytree(checkpoint, bare, ignore=shutil.ignore_patterns("*.safetensors"))

    def twice(name: str) -> dict[str, torch.Tensor]:
        state = original.component(name).module.state_dict()
        return {key: 2 * value for key, value in state.items()}

    filled = components.load(bare, weights=twice)
    for name in original.names:
        state = original.component(name).module.state_dict()
        for key, value in filled.component(name).module.state_dict().items():
            torch.testing.assert_close(value, 2 * state[key])
    with pytest.raises(components.CheckpointError, match="do not fit its configuration"):
        components.load(bare, weights=lambda name: {}).component("decoder")
