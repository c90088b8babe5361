"""Shards: the same bytes every time, resumable after a kill, read back as written."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from avatar.people import (
    SELFIE_SEEDS,
    STYLES,
    can_draw,
    draw,
    read_shards,
    sample_identity,
    shards,
    write_shards,
)
from avatar.people.errors import ShardError
from avatar.people.renderer import render
from avatar.people.shards import INDEX

COUNT, SEED = 5, 40
PLAIN: dict[str, Any] = {"seed": SEED, "selfies": 1, "avatars": 1}


@pytest.fixture(autouse=True)
def two_people_a_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make shards so small that five people need three of them."""
    monkeypatch.setattr(shards, "PEOPLE_A_SHARD", 2)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "PEOPLE_A_SHARD", 2)
        write_shards(folder, COUNT, workers=1, **PLAIN)
    return folder


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Path:
    for path in written.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_people_come_back_as_they_are(written: Path) -> None:
    people = list(read_shards(written))
    assert [person.number for person in people] == list(range(COUNT))
    for person in people:
        assert person.identity == sample_identity(SEED + person.number)
        drawn_in = [s.name for s in STYLES if can_draw(person.identity, s.name)]
        assert list(person.avatars) == drawn_in
        assert [len(files) for files in person.avatars.values()] == [1] * len(drawn_in)
    person = people[1]
    avatar = np.asarray(Image.open(io.BytesIO(person.avatars["avataaars"][0])))
    assert np.array_equal(avatar, draw(person.identity, "avataaars", 0))
    selfie = np.asarray(Image.open(io.BytesIO(person.selfies[0])), dtype=np.float32) / 255
    rendered = render([person.identity], [(SEED + 1) * SELFIE_SEEDS])[0].transpose(1, 2, 0)
    # JPEG at quality 95 changes little more than the camera's noise.
    assert np.sqrt(np.mean((selfie - rendered) ** 2)) < 0.02


def test_the_index_has_every_shards_hash(written: Path) -> None:
    index = json.loads((written / INDEX).read_text())
    assert list(index["shards"]) == [f"people-00000{n}.tar" for n in (0, 2, 4)]
    for name, digest in index["shards"].items():
        assert hashlib.sha256((written / name).read_bytes()).hexdigest() == digest
    assert {path.name for path in written.iterdir()} == {INDEX, *index["shards"]}


def no_index(folder: Path) -> None:
    (folder / INDEX).unlink()


def killed_before_the_last_shard(folder: Path) -> None:
    index = json.loads((folder / INDEX).read_text())
    del index["shards"]["people-000004.tar"]
    (folder / INDEX).write_text(json.dumps(index))
    (folder / "people-000004.tar").unlink()
    (folder / ".people-000004.tar.1.partial").write_bytes(b"half of it")


def second_shard_damaged(folder: Path) -> None:
    with (folder / "people-000002.tar").open("r+b") as file:
        file.seek(700)
        file.write(b"!")


def test_writing_resumes_where_it_was_killed(written: Path, copy: Path) -> None:
    """A complete shard is kept and its file not touched; the others are written again."""
    killed_before_the_last_shard(copy)
    second_shard_damaged(copy)
    kept = (copy / "people-000000.tar").stat().st_mtime_ns
    told: list[tuple[int, int]] = []
    write_shards(copy, COUNT, workers=1, progress=lambda *n: told.append(n[1:]), **PLAIN)
    assert contents(copy) == contents(written)
    assert (copy / "people-000000.tar").stat().st_mtime_ns == kept
    assert told == [(4, 5), (5, 5)]


def test_a_finished_folder_is_left_alone(written: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in written.iterdir()}
    write_shards(written, COUNT, workers=1, **PLAIN)
    assert {path: path.stat().st_mtime_ns for path in written.iterdir()} == before


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (no_index, "holds no people"),
        (killed_before_the_last_shard, "incomplete: people-000004.tar"),
        (second_shard_damaged, "people-000002.tar is damaged"),
        (lambda folder: (folder / "people-000000.tar").unlink(), "people-000000.tar cannot be"),
        (lambda folder: (folder / INDEX).write_text("{"), "damaged"),
        (lambda folder: (folder / INDEX).write_text("[]"), "no JSON object"),
        (lambda folder: (folder / INDEX).write_text('{"version": 1}'), "lacks avatars, count"),
        (lambda folder: (folder / INDEX).write_text('{"version": 9}'), "version 9, expected 1"),
    ],
)
def test_a_damaged_folder_is_one_clear_error(
    harm: Callable[[Path], object], message: str, copy: Path
) -> None:
    harm(copy)
    with pytest.raises(ShardError, match=message):
        list(read_shards(copy))


def test_a_damaged_shard_is_an_error_even_unverified(copy: Path) -> None:
    (copy / "people-000000.tar").write_bytes(b"no tar at all" * 100)
    with pytest.raises(ShardError, match=r"people-000000\.tar is damaged"):
        list(read_shards(copy, verify=False))


@pytest.mark.parametrize("other", [{"seed": 41}, {"selfies": 2}, {"avatars": 0}])
def test_a_folder_of_other_people_is_refused(other: dict[str, int], copy: Path) -> None:
    before = contents(copy)
    with pytest.raises(ShardError, match="choose another folder"):
        write_shards(copy, COUNT, workers=1, **{**PLAIN, **other})
    assert contents(copy) == before


def test_a_folder_takes_more_people(tmp_path: Path) -> None:
    kind = {"seed": 40, "selfies": 0, "avatars": 1, "workers": 1}
    write_shards(tmp_path / "grown", 2, **kind)
    write_shards(tmp_path / "grown", 3, **kind)
    write_shards(tmp_path / "at_once", 3, **kind)
    assert contents(tmp_path / "grown") == contents(tmp_path / "at_once")
    with pytest.raises(ShardError, match="count 3, not 2"):
        write_shards(tmp_path / "grown", 2, **kind)


def test_people_without_any_picture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="ask for either"):
        write_shards(tmp_path / "people", 2, seed=0, selfies=0, avatars=0)
    assert not (tmp_path / "people").exists()
