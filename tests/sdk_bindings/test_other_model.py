"""A model of other shapes, styles and steps gets packages that pass their own tests.

It is the example of `avatar assemble`, with a scheduler that draws fresh noise. Nothing of the
shipped model holds for it: places and size of selfies, tokens, latents, pictures, styles, guidance.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avatar.__main__ import open_model
from avatar.selfies import read_selfie
from components.metrics import psnr
from export import verify
from sdk_bindings import KOTLIN, SWIFT, open_bundle, publish_package
from support.images import to_pixels
from tests.assembled_artifacts import assembled_artifact
from tests.sdk_bindings import swift_toolchain as swift
from tests.sdk_bindings.test_kotlin import example, suites
from tests.sdk_bindings.test_kotlin import missing as kotlin_missing
from tests.sdk_bindings.test_kotlin import verify as build_and_test

pytestmark = pytest.mark.slow

SELFIES = sorted((swift.ROOT / "docs" / "samples").glob("selfie-*.png"))
SEED = 2**33 + 5
STYLE, STEPS = "clay", 3
ENOUGH = 55.0
"""The PSNR in dB that a library's picture must reach against Python's."""

BY_SHAPES = {"EndToEndTests", "GoldenTests", "MemoryPolicyTests", "StudioTests"}
"""The Swift tests that another model can break. Without the others the build is half as long."""
SHARED = {"Support", "Safetensors"}
QUICK = ("-c", "release", "-j", "1", "-Xswiftc", "-enable-testing", "-Xswiftc", "-Onone")
"""Flags for a package that is built once and runs tiny networks."""


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the ONNX artifact of the assembled model."""
    return assembled_artifact("onnx", tmp_path_factory)


def test_nothing_of_the_shipped_model_holds_for_it(artifact: Path, shipped_onnx: Path) -> None:
    ours, theirs = (open_bundle(each, KOTLIN).manifest for each in (artifact, shipped_onnx))
    for one, other in zip(ours.components, theirs.components, strict=True):
        shapes = {spec.name: spec.shape for spec in other.inputs + other.outputs}
        for spec in one.inputs + one.outputs:
            assert spec.shape == (1,) or spec.shape != shapes[spec.name], spec.name
    assert not {style.name for style in ours.styles} & {style.name for style in theirs.styles}
    assert ours.sampler and len(ours.sampler.timesteps) == STEPS
    assert ours.sampler.guidance != 1 and any(ours.sampler.noises)


def assert_as_python_draws(artifact: Path, file: Path) -> None:
    """Compare a picture of `SELFIES` with that of Python's ONNX pipeline."""
    model = open_model("onnx", Path(), artifact)
    side = verify(artifact).manifest.components[0].inputs[0].shape[-1]
    selfies = np.stack([read_selfie(path, side) for path in SELFIES])
    (avatar,) = model.draw(selfies, model.styles.index(STYLE), [SEED])
    with Image.open(file) as picture:
        theirs = np.asarray(picture, np.float64) / 255
    ours = to_pixels(avatar).astype(np.float64) / 255
    assert theirs.shape == ours.shape and psnr(ours, theirs, peak=1) >= ENOUGH


@pytest.mark.skipif(
    kotlin_missing() is not None and not os.environ.get("REQUIRE_TOOLCHAINS"),
    reason=str(kotlin_missing()),
)
def test_its_kotlin_package_passes_its_own_tests(artifact: Path, tmp_path: Path) -> None:
    package, out = tmp_path / "kotlin", tmp_path / "me.png"
    publish_package(open_bundle(artifact, KOTLIN), KOTLIN, package)
    build_and_test(package, "--projects", "core,example", AVATAR_ARTIFACT="/nowhere")
    results = suites(package)
    assert sum(int(suite.get("tests", 0)) for suite in results) > 80
    assert not any(int(suite.get("skipped", 0)) for suite in results)
    options = ["--artifact", package / "artifact", "--style", STYLE, "--seed", str(SEED)]
    done = example(package, *options, "--out", out, *SELFIES)
    assert done.returncode == 0, done.stderr
    assert_as_python_draws(artifact, out)


@pytest.mark.skipif(
    swift.why_missing() is not None and not os.environ.get("REQUIRE_TOOLCHAINS"),
    reason=str(swift.why_missing()),
)
def test_its_swift_package_passes_its_own_tests(artifact: Path, tmp_path: Path) -> None:
    package, out = tmp_path / "swift", tmp_path / "me.png"
    publish_package(open_bundle(artifact, SWIFT), SWIFT, package)
    for file in (package / "Tests" / "AvatarStudioTests").glob("*.swift"):
        if file.stem not in BY_SHAPES | SHARED:
            file.unlink()
    _swift(package, "swift", "build", "--build-tests", *QUICK)
    said = _swift(package, "swift", "test", "--skip-build", *QUICK)
    assert re.search(r"Executed (?:3\d|[4-9]\d) tests, with 0 failures", said), said
    options = ("--style", STYLE, "--seed", str(SEED), "--out", str(out))
    _swift(package, ".build/release/avatar-example", *options, *map(str, SELFIES), see=[tmp_path])
    assert_as_python_draws(artifact, out)


def _swift(package: Path, *command: str, see: list[Path] | None = None) -> str:
    done = swift.swift(*command, folder=package, see=see or ())
    assert done.returncode == 0, swift.output_of(done)
    return swift.output_of(done)
