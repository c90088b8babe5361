"""Runs commands of the Swift toolchain, if it is installed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock

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
"""The flags of every command. They are always the same, so that nothing is built twice."""


def why_missing() -> str | None:
    """Return why Swift cannot be run here, or None if it can."""
    folder = Path(os.environ.get("TOOLCHAINS", ROOT / ".toolchains")) / "swift"
    if not (folder / ".ready").is_file():
        return f"there is no Swift in {folder}; run: make toolchains (root, Debian)"
    return None if os.geteuid() == 0 else "running Swift needs root, for its mounts"


def swift(
    *command: str, folder: Path = PACKAGE, see: Sequence[Path] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of the toolchain in `folder`.

    The command also sees the folders `see`, which lie outside of the repository.
    """
    values = {**os.environ, **environment, "BIND": ":".join(map(str, see))}
    # Test processes take turns in a folder: a second build there finds its database locked.
    turn = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    with FileLock(Path(tempfile.gettempdir()) / f"swift-{turn}.lock"):
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
    """Build library, example and tests, once per process."""
    assert why_missing() is None, why_missing()
    done = swift("swift", "build", "--build-tests", *FLAGS, folder=package)
    assert done.returncode == 0, output_of(done)


def run_tests(package: Path, see: Sequence[Path] = (), **environment: str) -> None:
    """Run the tests of a package that is built. None may fail or be skipped."""
    command = ("swift", "test", "--skip-build", *FLAGS)
    done = swift(*command, folder=package, see=see, **environment)
    assert done.returncode == 0, output_of(done)
    counted = re.findall(
        r"Executed (\d+) tests?, with (?:(\d+) tests? skipped and )?0 failures", output_of(done)
    )
    assert max(int(run) for run, _ in counted) > 50
    assert not any(skipped for _, skipped in counted), output_of(done)


def output_of(done: subprocess.CompletedProcess[str]) -> str:
    """Return both output streams, for the messages of failing tests.

    It leaves out the warnings of Debian's ONNX Runtime, which registers each operator twice.
    """
    lines = f"{done.stdout}\n{done.stderr}".splitlines()
    return "\n".join(line for line in lines if not line.startswith("Schema error:"))


def require(tool: str) -> str:
    """Return the path of a program, or skip the test if it is not installed."""
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"there is no {tool}")
    return found
