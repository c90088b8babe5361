"""`create` writes its picture and does nothing else, as Python's audit hooks show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WATCHED = """
import json, os, sys

seen = {"sockets": [], "written": []}

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"):
        seen["sockets"].append(f"{event} {arguments[1:]}")
    elif event == "open" and isinstance(arguments[0], str):
        mode, flags = arguments[1] or "", arguments[2]
        if any(letter in mode for letter in "wax+") or flags & (os.O_WRONLY | os.O_RDWR):
            seen["written"].append(os.path.abspath(arguments[0]))

sys.addaudithook(watch)
# Python would cache compiled modules, with or without selfies.
sys.dont_write_bytecode = True
sys.argv[0] = "avatar"
try:
    import avatar.__main__
    avatar.__main__.run(avatar.__main__.app, "python -m avatar")
finally:
    print(json.dumps(seen))
"""


def watched(*arguments: object, cwd: Path) -> dict[str, Any]:
    """Run `python -m avatar` in its own process; returns what it connected to and wrote."""
    command = [sys.executable, "-c", WATCHED, *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


@pytest.mark.slow
def test_create_connects_to_nothing_and_writes_its_picture_only(
    checkpoint: Path, selfies: list[Path]
) -> None:
    folder = selfies[0].parent / "out"
    folder.mkdir()
    seen = watched(
        *("create", "--selfies", *selfies, "--style", "lorelei", "--checkpoint", checkpoint),
        *("--out", folder / "me.png"),
        cwd=folder,
    )
    assert seen["sockets"] == []
    # numba opens files there to find out whether it can cache compiled code.
    written = {path for path in seen["written"] if "__pycache__" not in path and path != os.devnull}
    # Before any work an empty file without a name is made in the folder, to see that it can be.
    written.discard(str(folder))
    assert len(written) == 1 and Path(written.pop()).parent == folder
    assert [path.name for path in folder.iterdir()] == ["me.png"]
