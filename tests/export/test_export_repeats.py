"""Whole exports repeated, killed and starved, in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load

from export import verify
from tests.exports import Exports

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX"),
]

ROOT = Path(__file__).resolve().parents[2]

# Another day, for every library that is imported after this.
ANOTHER_DAY = """
import datetime
class Later(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(days=400)
class LaterDate(datetime.date):
    @classmethod
    def today(cls):
        return super().today() + datetime.timedelta(days=400)
datetime.datetime, datetime.date = Later, LaterDate
"""

# Ends the process without any clean-up when it is about to say that it compares.
KILLED = """
import os, signal
from export import exporter
def check(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
exporter.check = check
"""

FRONT_DOOR = """
from support.command_line import run
from export.__main__ import app
run(app, "python -m export")
"""

STARVED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
"""


def export(prelude: str, *arguments: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    door = (
        "from support.command_line import run\nfrom export.__main__ import app\nrun(app, 'export')"
    )
    code = f"{prelude}\n{door}"
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
    )


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def what_differs(name: str, one: dict[str, bytes], two: dict[str, bytes]) -> object:
    """More to go by, in a failure, than the name of a file."""
    if not name.endswith(".safetensors"):
        return len(one[name]), len(two[name])
    first, second = load(one[name]), load(two[name])
    return {key: abs(first[key] - second[key]).max() for key in first}


@pytest.mark.parametrize("format_", ["coreml", "onnx"])
def test_same_bytes_in_another_folder_on_another_day_with_another_hash_seed(
    format_: str, exports: Exports, tmp_path: Path
) -> None:
    first = exports.get("avatar", format_)
    out = tmp_path / "some where" / "else"
    result = export(
        ANOTHER_DAY, format_, "--checkpoint", str(first.checkpoint), "--out", str(out), seed="4711"
    )
    assert result.returncode == 0, result.stderr
    one, two = contents(first.folder), contents(out)
    assert one.keys() == two.keys()
    assert {name: what_differs(name, one, two) for name in one if one[name] != two[name]} == {}


def test_an_export_killed_before_its_end_leaves_the_old(exports: Exports, tmp_path: Path) -> None:
    exported = exports.get("avatar", "onnx")
    out = tmp_path / "onnx"
    os.system(f"cp -r '{exported.folder}' '{out}'")
    before = contents(out)
    other = exports.checkpoint("StableDiffusionPipeline")
    result = export(KILLED, "onnx", "--checkpoint", str(other), "--out", str(out))
    assert result.returncode == -signal.SIGKILL
    assert contents(out) == before
    verify(out)
    assert (tmp_path / ".onnx.staging").exists(), "it was killed while it wrote"


@pytest.mark.parametrize("format_", ["coreml", "onnx"])
def test_an_export_onto_a_full_disk_leaves_the_old(
    format_: str, exports: Exports, tmp_path: Path
) -> None:
    exported = exports.get("avatar", format_)
    out = tmp_path / format_
    os.system(f"cp -r '{exported.folder}' '{out}'")
    before = contents(out)
    checkpoint = str(exported.checkpoint)
    result = export(STARVED, format_, "--checkpoint", checkpoint, "--out", str(out))
    assert result.returncode == 2, result.stderr
    assert "error: no space left" in result.stderr and "Traceback" not in result.stderr
    assert contents(out) == before
    assert [path.name for path in tmp_path.iterdir() if "staging" in path.name] == []
