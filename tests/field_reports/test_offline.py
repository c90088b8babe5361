"""Kind 3: no command opens a connection, whatever a checkpoint lacks.

The commands of a room run in a process of their own, in which all look-ups of hosts and connections
to networks are denied and written down, also in the processes that it starts. A server on this
machine plays the Hub and counts requests, so that a library that swallows the denial is found out.

The processes' output takes ASCII only, and none of our code may open text in the locale's encoding:
what `test_terminals.py` checks of some commands holds for all of them, and for their workers.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from examples.assemble.make_parts import make_parts
from tests.command_lines import ROOMS, command_of, verbs
from tests.field_reports.locales import ASCII_ONLY, NO_DEFAULT_ENCODING
from tests.test_imports import ROOT

DENY = """
import os, socket, sys

def _deny(event, arguments):
    if not event.startswith("socket."):
        return  # attributes of other events' arguments may raise events themselves
    family = getattr(arguments[0], "family", None) if arguments else None
    looks_up = event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
    local = family == getattr(socket, "AF_UNIX", -1)
    connects = event in ("socket.connect", "socket.sendto") and not local
    if looks_up or connects:
        with open(os.environ["DENIED"], "a") as log:
            log.write(f"{event} {arguments[1:] if connects else arguments}\\n")
        raise OSError(f"a test denies {event}")

sys.addaudithook(_deny)
"""


RUN = """
import json, runpy, sys
for line in json.loads(sys.argv[1]):
    sys.argv = line
    try:
        runpy.run_module(line[0], run_name="__main__", alter_sys=True)
    except SystemExit as stop:
        sys.stderr.write(f"\\n{END} {int(stop.code or 0)}\\n")
"""
END = "exit code"


@dataclass
class Hub:
    """A server that has nothing, and the requests that it got."""

    address: str
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    found = Hub("")

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            found.requests.append(f"{self.command} {self.path}")
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_POST = answer  # noqa: N815 (the names that http.server calls)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.address = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()


@dataclass
class Offline:
    """Runs commands without a network, in an own folder."""

    folder: Path
    hub: Hub
    denied: Path
    deny: bool = True

    def __call__(self, *arguments: object, codes: Sequence[int] = (0,)) -> str:
        """Run `python -m ARGUMENTS`; returns stderr after a check that nothing went online."""
        (said,) = self.each([(arguments, codes)])
        return said

    def each(self, commands: Sequence[tuple[Sequence[object], Sequence[int]]]) -> list[str]:
        """Run `python -m ARGUMENTS` with several arguments in one process, whose imports take long.

        Args:
            commands: For each command its arguments, and the exit codes that are right.

        Returns:
            What each said on stderr, after a check that nothing went online.
        """
        lines = [[str(word) for word in arguments] for arguments, _ in commands]
        paths = [str(self.folder / "site"), str(ROOT)] if self.deny else [str(ROOT)]
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS_"))},
            "PYTHONPATH": os.pathsep.join(paths),
            "HF_ENDPOINT": self.hub.address,
            "HF_HOME": str(self.folder / "hf"),
            "DENIED": str(self.denied),
            **ASCII_ONLY,
        }
        before = len(self.hub.requests)
        made = subprocess.run(
            [sys.executable, "-c", RUN.replace("{END}", END), json.dumps(lines)],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert self.hub.requests[before:] == []
        assert not self.denied.exists(), self.denied.read_text()
        assert "Traceback" not in made.stderr, made.stderr
        parts = re.split(rf"\n{END} (\d+)\n", made.stderr)
        said, ended = parts[:-1:2], parts[1::2]
        for line, code, text, (_, right) in zip(lines, ended, said, commands, strict=True):
            assert int(code) in right, f"{line}: {code}\n{text}"
        return said


@pytest.fixture
def offline(hub: Hub, tmp_path: Path) -> Offline:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(DENY + NO_DEFAULT_ENCODING)
    return Offline(tmp_path, hub, tmp_path / "denied")


def test_the_denial_itself_works(offline: Offline) -> None:
    (offline.folder / "caller.py").write_text(
        "import urllib.request, os\nurllib.request.urlopen(os.environ['HF_ENDPOINT'])\n"
    )
    with pytest.raises(AssertionError, match=r"socket\.(connect|getaddrinfo)"):
        offline("caller", codes=(1,))
    assert offline.hub.requests == []


@pytest.fixture(scope="module")
def artifact(avatar_checkpoint: Path, hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of the tiny avatar, exported offline as well."""
    folder = tmp_path_factory.mktemp("artifact")
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(DENY + NO_DEFAULT_ENCODING)
    run = Offline(folder, hub, folder / "denied")
    run("export", "coreml", "--checkpoint", avatar_checkpoint, "--out", folder / "é→")
    return folder / "é→"


COMMANDS: dict[str, tuple[Sequence[str], ...]] = {
    "avatar": (
        (
            *("create", "--style", "lorelei", "--any-selfie", "--selfies", "me.png"),
            *("--checkpoint", "{checkpoint}", "--out", "out.png"),
        ),
        ("check", "me.png"),
        ("assemble", "{parts}/avatar.toml", "--out", "model"),
        ("styles", "--checkpoint", "{checkpoint}"),
        ("people", "--count", "1", "--selfies", "0", "--out", "people"),
    ),
    "coreml_runtime": (
        ("inspect", "{artifact}/decoder.mlpackage"),
        ("run", "{artifact}/decoder.mlpackage", "--out", "outputs"),
        ("compare", "{artifact}/decoder.mlpackage", "{artifact}/decoder.mlpackage"),
    ),
    "distillation": (
        ("check-data", "people"),
        *(
            (verb, "--data", "nowhere")
            for verb in ("autoencoder", "identity", "teacher", "shrink", "student", "publish")
        ),
        ("judge", "--selfies", "nowhere", "--drawings", "nowhere"),
        ("report", "--student", "nowhere"),
        ("publish-judge", "--judge", "nowhere"),
        ("tune", "nowhere.json"),
    ),
    "eval": (
        ("evaluate", "{artifact}", "--quick", "--checkpoint", "{checkpoint}", "--out", "report"),
        ("show", "nowhere.json"),
        ("schema",),
    ),
    "export": (
        ("verify", "{artifact}"),
        ("schema", "--out", "schema.json"),
        ("run", "nowhere", "--prompt", "a lighthouse"),
        ("multifunction", "nowhere", "nowhere-else", "--out", "new"),
        *((verb, "--checkpoint", "nowhere", "--out", "new") for verb in ("coreml", "onnx")),
    ),
    "quantization": (
        ("plan", "--checkpoint", "nowhere", "--out", "plan.json"),
        ("apply", "recipe.json", "--checkpoint", "{checkpoint}", "--out", "quantized"),
    ),
    "sdk_bindings": (
        ("swift", "--artifact", "{artifact}", "--out", "swift"),
        ("kotlin", "--artifact", "nowhere", "--out", "kotlin"),
        ("refresh", "--artifact", "{artifact}", "--check"),
        ("golden", "--help"),  # it writes into the source tree
    ),
}
ANSWERED = {"create": (0,), "check": (0, 2), "evaluate": (0, 1), "refresh": (2,)}
"""Exit codes of verbs that depend on more than their files: no face in the picture, random weights
that pass no gate about selfies, an artifact that the generated files are not of."""


def codes(room: str, line: Sequence[str]) -> Sequence[int]:
    """Exit codes that are right: 2 where what is asked for is nowhere."""
    if "--help" in line:
        return (0,)
    missing = room == "distillation" or any(text.startswith("nowhere") for text in line)
    return (2,) if missing else ANSWERED.get(line[0], (0,))


def test_every_verb_of_every_room_is_here() -> None:
    known = {name for room in ROOMS for name, _ in verbs(command_of(room), room)}
    assert {f"{room} {line[0]}" for room, lines in COMMANDS.items() for line in lines} == known


@pytest.mark.slow
@pytest.mark.parametrize("room", COMMANDS)
def test_no_command_goes_online(
    offline: Offline, avatar_checkpoint: Path, artifact: Path, room: str
) -> None:
    Image.effect_mandelbrot((160, 160), (-2, -1, 1, 1), 50).convert("RGB").save(
        offline.folder / "me.png"
    )
    (offline.folder / "recipe.json").write_text(
        '{"schema_version": 1, "pipeline": "AvatarPipeline", "patterns": [["*", "int8"]]}'
    )
    places = {"checkpoint": avatar_checkpoint, "artifact": artifact}
    if room == "avatar":
        places["parts"] = make_parts(offline.folder / "parts").parent
    offline.each(
        [
            ((room, *(text.format(**places) for text in line)), codes(room, line))
            for line in COMMANDS[room]
        ]
    )


@pytest.mark.parametrize("deny", [True, False], ids=["sockets denied", "a hub that answers"])
def test_a_missing_folder_is_looked_for_nowhere_else(
    offline: Offline, sd_checkpoint: Path, deny: bool
) -> None:
    """`sd/tokenizer` also reads as a name on the Hub, where a stranger may have something."""
    parts = ("tokenizer", "scheduler", "text_encoder", "unet")
    for index, part in enumerate(parts):
        shutil.copytree(sd_checkpoint, offline.folder / "sd" / str(index))
        shutil.rmtree(offline.folder / "sd" / str(index) / part)
    offline.deny = deny
    said = offline.each(
        [
            (("export", "onnx", "--checkpoint", f"sd/{index}", "--out", "out"), (2,))
            for index, _ in enumerate(parts)
        ]
    )
    for part, text in zip(parts, said, strict=True):
        assert part in text.splitlines()[-1]
    assert not (offline.folder / "out").exists()
