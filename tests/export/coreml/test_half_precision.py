"""The step to fp16 against coremltools' own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import coremltools as ct
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from coremltools.converters.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil.passes.defs.quantization import add_fp16_cast
from hypothesis import given
from hypothesis import strategies as st

import components
from export.coreml import convert as converter
from export.coreml import package
from export.coreml.half_precision import to_half_precision
from export.coreml.trigonometry import PHASE_OPS
from tests.components.tiny import save_tiny_avatar, save_tiny_stable_diffusion


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("checkpoints")
    return {
        "avatar": save_tiny_avatar(folder / "avatar"),
        "sd": save_tiny_stable_diffusion(folder / "sd"),
    }


def converted(checkpoint: Path, name: str, folder: Path, *, consume: bool) -> dict[str, bytes]:
    component = components.load(checkpoint).component(name)
    spec = converter.convert(
        component, folder / "net.mlpackage", target="ios16", precision="fp16", consume=consume
    )
    package.normalise(spec)
    package.write(spec, folder / "net.mlpackage")
    left = {parameter.is_meta for parameter in component.module.parameters()}
    assert left == {consume}, "the weights are there afterwards unless they may be consumed"
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def feeds_phase(op: Any) -> bool:
    """By going forward from one operation, where the pass goes back from all sines at once."""
    seen, waiting = {op}, [op]
    while waiting:
        current = waiting.pop()
        if current.op_type in PHASE_OPS:
            return True
        fresh = {child for value in current.outputs for child in value.child_ops} - seen
        seen |= fresh
        waiting.extend(fresh)
    return False


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pipeline", "name"), [("avatar", "denoiser"), ("sd", "text_encoder"), ("sd", "unet")]
)
def test_the_bytes_are_those_of_the_pass_of_coremltools(
    pipeline: str,
    name: str,
    checkpoints: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for folder in ("ours", "kept", "theirs"):
        (tmp_path / folder).mkdir()
    ours = converted(checkpoints[pipeline], name, tmp_path / "ours", consume=True)
    assert ours == converted(checkpoints[pipeline], name, tmp_path / "kept", consume=False)

    def theirs(precision: str, on_start: Any) -> dict[str, Any]:
        selective = ct.transform.FP16ComputePrecision(lambda op: not feeds_phase(op))
        return {"compute_precision": selective}

    monkeypatch.setattr(converter, "_precision", theirs)
    assert ours == converted(checkpoints[pipeline], name, tmp_path / "theirs", consume=False)


NUMBERS = st.floats(width=32) | st.sampled_from([65504.0, 65520.0, -65504.0, -1e5, 1e38, -3e38])


@given(arrays.arrays(np.float32, arrays.array_shapes(max_dims=3, max_side=4), elements=NUMBERS))
def test_numbers_too_large_for_fp16_are_those_that_coremltools_finds(value: np.ndarray) -> None:
    @mb.program(input_specs=[mb.TensorSpec(shape=value.shape)])
    def program(x):  # type: ignore[no-untyped-def]
        return mb.add(x=x, y=mb.const(val=value), name="sum")

    op = program.functions["main"].find_ops(op_type="add")[0]
    assert to_half_precision.fp16_overflow(op) == add_fp16_cast.fp16_overflow(op)
