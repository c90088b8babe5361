from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from support import atomic
from support.errors import PublishError
from support.publish import locked
from support.publish import publish as publish_folder

publish = partial(publish_folder, marker="manifest.json", kind="an artifact")
POSIX = pytest.mark.skipif(os.name != "posix", reason="forks and POSIX signals")
WRITES = ("os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.truncate", "ctypes.dlsym")


def write(folder: Path, text: str) -> None:
    """A small artifact: every file says which version it belongs to."""
    (folder / "model.mlpackage" / "Data").mkdir(parents=True)
    (folder / "model.mlpackage" / "Data" / "weight.bin").write_text(text * 1000)
    (folder / "golden").mkdir()
    (folder / "golden" / "run.safetensors").write_text(text)
    (folder / "manifest.json").write_text(text)


def put(target: Path, text: str) -> None:
    with publish(target) as staging:
        write(staging, text)


def version(target: Path) -> str:
    """The version at `target`; fails when it is mixed, incomplete or missing."""
    files = sorted(path for path in target.rglob("*") if path.is_file())
    names = [path.relative_to(target).as_posix() for path in files]
    assert names == [
        "golden/run.safetensors",
        "manifest.json",
        "model.mlpackage/Data/weight.bin",
    ]
    (text,) = {path.read_text()[:3] for path in files}
    assert (target / "model.mlpackage" / "Data" / "weight.bin").read_text() == text * 1000
    return text


def leftovers(target: Path) -> list[str]:
    kept = (target.name, f".{target.name}.lock")
    return [path.name for path in target.parent.iterdir() if path.name not in kept]


def in_child(action: Callable[[], None], kill_at: int | None = None) -> tuple[int, int]:
    """Fork, count the child's write points, kill it at one of them.

    Returns the signal that ended it (0: none), and how many write points it passed.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        points = 0

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal points
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 0x3
            if writes or event in WRITES:
                os.write(writer, b".")
                if points == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                points += 1

        sys.addaudithook(hook)
        try:
            action()
        finally:
            os._exit(0)
    os.close(writer)
    _, status = os.waitpid(pid, 0)
    points = len(os.read(reader, 100_000))
    os.close(reader)
    return (os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0), points


def test_publishing_into_nothing_and_over_an_artifact(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "coreml"
    for text in ("one", "two"):
        put(target, text)
        assert version(target) == text
        assert leftovers(target) == []


@POSIX
@pytest.mark.parametrize("before", ["nothing", "old"])
def test_killed_at_every_write_point_leaves_old_or_new(tmp_path: Path, before: str) -> None:
    def prepared(name: str) -> Path:
        target = tmp_path / name / "coreml"
        target.parent.mkdir()
        if before == "old":
            put(target, "old")
        return target

    whole = prepared("count")
    ended, points = in_child(lambda: put(whole, "new"))
    assert ended == 0 and version(whole) == "new"
    assert points > 8, "the hook must see the writes"
    outcomes = []
    for point in range(points):
        target = prepared(f"kill-{point}")
        ended, _ = in_child(lambda target=target: put(target, "new"), kill_at=point)
        assert ended == signal.SIGKILL
        outcomes.append(version(target) if target.exists() else "nothing")
        put(target, "now")  # what was left behind is in nobody's way
        assert version(target) == "now" and leftovers(target) == []
    assert set(outcomes) == ({"old", "new"} if before == "old" else set(outcomes))
    assert set(outcomes) <= {before, "new"}
    assert outcomes == sorted(outcomes, key=lambda text: text == "new"), "new stays new"


@POSIX
def test_killed_right_before_and_right_after_the_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = atomic.exchange
    for moment in ("before", "after"):
        target = tmp_path / moment
        put(target, "old")

        def killed(first: Path, second: Path, moment: str = moment) -> None:
            if moment == "after":
                exchange(first, second)
            os.kill(os.getpid(), signal.SIGKILL)

        with monkeypatch.context() as patch:
            patch.setattr(atomic, "exchange", killed)
            ended, _ = in_child(lambda target=target: put(target, "new"))
        assert ended == signal.SIGKILL
        assert version(target) == {"before": "old", "after": "new"}[moment]


@POSIX
def test_a_reader_never_finds_it_missing_or_mixed(tmp_path: Path) -> None:
    target = tmp_path / "coreml"
    put(target, "old")
    stop = threading.Event()
    seen: list[str] = []

    def watch() -> None:
        while not stop.is_set():
            # One open folder is one version: what a path resolves to may change in between.
            folder = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
            try:
                seen.append(open(f"/proc/self/fd/{folder}/manifest.json").read())  # noqa: SIM115
            except FileNotFoundError:
                seen.append("gone")  # replaced and removed while it was open
            finally:
                os.close(folder)

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    thread = threading.Thread(target=watch)
    thread.start()
    for round_ in range(20):
        put(target, f"{round_:03}")
        assert version(target) == f"{round_:03}"
    stop.set()
    thread.join()
    assert len(seen) > 20
    assert {text for text in seen if text != "gone"} <= {"old", *(f"{i:03}" for i in range(20))}


@POSIX
def test_a_full_disk_leaves_the_old(tmp_path: Path) -> None:
    target = tmp_path / "coreml"
    put(target, "old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(PublishError, match="no space left") as caught:
            put(target, "new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(caught.value)
    assert version(target) == "old" and leftovers(target) == []


@pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0, reason="mounting a tiny disk needs root on Linux"
)
def test_a_really_full_disk_leaves_the_old(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        target = disk / "coreml"
        put(target, "old")
        with pytest.raises(PublishError, match="no space left"), publish(target) as staging:
            (staging / "big").write_bytes(bytes(300_000))
        assert version(target) == "old" and leftovers(target) == []
        with pytest.raises(PublishError, match="no space left"), publish(target) as staging:
            with suppress(OSError):
                (staging / "big").write_bytes(bytes(300_000))
            raise RuntimeError("a converter that only says: write failed")
        assert version(target) == "old" and leftovers(target) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_two_at_once_take_turns(tmp_path: Path) -> None:
    target = tmp_path / "coreml"
    waited: list[str] = []
    inside: list[str] = []

    def slow(text: str) -> None:
        with publish(target, on_wait=lambda: waited.append(text)) as staging:
            inside.append(text)
            assert len(inside) == 1, "two in one staging folder"
            write(staging, text)
            time.sleep(0.2)
            inside.remove(text)

    threads = [threading.Thread(target=slow, args=(text,)) for text in ("one", "two", "six")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(waited) == 2
    assert version(target) in ("one", "two", "six")
    assert leftovers(target) == []


def test_a_failing_block_changes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "coreml"
    put(target, "old")
    with pytest.raises(RuntimeError, match="converter"), publish(target) as staging:
        write(staging, "new")
        raise RuntimeError("converter")
    assert version(target) == "old" and leftovers(target) == []


def test_a_folder_that_is_not_an_artifact_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years")
    with pytest.raises(PublishError, match="not an artifact"):
        put(tmp_path / "home", "new")
    assert (tmp_path / "home" / "thesis.txt").read_text() == "years"
    (tmp_path / "file").write_text("x")
    with pytest.raises(PublishError, match="not a folder"):
        put(tmp_path / "file", "new")
    (tmp_path / "empty").mkdir()
    put(tmp_path / "empty", "new")
    assert version(tmp_path / "empty") == "new"


def test_a_link_to_an_artifact_is_followed_and_stays(tmp_path: Path) -> None:
    put(tmp_path / "real", "old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    put(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert version(tmp_path / "real") == "new"


def test_a_lock_elsewhere_leaves_nothing_beside_the_target(tmp_path: Path) -> None:
    with locked(tmp_path / "me.png", beside=False):
        assert os.listdir(tmp_path) == []
        waited = threading.Event()
        other = threading.Thread(target=_take, args=(tmp_path / "me.png", waited))
        other.start()
        assert waited.wait(timeout=60)
    other.join(timeout=60)
    assert not other.is_alive() and os.listdir(tmp_path) == []


def _take(target: Path, waited: threading.Event) -> None:
    with locked(target, waited.set, beside=False):
        pass
