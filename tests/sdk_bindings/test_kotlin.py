"""The Kotlin libraries pass their own tests, and their example agrees with Python's pipeline."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from avatar import shipped
from avatar.__main__ import open_model
from avatar.selfies import read_selfies
from avatar.styles_file import style_index
from sdk_bindings import KOTLIN, open_bundle, publish_package
from support.images import to_pixels

ROOT = Path(__file__).parents[2]
LIBRARY = KOTLIN.library
SELFIES = sorted((ROOT / "docs" / "samples").glob("selfie-*.png"))
SEED = 2**40 + 7


def missing() -> str | None:
    """Return which part of the toolchain is missing, or None."""
    tools = [tool for tool in ("java", "mvn", "aapt2", "exiftool") if not shutil.which(tool)]
    repository = Path.home() / ".m2" / "repository"
    if tools or not any(repository.glob(".pocketavatar-*")):
        return f"no Kotlin toolchain ({', '.join(tools) or 'libraries'} missing): make toolchains"
    return None


@pytest.fixture(scope="module")
def built(shipped_onnx: Path) -> Path:
    """Return the library, after Maven has built and tested it with the shipped model."""
    why = missing()
    if why and os.environ.get("REQUIRE_TOOLCHAINS") == "1":
        pytest.fail(why)
    if why:
        pytest.skip(why)
    verify(LIBRARY, AVATAR_ARTIFACT=str(shipped_onnx))
    return LIBRARY


def verify(library: Path, *options: str, **environment: str) -> None:
    done = subprocess.run(
        ["mvn", "--offline", "--quiet", "--batch-mode", "verify", *options],
        cwd=library,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def suites(library: Path) -> list[ElementTree.Element]:
    reports = library.glob("*/target/surefire-reports/TEST-*.xml")
    return [ElementTree.parse(report).getroot() for report in reports]


def test_every_suite_ran_and_nothing_was_skipped(built: Path) -> None:
    results = suites(built)
    assert sum(int(suite.get("tests", 0)) for suite in results) > 70
    skipped = [
        f"{case.get('classname')}: {case.get('name')}"
        for suite in results
        for case in suite.iter("testcase")
        if case.find("skipped") is not None
    ]
    assert not skipped


@pytest.mark.skipif(
    "SDK_PUBLISHED" not in os.environ,
    reason="test_other_model.py does it with another model; make conformance with this one",
)
def test_a_published_package_passes_its_own_tests(
    built: Path, shipped_onnx: Path, tmp_path: Path
) -> None:
    package = tmp_path / "kotlin"
    publish_package(open_bundle(shipped_onnx, KOTLIN), KOTLIN, package)
    verify(package, "--projects", "core", AVATAR_ARTIFACT="/nowhere")
    results = suites(package)
    assert sum(int(suite.get("tests", 0)) for suite in results) > 60
    assert not any(int(suite.get("skipped", 0)) for suite in results)


def example(library: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    jar = library / "example" / "target" / "avatar-example.jar"
    command = ["java", "-jar", jar, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    error = np.mean((one.astype(np.float64) - other) ** 2) / 255**2
    return float(np.inf if error == 0 else -10 * np.log10(error))


@pytest.mark.parametrize(("style", "steps"), [("lorelei", None), ("adventurer", 4)])
def test_the_example_draws_what_python_draws(
    built: Path, shipped_onnx: Path, tmp_path: Path, style: str, steps: int | None
) -> None:
    out = tmp_path / "avatar.png"
    options = ["--style", style, "--plus", "--seed", str(SEED), "--threads", "1"]
    options += ["--steps", str(steps)] if steps else []
    done = example(built, *options, "--out", out, "--artifact", shipped_onnx, *SELFIES)
    assert done.returncode == 0, done.stderr
    model = open_model("onnx", shipped.CHECKPOINT, shipped_onnx, steps)
    (avatar,) = model.draw(read_selfies(SELFIES), style_index(model.styles, style), [SEED])
    assert psnr(np.asarray(Image.open(out)), to_pixels(avatar)) >= 55


def test_exiftool_reads_the_label(built: Path, shipped_onnx: Path, tmp_path: Path) -> None:
    out = tmp_path / "avatar.png"
    example(built, "--out", out, "--artifact", shipped_onnx, *SELFIES)
    tags = ["-s3", "-n", "-DigitalSourceType", "-PNG:Comment", "-Warning"]
    said = subprocess.run(["exiftool", *tags, out], capture_output=True, text=True, check=True)
    source = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert said.stdout.splitlines() == [source, "AI-generated image (Pocket Avatar)"]


def test_the_example_says_in_one_line_what_is_wrong(built: Path, shipped_onnx: Path) -> None:
    plus = example(built, "--style", "adventurer", "--artifact", shipped_onnx, *SELFIES)
    assert plus.returncode == 2
    assert plus.stderr.startswith("avatar-example: the style adventurer needs Plus")
    twice = example(built, "--artifact", shipped_onnx, SELFIES[0], SELFIES[0])
    assert twice.returncode == 2
    assert "selfie 1: difference to selfie 0 is 0" in twice.stderr


def test_the_archive_for_android_holds_what_it_should(built: Path) -> None:
    with zipfile.ZipFile(built / "android" / "target" / "pocketavatar.aar") as archive:
        names = set(archive.namelist())
        manifest = archive.read("AndroidManifest.xml").decode()
        rules = archive.read("proguard.txt").decode()
    assert {"classes.jar", "libs/pocketavatar-core.jar", "R.txt"} <= names
    kinds = ("backup", "data_extraction")
    assert {f"res/xml/pocketavatar_{kind}_rules.xml" for kind in kinds} <= names
    root = ElementTree.fromstring(manifest)
    assert [element.tag for element in root] == ["uses-sdk"]
    assert "-keep class ai.onnxruntime.**" in rules
    assert not any(name.endswith(".so") for name in names)
