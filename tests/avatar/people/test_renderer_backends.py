"""One description, three readings of it: plain Python, numba and torch."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar.people import renderer
from avatar.people.identity import ATTRIBUTES, sample_identity
from avatar.people.renderer import _cpu, _gpu, _table, render
from avatar.people.renderer._color import linear_from_srgb, srgb_from_linear
from avatar.people.renderer._compiled import described, entry_point
from avatar.people.renderer.head import face, hair, solids, wear
from avatar.people.renderer.head.operations import floor, sqrt
from avatar.people.renderer.head.parameters import Parameters

COORDINATE = st.floats(-1.5, 1.5)
FOLDER = Path(renderer.__file__).parent


def test_numba_and_torch_trace_the_same_heads() -> None:
    """To 1e-3 in all but a few pixels of outlines, where a ray may just miss in one of them."""
    people = [
        replace(sample_identity(seed), hair_class=name)
        for seed, name in enumerate(
            ("bald", "afro", "long_wavy", "bun", "braids", "headscarf", "bob", "side_part")
        )
    ]
    table = _table(people, range(len(people)))
    tensors = _gpu.trace(table, 16, device="cpu", steps=40, shadow_steps=4)
    for row in range(len(people)):
        numbers = _cpu.trace(table, row, 16, steps=40, shadow_steps=4)
        assert numbers[..., 3].mean() > 0.1, "nothing was hit"
        difference = np.abs(numbers - tensors[row])
        assert (difference > 1e-3).mean() < 0.01
        assert difference.mean() < 1e-3


@pytest.mark.slow
def test_render_gives_the_same_selfie_by_either_backend() -> None:
    people, seeds = [sample_identity(2)], [5]
    by_numba, by_torch = (render(people, seeds, backend=name) for name in ("numba", "torch"))
    assert np.abs(by_numba - by_torch).mean() < 2e-3


@settings(max_examples=30, deadline=None)
@given(COORDINATE, COORDINATE, COORDINATE, st.integers(0, 11))
def test_the_description_runs_on_floats_as_on_tensors(
    x: float, y: float, z: float, kind: int
) -> None:
    person = replace(sample_identity(kind), hair_class=ATTRIBUTES["hair_class"][kind])
    row = _table([person], [kind])[0]
    p = Parameters(*(float(row[name]) for name in Parameters._fields))
    tensors = Parameters(*(torch.tensor(row[name]) for name in Parameters._fields))
    at = [torch.tensor(a) for a in (x, y, z)]
    for measure in (
        face.skin_distance, hair.hair_distance, wear.torso_distance, wear.glasses_distance,
        wear.earring_distance,
    ):  # fmt: skip
        expected, found = measure(x, y, z, p), float(measure(*at, tensors))
        assert abs(found - expected) < 2e-3, measure.__name__


def test_every_parameter_of_the_description_is_finite_for_everyone() -> None:
    people = [sample_identity(seed) for seed in range(60)]
    table = _table(people, range(60))
    assert table.dtype.names == Parameters._fields
    for name in table.dtype.names:
        assert np.isfinite(table[name]).all(), name


def test_every_parameter_is_read() -> None:
    sources = [*FOLDER.glob("_*.py"), *FOLDER.glob("head/[!_]*.py")]
    code = "".join(
        re.sub(r'""".*?"""', "", file.read_text("utf-8"), flags=re.S) for file in sources
    )
    assert set(re.findall(r"\bp\.(\w+)", code)) == set(Parameters._fields)


@described
def a_third_more(x: float) -> float:
    return x + x / 3.0


def test_compiled_code_computes_in_float32() -> None:
    @entry_point
    def measure(x: float) -> float:
        return 1.0 * a_third_more(x)

    one = np.float32(1.0)
    measure(one)
    (signature,) = measure.nopython_signatures
    assert str(signature.return_type) == "float32"
    assert np.float32(measure(one)) == one + one / np.float32(3.0)
    assert a_third_more(1.0) == 1.0 + 1.0 / 3.0


def test_a_change_of_the_description_compiles_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _cpu._sources_digest()
    copy = tmp_path / "renderer"
    shutil.copytree(FOLDER, copy)
    monkeypatch.setattr(_cpu, "_FOLDER", copy)
    assert _cpu._sources_digest() == before
    with (copy / "head" / "face.py").open("a") as file:
        file.write("# changed\n")
    assert _cpu._sources_digest() != before


DIGEST = """
import hashlib
from avatar.people import sample_identity
from avatar.people.renderer import render
print(hashlib.sha256(render([sample_identity(3)] * 2, [1, 2]).tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_pictures_are_the_same_from_new_and_from_kept_machine_code(tmp_path: Path) -> None:
    environment = {
        **os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(FOLDER.parents[2]),
    }  # fmt: skip

    def digest() -> str:
        command = [sys.executable, "-c", DIGEST]
        return subprocess.run(command, env=environment, capture_output=True, check=True).stdout

    first = digest()
    assert any(tmp_path.rglob("*.nbi")), "nothing was kept"
    assert digest() == first


@given(COORDINATE, COORDINATE, COORDINATE, st.floats(0.1, 1.0))
def test_a_ball_is_an_ellipsoid_of_equal_axes(x: float, y: float, z: float, r: float) -> None:
    expected = sqrt(x * x + y * y + z * z) - r
    assert solids.sphere(x, y, z, r) == pytest.approx(expected, abs=1e-9)
    if x * x + y * y + z * z > 1e-4:
        found = solids.ellipsoid(x, y, z, 1 / r, 1 / r, 1 / r)
        assert found == pytest.approx(expected, abs=1e-3)


@given(COORDINATE, COORDINATE, st.floats(0.01, 0.5))
def test_smooth_joins_stay_within_their_radius(a: float, b: float, k: float) -> None:
    low, high = solids.smooth_minimum(a, b, k), solids.smooth_maximum(a, b, k)
    assert min(a, b) - k / 4 - 1e-9 <= low <= min(a, b)
    assert max(a, b) <= high <= max(a, b) + k / 4 + 1e-9


@given(st.floats(-50, 50))
def test_waves_have_period_one(x: float) -> None:
    assert -1.0 <= solids.wave(x) <= 1.0
    assert solids.wave(x + 1.0) == pytest.approx(solids.wave(x), abs=1e-6)
    assert floor(x) <= x


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_srgb_and_linear_light_are_inverse(values: list[float]) -> None:
    np.testing.assert_allclose(srgb_from_linear(linear_from_srgb(values)), values, atol=1e-4)


def test_the_public_door_is_small() -> None:
    assert renderer.__all__ == ["SIDE", "render"]
