"""Safetensors files written one tensor at a time are those that the library reads."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from components import CheckpointError
from components.overlay.tensors import open_tensors, write_tensors

TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.uint8)


@st.composite
def some_tensors(draw: st.DrawFn) -> dict[str, torch.Tensor]:
    made = {}
    for name in draw(st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=5)):
        shape = draw(st.lists(st.integers(0, 4), max_size=3))
        tensor = torch.randint(0, 200, shape).to(draw(st.sampled_from(TYPES)))
        made[name] = tensor.T if draw(st.booleans()) and tensor.ndim == 2 else tensor
    made.pop("__metadata__", None)
    return made


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(tensors=some_tensors())
def test_what_is_written_is_read(tensors: dict[str, torch.Tensor], tmp_path: Path) -> None:
    """Law: names, types, shapes and values stay, whoever reads; the order given does not count."""
    path, again = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    write_tensors(path, tensors)
    write_tensors(again, dict(reversed(tensors.items())))
    assert path.read_bytes() == again.read_bytes()
    with ExitStack() as stack:
        opened = open_tensors([path], stack)
        assert opened.shapes == {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        for found in (load_file(path), opened):
            assert found.keys() == tensors.keys()
            for name, tensor in tensors.items():
                assert found[name].dtype == tensor.dtype
                assert torch.equal(found[name], tensor)


def test_a_file_that_is_cut_short_is_one_line(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a.safetensors", {"a": torch.ones(9)})
    data = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(data[:-1])
    with pytest.raises(CheckpointError, match="is cut short"), ExitStack() as stack:
        open_tensors([tmp_path / "a.safetensors"], stack)
