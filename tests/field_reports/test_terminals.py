"""Kind 6: any terminal's encoding, any path, any locale.

Most commands run in this process, with streams of another encoding; a few in processes of their
own, where pipes, terminals and locales are the system's.
"""

from __future__ import annotations

import ast
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from support.command_line import fail, print_tables, run, say
from support.paths import LONGEST_NEW_NAME, file_names
from support.progress import printed, progress_bar
from support.terminal import HANDLER, plain, use_any_encoding
from tests.command_lines import ROOMS, command_of, is_argument, verbs
from tests.coreml_runtime import seed_packages
from tests.field_reports.locales import ASCII_ONLY, NO_DEFAULT_ENCODING
from tests.test_imports import MAY_IMPORT, ROOT

ENCODINGS = ("cp1252", "cp437", "latin-1", "ascii")
ODD = "é→中·≥"
"""A name with characters that each of the encodings lacks some of."""

each_encoding = pytest.mark.parametrize("encoding", ENCODINGS)
on_posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and locales of POSIX")


class Said(NamedTuple):
    """What a command left: exit code, and what it wrote, read in the encoding of its streams."""

    code: int
    out: str
    err: str


class Terminal:
    """Runs commands in this process, on streams of an encoding that takes nothing else."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        monkeypatch.setenv("PYTHONIOENCODING", "")

    def streams(self, encoding: str) -> tuple[io.BytesIO, io.BytesIO]:
        out, err = io.BytesIO(), io.BytesIO()
        for name, stream in (("stdout", out), ("stderr", err)):
            text = io.TextIOWrapper(stream, encoding, errors="strict", write_through=True)
            self._patch.setattr(sys, name, text)
        return out, err

    def __call__(self, encoding: str, room: str, *arguments: object) -> Said:
        out, err = self.streams(encoding)
        self._patch.setattr(sys, "argv", [room, *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            run(import_module(f"{room}.__main__").app, f"python -m {room}")
        return Said(
            int(stop.value.code or 0),
            out.getvalue().decode(encoding),
            err.getvalue().decode(encoding),
        )


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(monkeypatch)


@pytest.fixture
def odd_checkpoint(tmp_path: Path, avatar_checkpoint: Path) -> Path:
    """A checkpoint at a path that no encoding of old takes."""
    (tmp_path / ODD).symlink_to(avatar_checkpoint)
    return tmp_path / ODD


# ---- encodings


@each_encoding
@pytest.mark.parametrize("room", ROOMS)
def test_every_page_of_help(terminal: Terminal, room: str, encoding: str) -> None:
    for name, _ in verbs(command_of(room), ""):
        said = terminal(encoding, room, *name.split(), "--help")
        assert said.code == 0 and said.out.startswith("Usage:") and not said.err
    assert terminal(encoding, room, "nowhere", "--nowhere").code == 2


@each_encoding
def test_errors_name_paths(terminal: Terminal, tmp_path: Path, encoding: str) -> None:
    """The name stays as far as the encoding has it, and can be read in any case."""
    missing = tmp_path / ODD
    for arguments in (
        ("avatar", "check", missing),
        ("avatar", "styles", "--checkpoint", missing),
        ("coreml_runtime", "inspect", missing),
        ("distillation", "check-data", missing),
        ("eval", "show", missing),
        ("export", "verify", missing),
        ("quantization", "apply", missing),
        ("sdk_bindings", "swift", "--artifact", missing, "--out", tmp_path / "x"),
    ):
        said = terminal(encoding, *arguments)
        shown = ODD.encode(encoding, HANDLER).decode(encoding)
        assert said.code == 2 and len(said.err.splitlines()) == 1, arguments
        assert shown in said.err, arguments


@each_encoding
def test_results_and_tables_of_rooms(
    terminal: Terminal,
    odd_checkpoint: Path,
    packages: dict[str, Path],
    tmp_path: Path,
    encoding: str,
) -> None:
    styles = terminal(encoding, "avatar", "styles", "--checkpoint", odd_checkpoint)
    assert styles.code == 0 and "LICENCE" in styles.out
    checked = terminal(
        encoding, "avatar", "check", *(ROOT / "sdk_bindings/golden/selfies").glob("*.png")
    )
    assert checked.code == 2 and "verdict" in checked.out
    shown = terminal(encoding, "eval", "show", ROOT / "tests/eval/golden/report.json")
    assert shown.code in (0, 1) and "nearest" in shown.out
    assert terminal(encoding, "eval", "schema").out.startswith("{")
    inspected = terminal(encoding, "coreml_runtime", "inspect", packages["network"])
    assert inspected.code == 0 and "parameters" in inspected.out
    same = ("compare", packages["network"], packages["network"])
    compared = terminal(encoding, "coreml_runtime", *same)
    assert compared.code == 0 and "dB" in compared.out
    ran = terminal(
        encoding, "coreml_runtime", "run", packages["network"], "--out", tmp_path / "out"
    )
    assert ran.code == 0 and ran.err.startswith("random:")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("packages")
    return {path.stem: path for path in seed_packages.build(folder)}


@given(st.text(), st.sampled_from(ENCODINGS))
def test_any_text_is_written_in_any_encoding(text: str, encoding: str) -> None:
    """Law: what an encoding has stays, the rest becomes ASCII, and nothing raises."""
    data = text.encode(encoding, HANDLER)
    expected = "".join(one if _has(encoding, one) else plain(one) for one in text)
    assert data.decode(encoding) == expected
    assert plain(text).isascii()


def _has(encoding: str, letter: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


@each_encoding
@pytest.mark.parametrize("colours", [False, True])
def test_tables_bars_and_messages(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, encoding: str, colours: bool
) -> None:
    text = "·→≥≤×–−∞…✗█─┼├┤é中 [/] [b]bold :smile: \udcff"
    monkeypatch.setenv("TERM", "xterm")
    if colours:  # as a terminal: rich then draws the bar
        monkeypatch.setenv("FORCE_COLOR", "1")
    out, err = terminal.streams(encoding)
    use_any_encoding()
    table = Table(text, title=text)
    table.add_row(text * 20)
    print_tables(table)
    say(text)
    printed(text, 1, 2)
    with progress_bar(lines=True) as progress:
        progress(text, 1, 2)
        progress(text)
    with pytest.raises(SystemExit):
        fail(text)
    shown = [stream.getvalue().decode(encoding) for stream in (out, err)]
    assert all(plain("→") in said and "[/] [b]bold :smile: \\xff" in said for said in shown)


def process(
    *arguments: object, folder: Path, options: Sequence[str] = (), **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run `python -m ARGUMENTS` in a process of its own, in a folder."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
    return subprocess.run(
        [sys.executable, *options, "-m", *map(str, arguments)],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        timeout=300,
        check=False,
    )


@on_posix
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "cp437:strict", "LC_ALL": "C"},
        {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONIOENCODING": "latin-1"},
    ],
    ids=str,
)
def test_real_processes(odd_checkpoint: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    """Also where Python would read file names as ASCII."""
    made = process(
        "avatar", "styles", "--checkpoint", odd_checkpoint, folder=tmp_path, **environment
    )
    assert made.returncode == 0 and b"LICENCE" in made.stdout, made.stderr
    assert not made.stderr and b"Traceback" not in made.stdout


@on_posix
def test_a_bar_on_a_real_terminal(tmp_path: Path) -> None:
    script = (
        "from support.terminal import use_any_encoding\n"
        "from support.progress import progress_bar\n"
        "use_any_encoding()\n"
        "with progress_bar() as bar:\n"
        "    [bar('loss · 2 → é ≥ 中', done, 5) for done in range(6)]\n"
    )
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "ascii"}
    made = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    seen = b"".join(_chunks(ours))
    assert made.wait(60) == 0, seen
    assert b"loss . 2 > e >= \\u4e2d" in seen and seen.isascii()


def _chunks(descriptor: int) -> Iterator[bytes]:
    try:
        while chunk := os.read(descriptor, 65536):
            yield chunk
    except OSError:  # how Linux says that the other side has closed
        return
    finally:
        os.close(descriptor)


@on_posix
def test_results_that_cannot_be_written(tmp_path: Path) -> None:
    """A full disk is one line; a closed output and a reader that left are no error of ours."""
    command = f"{sys.executable} -m avatar styles"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def shell(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", line], env=environment, capture_output=True, text=True, check=False
        )

    if Path("/dev/full").exists():
        full = shell(f"{command} > /dev/full")
        assert full.returncode == 2
        assert full.stderr == "error: No space left on device\n"
    closed = shell(f"{command} >&-")
    assert (closed.returncode, closed.stderr) == (0, "")
    left = shell(f"{command} | true")
    assert left.stderr == ""


# ---- paths


Case = tuple[list[str], Any, list[Any]]


def _paths(room: str) -> Iterator[Case]:
    """Every path that a command takes: the verb, the parameter, and what else is required."""
    for name, verb in verbs(command_of(room), ""):
        for parameter in verb.params:
            if "Path" in str(getattr(parameter, "type_descriptor", None)):
                others = [p for p in verb.params if p.required and p is not parameter]
                yield name.split(), parameter, others


def _refused(
    terminal: Terminal, room: str, case: tuple[list[str], Any, list[Any]], bad: str
) -> str:
    verb, parameter, others = case
    words = [w for one in others for w in _given(one, "lorelei" if one.name == "style" else "file")]
    said = terminal("utf-8", room, *verb, *words, *_given(parameter, bad))
    place = f"{room} {' '.join(verb)} {parameter.name}: {said}"
    assert said.code == 2 and not said.out, place
    assert said.err.startswith("error: ") and len(said.err.splitlines()) == 1, place
    return said.err


def _given(parameter: Any, value: str) -> list[str]:
    return [value] if is_argument(parameter) else [parameter.opts[0], value]


BAD: dict[str, str] = {
    "loop/x.png": "its links lead in a circle",
    "file/x.png": "a part of it is a file, expected a folder",
    "n" * (LONGEST_NEW_NAME + 1): "too long",
    "n/" * 3000: "too long",
    "a\nb.png": "a\\nb.png: has a control character",
    "a\x1b[2J.png": "a\\x1b[2J.png: has a control character",
    "\udcff\udcfe.png": "\\xff\\xfe.png: not UTF-8",
    "a\0b.png": "a\\x00b.png",
}


@on_posix
@pytest.mark.parametrize("room", ROOMS)
def test_paths_that_cannot_be(
    terminal: Terminal, room: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for case in _paths(room):
        for bad, words in BAD.items():
            assert words in _refused(terminal, room, case, bad)
        about = case[1].type_descriptor.parameter_info
        if not about.file_okay:
            assert "'file' is a file" in _refused(terminal, room, case, "file")
        if not about.dir_okay:
            assert "'folder' is a directory" in _refused(terminal, room, case, "folder")
        if case[1].name == "out" and Path("/proc/self").is_dir():
            assert "cannot write there" in _refused(terminal, room, case, "/proc/none/x.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "loop"]


def test_training_never_starts_with_a_file_for_a_folder() -> None:
    """Made-up people are made for hours before the next folder is looked at."""
    for verb, parameter, _ in _paths("distillation"):
        about = parameter.type_descriptor.parameter_info
        recipe_or_checkpoint = verb == ["tune"] and parameter.name in ("recipe", "checkpoint")
        assert not about.file_okay or recipe_or_checkpoint, (verb, parameter.name)


@pytest.mark.parametrize("name", ["a\0b", "n" * 300, "\ud800", "loop", "a\nb", "file/x"])
def test_paths_in_files(terminal: Terminal, avatar: Path, tmp_path: Path, name: str) -> None:
    """Shards that a checkpoint names, and files that a package names."""
    decoder = avatar / "decoder"
    (weights,) = decoder.glob("*.safetensors")
    (decoder / "file").write_bytes(b"")
    if os.name == "posix":
        (decoder / "loop").symlink_to("loop")
    index = decoder / f"{weights.name}.index.json"
    index.write_text(json.dumps({"weight_map": {"conv_in.bias": name}}), encoding="utf-8")
    package = tmp_path / "x.mlpackage"
    (package / "Data").mkdir(parents=True)
    manifest = {"rootModelIdentifier": "m", "itemInfoEntries": {"m": {"path": name}}}
    (package / "Manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    for arguments in (
        ("export", "onnx", "--checkpoint", avatar, "--out", tmp_path / "out"),
        ("quantization", "plan", "--checkpoint", avatar, "--out", tmp_path / "recipe.json"),
        ("coreml_runtime", "inspect", package),
    ):
        said = terminal("ascii", *arguments)
        assert said.code == 2 and said.err.startswith("error: "), (arguments, said)
        assert len(said.err.splitlines()) == 1


@on_posix
def test_places_without_permission(terminal: Terminal, tmp_path: Path) -> None:
    """Known before any work is done; root, who may do everything, becomes nobody meanwhile."""
    (tmp_path / "closed").mkdir()
    commands = (
        ("export", "verify", tmp_path / "closed" / "x"),
        ("export", "schema", "--out", tmp_path / "closed" / "x" / "y"),
        ("export", "schema", "--out", tmp_path / "x"),
    )
    for arguments in commands[:1]:
        terminal("ascii", *arguments)  # imports what is needed, while everything can be read
    (tmp_path / "closed").chmod(0)
    tmp_path.chmod(0o555)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        said = [terminal("ascii", *arguments) for arguments in commands]
    finally:
        if root:
            os.seteuid(0)
        tmp_path.chmod(0o755)
        (tmp_path / "closed").chmod(0o755)
    for one in said:
        assert one.code == 2 and "Permission denied" in one.err, one
        assert str(tmp_path) in one.err and len(one.err.splitlines()) == 1, one


# ---- files

OURS = tuple(MAY_IMPORT)


def _calls(room: str) -> Iterator[tuple[str, ast.Call, str]]:
    for path in sorted((ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node, name


@pytest.mark.parametrize("room", OURS)
def test_text_is_read_as_utf_8_and_written_as_bytes(room: str) -> None:
    """Text mode would take the locale's encoding, and on Windows end lines in another way."""
    for place, call, name in _calls(room):
        named = {keyword.arg for keyword in call.keywords}
        words = [a.value for a in call.args if isinstance(a, ast.Constant)]
        if name == "read_text":
            assert "encoding" in named or "utf-8" in words, place
        assert name != "write_text", f"{place}: write bytes, which are the same on every system"
        if name == "open" and {"r", "w", "a", "x"} & set(words):
            assert "encoding" in named, place
        if name in ("run", "Popen", "check_output") and "text" in named:
            assert "encoding" in named, place


def test_nothing_depends_on_the_locale(odd_checkpoint: Path, tmp_path: Path) -> None:
    """PEP 597: Python itself says where our code opens text without naming an encoding.

    `test_offline.py` runs every other command in this way, and in ASCII.
    """
    (tmp_path / "sitecustomize.py").write_text(NO_DEFAULT_ENCODING, encoding="utf-8")
    strict = {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))} | ASCII_ONLY
    command = ("avatar", "styles", "--checkpoint", odd_checkpoint)
    made = process(*command, folder=tmp_path, **strict)
    assert made.returncode == 0 and made.stdout.isascii(), made.stderr
    (tmp_path / "support.py").write_text("open(__file__)", encoding="utf-8")
    caught = process("support", folder=tmp_path, **strict)
    assert b"EncodingWarning" in caught.stderr and caught.returncode == 1, "the check itself works"


@given(st.lists(st.text(max_size=300)))
def test_names_of_files(texts: list[str]) -> None:
    """Laws: portable, distinct whatever the case of letters, repeatable, and no needless change."""
    names = file_names(texts)
    assert names == file_names(texts) and names.keys() == set(texts)
    assert len({name.casefold() for name in names.values()}) == len(names)
    for name in names.values():
        assert name.isascii() and name.isprintable() and len(name) < 130
        assert not set('<>:"/\\|?* ') & set(name) and name.strip(". ") == name.rstrip(".")
        assert not PureWindowsPath(name).is_reserved()
    assert file_names(["latents", "a-1.b_c"]) == {"latents": "latents", "a-1.b_c": "a-1.b_c"}
    assert file_names(["con", "Con", "aux.x", "a:b", "a/b", ".."]) == {
        "con": "_con",
        "Con": "_Con-2",
        "aux.x": "_aux.x",
        "a:b": "a_b",
        "a/b": "a_b-2",
        "..": "_",
    }


def test_files_of_this_project_have_names_that_windows_takes() -> None:
    for room in (*OURS, "tests", "docs"):
        for path in (ROOT / room).rglob("*"):
            assert not PureWindowsPath(path.name).is_reserved() and ":" not in path.name, path
