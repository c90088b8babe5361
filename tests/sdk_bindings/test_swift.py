"""The Swift package passes its own tests and the linter, and its example agrees with Python."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avatar.__main__ import open_model
from avatar.ai_label import PNG_TEXT, PNG_XMP_KEYWORD, SOURCE_TYPE, XMP
from avatar.selfies import read_selfies
from components.metrics import psnr
from sdk_bindings import SWIFT, open_bundle, publish_package
from support.images import to_pixels
from tests.sdk_bindings.swift_toolchain import (
    FLAGS,
    PACKAGE,
    ROOT,
    build,
    output_of,
    require,
    run_tests,
    swift,
    why_missing,
)

MISSING = why_missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        MISSING is not None and not os.environ.get("REQUIRE_TOOLCHAINS"), reason=str(MISSING)
    ),
]

SELFIES = sorted((ROOT / "docs" / "samples").glob("selfie-*.png"))
EXAMPLE = str(PACKAGE / ".build" / "release" / "avatar-example")


@pytest.fixture(scope="module")
def built(shipped_onnx: Path) -> Path:
    """Build the package and its tests, and return the artifact that they use."""
    build()
    return shipped_onnx


def test_its_own_tests_pass(built: Path) -> None:
    run_tests(PACKAGE, see=[built], AVATAR_ARTIFACT=str(built))


@pytest.mark.skipif(
    "SDK_PUBLISHED" not in os.environ, reason="it is built anew: make conformance does it"
)
def test_a_published_package_passes_its_own_tests(shipped_onnx: Path, tmp_path: Path) -> None:
    package = tmp_path / "swift"
    publish_package(open_bundle(shipped_onnx, SWIFT), SWIFT, package)
    build(package)
    run_tests(package)


def test_the_example_draws_what_python_draws(built: Path, tmp_path: Path) -> None:
    out = tmp_path / "me.png"
    done = swift(
        *("swift", "run", *FLAGS, "--skip-build", "avatar-example"),
        *("--model", str(built), "--style", "adventurer", "--plus", "--count", "2"),
        *("--seed", str(2**64 - 1), "--out", str(out), *map(str, SELFIES)),
        see=[built, tmp_path],
    )
    assert done.returncode == 0, output_of(done)
    files = [tmp_path / "me-1.png", tmp_path / "me-2.png"]
    assert done.stdout.split("\n")[:2] == [str(file) for file in files]
    model = open_model("onnx", Path(), built)
    style = model.styles.index("adventurer")
    for file, avatar in zip(
        files, model.draw(read_selfies(SELFIES), style, [2**64 - 1, 0]), strict=True
    ):
        theirs = np.asarray(Image.open(file), np.float64) / 255
        ours = to_pixels(avatar).astype(np.float64) / 255
        assert theirs.shape == (256, 256, 3)
        assert psnr(ours, theirs, peak=1) >= 55
        _assert_labelled(file)


def _assert_labelled(file: Path) -> None:
    with Image.open(file) as picture:
        picture.load()
        assert picture.text[PNG_XMP_KEYWORD] == XMP  # type: ignore[attr-defined]
        assert picture.text[PNG_TEXT[0]] == PNG_TEXT[1]  # type: ignore[attr-defined]


def test_exiftool_reads_the_label(built: Path, tmp_path: Path) -> None:
    exiftool = require("exiftool")
    out = tmp_path / "me.png"
    done = swift(*(EXAMPLE, "--fake", "--out", str(out), str(SELFIES[0])), see=[tmp_path])
    assert done.returncode == 0, output_of(done)
    read = subprocess.run(
        [exiftool, "-s", "-n", "-DigitalSourceType", "-Comment", "-Warning", str(out)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert SOURCE_TYPE in read and PNG_TEXT[1] in read and "Warning" not in read


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--style", "crayon"], "no style is named crayon"),
        (["--style", "adventurer"], "needs Plus"),
        (["--steps", "3"], "not made for 3 steps"),
        (["--count", "0"], "at least 1"),
        (["--count", "many"], "expected a whole number"),
        (["--model", "/nowhere"], "there is no model in /nowhere"),
        (["--colour"], "--colour needs a value"),
        (["--colour", "red"], "no option --colour"),
        (["/nowhere.png"], "/nowhere.png"),
        ([], "count is 0, expected at least 1"),
    ],
)
def test_the_example_says_in_one_line_what_is_wrong(
    built: Path, arguments: list[str], message: str
) -> None:
    model = [] if "--model" in arguments else ["--fake"]
    selfies = [] if not arguments or "/nowhere.png" in arguments else [str(SELFIES[0])]
    done = swift(EXAMPLE, *model, *selfies, *arguments)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert message in line


def test_it_is_written_as_swift_format_has_it() -> None:
    assert MISSING is None, MISSING
    done = swift(
        *("swift-format", "lint", "--strict", "--recursive"),
        *("Package.swift", "Sources", "Tests", "Examples"),
    )
    assert done.returncode == 0, output_of(done)
