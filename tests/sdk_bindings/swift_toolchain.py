"""Runs commands of the Swift toolchain, where there is one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sdk_bindings" / "swift"
RUNNER = ROOT / "sdk_bindings" / "toolchains" / "swift-run"
FLAGS = (
    "-c",
    "release",
    "-j",
    "1",
    "-Xswiftc",
    "-enable-testing",
    "-Xswiftc",
    "-warnings-as-errors",
)
"""Every command has the same, so that nothing is built twice."""


def why_missing() -> str | None:
    """Why Swift cannot be run here; None where it can."""
    folder = Path(os.environ.get("TOOLCHAINS", ROOT / ".toolchains")) / "swift"
    if not (folder / ".ready").is_file():
        return f"there is no Swift in {folder}; run: make toolchains (root, Debian)"
    return None if os.geteuid() == 0 else "running Swift needs root, for its mounts"


def swift(
    *command: str, folder: Path = PACKAGE, see: Sequence[Path] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in the toolchain, in `folder`; `see` are folders outside of the repository."""
    values = {**os.environ, **environment, "BIND": ":".join(map(str, see))}
    return subprocess.run(
        [str(RUNNER), *command],
        cwd=folder,
        env=values,
        capture_output=True,
        text=True,
        check=False,
    )


@cache
def build(package: Path = PACKAGE) -> None:
    """Build library, example and tests, once a process."""
    assert why_missing() is None, why_missing()
    done = swift("swift", "build", "--build-tests", *FLAGS, folder=package)
    assert done.returncode == 0, output_of(done)


def run_tests(package: Path, see: Sequence[Path] = (), **environment: str) -> None:
    """Run a package's own tests, which are built; none may fail or be skipped."""
    command = ("swift", "test", "--skip-build", *FLAGS)
    done = swift(*command, folder=package, see=see, **environment)
    assert done.returncode == 0, output_of(done)
    counted = re.findall(
        r"Executed (\d+) tests?, with (?:(\d+) tests? skipped and )?0 failures", output_of(done)
    )
    assert max(int(run) for run, _ in counted) > 50
    assert not any(skipped for _, skipped in counted), output_of(done)


def output_of(done: subprocess.CompletedProcess[str]) -> str:
    """Both streams, for messages of failing tests.

    Debian's ONNX Runtime registers each operator twice and says so; that is left out.
    """
    lines = f"{done.stdout}\n{done.stderr}".splitlines()
    return "\n".join(line for line in lines if not line.startswith("Schema error:"))


def require(tool: str) -> str:
    """The path of a program that a test wants; skips the test where there is none."""
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"there is no {tool}")
    return found
