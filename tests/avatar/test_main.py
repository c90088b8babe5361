"""The commands of `python -m avatar`: results, mistakes, exit codes."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avatar.__main__ import create
from avatar.errors import SelfieError
from avatar.people import STYLES
from support.errors import UserError
from tests.avatar.selfies.test_preparation import bomb
from tests.conftest import Command


def pixels_of(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image)


def test_create_writes_one_picture_and_names_it(
    avatar: Command, checkpoint: Path, selfie: Path
) -> None:
    out = selfie.with_name("me.png")
    result = avatar(
        *("create", "--selfies", selfie, "--style", "lorelei"),
        *("--checkpoint", checkpoint, "--out", out),
    )
    assert result == (0, f"{out}\n", "")
    assert pixels_of(out).shape == (256, 256, 3)


def test_create_takes_several_selfies_after_one_option_and_numbers_several_avatars(
    avatar: Command, checkpoint: Path, selfies: list[Path], tmp_path: Path
) -> None:
    common = ("--checkpoint", checkpoint, "--style", "personas")
    many = avatar(
        *("create", "--selfies", *selfies, *common),
        *("--count", 2, "--seed", 7, "--out", tmp_path / "a.png"),
    )
    assert many.out.split() == [str(tmp_path / "a-1.png"), str(tmp_path / "a-2.png")]
    once = avatar(
        *("create", "--selfies", selfies[0], "--selfies", *selfies[1:], *common),
        *("--seed", 8, "--out", tmp_path / "b.png"),
    )
    assert once.code == 0
    assert np.array_equal(pixels_of(tmp_path / "a-2.png"), pixels_of(tmp_path / "b.png"))
    assert not np.array_equal(pixels_of(tmp_path / "a-1.png"), pixels_of(tmp_path / "b.png"))


def test_the_largest_seed_is_followed_by_zero(
    avatar: Command, checkpoint: Path, selfie: Path, tmp_path: Path
) -> None:
    common = ("create", "--selfies", selfie, "--style", "lorelei", "--checkpoint", checkpoint)
    assert avatar(*common, "--seed", 2**64 - 1, "--count", 2, "--out", tmp_path / "a.png").code == 0
    assert avatar(*common, "--seed", 0, "--out", tmp_path / "b.png").code == 0
    assert np.array_equal(pixels_of(tmp_path / "a-2.png"), pixels_of(tmp_path / "b.png"))


# ---- selfies that break a rule


@pytest.fixture
def dark(tmp_path: Path, selfie: Path) -> Path:
    Image.fromarray(pixels_of(selfie) // 5).save(tmp_path / "dark.png")
    return tmp_path / "dark.png"


def test_refused_selfies_are_named_with_rule_value_and_limit(
    avatar: Command, checkpoint: Path, selfie: Path, dark: Path, tmp_path: Path
) -> None:
    result = avatar(
        *("create", "--selfies", selfie, dark, selfie, "--style", "lorelei"),
        *("--checkpoint", checkpoint, "--out", tmp_path / "me.png"),
    )
    assert (result.code, result.out) == (2, "")
    first, second, how = result.err.splitlines()
    assert first.startswith(f"error: {dark}: brightness is 0.11")
    assert "expected at least 0.15" in first and "; contrast is 0.03" in first
    assert second.startswith(f"error: {selfie}: difference is 0, expected at least 0.04")
    assert second.endswith(f", to {selfie}") and "--any-selfie" in how
    assert not (tmp_path / "me.png").exists()


def test_any_selfie_draws_from_refused_selfies(
    avatar: Command, checkpoint: Path, dark: Path, tmp_path: Path
) -> None:
    out = tmp_path / "me.png"
    result = avatar(
        *("create", "--selfies", dark, "--style", "lorelei", "--any-selfie"),
        *("--checkpoint", checkpoint, "--out", out),
    )
    assert (result.code, result.out) == (0, f"{out}\n")
    assert result.err.startswith(f"drawing nevertheless from {dark}: brightness is")


def test_check_shows_measures_and_limits(
    avatar: Command, selfies: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(selfies[0].parent)
    names = [selfie.name for selfie in selfies]
    result = avatar("check", *names)
    assert result.code == 0
    rows = [line.split("│") for line in result.out.splitlines() if ".png" in line]
    assert [row[1].strip() for row in rows] == names
    assert [row[-2].strip() for row in rows] == ["good"] * 3
    assert "at least 0.09" in result.out and "0.15 to 0.85" in result.out


def test_check_marks_refused_measures(
    avatar: Command, selfie: Path, dark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(dark.parent)
    result = avatar("check", selfie.name, dark.name)
    (row,) = (line for line in result.out.splitlines() if "dark.png" in line)
    assert result.code == 2 and row.count("✗") >= 2 and row.endswith("│ refused │")
    assert result.err.count("error: dark.png: brightness") == 1


# ---- mistakes: one line that says what is wrong, and exit code 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--style lorelei", "0 selfies, expected 1 to 10"),
        ("--selfies SELFIE" + " SELFIE" * 10 + " --style lorelei", "11 selfies, expected 1 to 10"),
        ("--selfies nobody.jpg --style lorelei", "nobody.jpg: no such file"),
        ("--selfies . --style lorelei", ".: is a folder"),
        ("--selfies TEXT --style lorelei", "not a PNG, JPEG, WebP or HEIC picture"),
        ("--selfies BOMB --style lorelei", "million pixels"),
        ("--selfies SELFIE --style loreley", "'loreley'; did you mean lorelei?"),
        ("--selfies SELFIE --style lorelei --out me.gif", "me.gif: cannot write .gif"),
        ("--selfies SELFIE --style lorelei --out nowhere/me.png", "there is no folder nowhere"),
        ("--selfies SELFIE --style lorelei --checkpoint nowhere", "nowhere"),
        ("--selfies SELFIE --style lorelei --checkpoint .", "not a checkpoint"),
        ("--selfies SELFIE --style lorelei --runtime onnx --artifact nowhere", "nowhere"),
        ("--selfies SELFIE --style lorelei --runtime onxx", "'onxx' is not one of"),
        (
            "--selfies SELFIE --style lorelei --count 0",
            "'--count': Input should be greater than or equal to 1",
        ),
        (
            "--selfies SELFIE --style lorelei --seed -1",
            "'--seed': Input should be greater than or equal to 0",
        ),
        (
            "--selfies SELFIE --style lorelei --seed seven",
            "'--seed': Input should be a valid integer",
        ),
        ("--selfies SELFIE", "Missing option '--style'"),
        ("--selfie SELFIE --style lorelei", "(see python -m avatar create --help)"),
    ],
)
def test_mistakes(
    avatar: Command,
    selfie: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "bomb.png").write_bytes(bomb(50_000, 50_000))
    before = sorted(tmp_path.iterdir())
    for word, file in [("SELFIE", selfie), ("TEXT", "text.png"), ("BOMB", "bomb.png")]:
        arguments = arguments.replace(word, str(file))
    result = avatar("create", *arguments.split())
    assert result.code == 2 and result.out == ""
    assert result.err.startswith("error: ") and result.err.count("\n") == 1
    assert message in result.err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--out sheet.gif", "cannot write .gif"),
        ("--out nowhere/sheet.png", "there is no folder nowhere"),
        ("--count 2 --out file", "file: is a file"),
        ("--count 0", "'--count': Input should be greater than or equal to 1"),
        ("--count 2 --out other", "other holds people with count 9, not 2"),
        ("--seed -1", "'--seed': Input should be greater than or equal to 0"),
    ],
)
def test_mistakes_with_people(
    avatar: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "other").mkdir()
    index = {"version": 1, "count": 9, "seed": 0, "selfies": 5, "avatars": 1, "shards": {}}
    (tmp_path / "other" / "index.json").write_text(json.dumps(index))
    result = avatar("people", *arguments.split())
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert message in result.err


def test_a_mistyped_command(avatar: Command) -> None:
    result = avatar("creat")
    assert result.code == 2 and "creat" in result.err and result.err.count("\n") == 1


def test_a_bug_keeps_its_traceback() -> None:
    assert isinstance(SelfieError("x"), UserError)
    script = "from support.command_line import new_app, run\napp = new_app('x')\n"
    script += "@app.command()\ndef bug(): raise ValueError('of ours')\n"
    script += "@app.command()\ndef other(): pass\nrun(app, 'x')"
    command = [sys.executable, "-c", script, "bug"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Traceback" in done.stderr


def test_an_output_that_cannot_be_written_is_one_line(avatar: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    place = tmp_path / "file" / "people.png"
    code, _, error = avatar("people", "--count", 1, "--out", place)
    assert code == 2 and error.startswith("error: ") and error.count("\n") == 1
    assert str(tmp_path / "file") in error
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_other_errors_of_the_operating_system_are_bugs(tmp_path: Path) -> None:
    script = f"""
from support.command_line import new_app, run
from support import atomic
from pathlib import Path
app = new_app("x")
@app.command()
def gone(): Path("{tmp_path}/nowhere").read_text()
@app.command()
def full(): atomic.write(Path("{tmp_path}"), b"x")
run(app, "x")
"""
    for command, code in (("gone", 1), ("full", 2)):
        done = subprocess.run(
            [sys.executable, "-c", script, command], capture_output=True, text=True, check=False
        )
        assert done.returncode == code
        assert ("Traceback" in done.stderr) == (code == 1)
    assert not list(tmp_path.parent.glob(f".{tmp_path.name}*"))


# ---- the rest


def test_styles_names_every_style_with_its_licence_and_creator(avatar: Command) -> None:
    result = avatar("styles")
    header, *rows = result.out.splitlines()
    assert result.code == 0 and header.split() == ["NAME", "TIER", "LICENCE", "CREATOR", "SOURCE"]
    assert len(rows) == len(STYLES) == 6
    for row, style in zip(rows, STYLES, strict=True):
        assert row.startswith(f"{style.name} ")
        for text in (style.tier, style.licence, style.creator, style.source_url):
            assert text in row


def test_the_flags_of_create_are_these() -> None:
    """A renamed or removed flag breaks users' scripts, so this list changes only on purpose."""
    assert list(inspect.signature(create).parameters) == [
        *("style", "selfies", "more", "count", "seed", "steps", "runtime", "out", "checkpoint"),
        *("artifact", "any_selfie"),
    ]


def test_help_explains_every_option(avatar: Command) -> None:
    assert avatar().out == avatar("--help").out
    text = avatar("create", "--help").out
    options = ("style", "selfies", "count", "seed", "steps", "runtime", "out", "checkpoint")
    for option in (*options, "artifact", "any-selfie"):
        assert f"--{option} " in text


def test_it_runs_as_a_module_and_help_is_quick() -> None:
    """Help must not wait for PyTorch to load."""
    code = (
        "import sys, runpy; sys.argv[1:] = ['--help']\n"
        "try: runpy.run_module('avatar', run_name='__main__')\n"
        "finally: assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage: python -m avatar" in done.stdout
