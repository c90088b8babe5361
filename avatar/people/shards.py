"""Made-up people in files, written once and read by training, which need not wait for the renderer.

A shard is a plain tar file in the WebDataset layout, in which the members of one person follow each
other:

    000123/identity.json
    000123/selfies/0.jpg …               quality 95, no chroma subsampling
    000123/avatars/lorelei/0.png …       without the styles that cannot draw the person

`index.json` beside the shards holds the name and the SHA-256 of each. The same arguments give the
same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar.people.errors import ShardError
from avatar.people.identity import Identity, sample_identity
from avatar.people.styles import STYLES, can_draw, draw
from support import atomic
from support.images import to_pixels
from support.processes import end_with_parent
from support.progress import Progress, silent
from support.publish import locked

PEOPLE_A_SHARD = 50
SELFIE_SEEDS = 1000
"""Selfie i of the person with seed s has the seed `SELFIE_SEEDS`·s + i."""

INDEX = "index.json"
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class PersonRecord:
    """One person as stored.

    Attributes:
        number: Number of the person in the folder, from 0.
        identity: Who the person is.
        selfies: Content of JPEG files.
        avatars: Content of PNG files, by name of the style.
    """

    number: int
    identity: Identity
    selfies: list[bytes] = field(default_factory=list)
    avatars: dict[str, list[bytes]] = field(default_factory=dict)


def write_shards(
    folder: Path,
    count: int,
    *,
    seed: int,
    selfies: int = 5,
    avatars: int = 1,
    workers: int | None = None,
    progress: Progress = silent,
) -> None:
    """Write people into a folder.

    Complete shards that are found in the folder are kept, so a killed call can be resumed and a
    later call can add people; missing and damaged shards are written again.

    Args:
        folder: Where the shards shall be.
        count: Number of people; their seeds are `seed`, `seed + 1`, …
        seed: Seed of the first person.
        selfies: Selfies of each person.
        avatars: Drawings of each person in every style that can draw them.
        workers: Processes to use; all cores by default.
        progress: Told of every shard: people written, and people in all.

    Raises:
        ShardError: The folder holds other people, its index cannot be read, or the people would
            have no pictures at all.
    """
    if selfies == avatars == 0:
        raise ShardError("people without selfies and without avatars show nothing: ask for either")
    settings = {"count": count, "seed": seed, "selfies": selfies, "avatars": avatars}
    with locked(folder, lambda: progress(f"another writer of {folder} is running; waiting")):
        _write_missing(folder, settings, workers, progress)


def _write_missing(
    folder: Path, settings: dict[str, int], workers: int | None, progress: Progress
) -> None:
    """Write the shards that a folder lacks. The caller holds its lock."""
    count = settings["count"]
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(".*.partial"):  # half-written files of a killed call
        leftover.unlink()
    index = _open_index(folder, settings)
    starts = range(0, count, PEOPLE_A_SHARD)
    missing = [start for start in starts if _name(start) not in index["shards"]]
    done = count - sum(min(PEOPLE_A_SHARD, count - start) for start in missing)
    # Processes are spawned because the threads of numba and torch do not survive a fork.
    with ProcessPoolExecutor(
        workers or os.cpu_count(), get_context("spawn"), initializer=end_with_parent
    ) as pool:
        futures = {
            pool.submit(
                _write_shard, folder, start, min(start + PEOPLE_A_SHARD, count), settings
            ): start
            for start in missing
        }
        for future in as_completed(futures):
            start = futures[future]
            index["shards"][_name(start)] = future.result()
            atomic.write(folder / INDEX, _index_text(index).encode())
            done += min(PEOPLE_A_SHARD, count - start)
            progress("people", done, count)


def read_shards(folder: Path, *, verify: bool = True) -> Iterator[PersonRecord]:
    """Read the people in a folder in the order of their numbers, one shard in memory at a time.

    `verify` compares the SHA-256 of each shard with the index.

    Raises:
        ShardError: The index or a shard is missing, incomplete or damaged.
    """
    index = _read_index(folder)
    expected = [_name(start) for start in range(0, index["count"], PEOPLE_A_SHARD)]
    for name in expected:
        if name not in index["shards"]:
            raise ShardError(f"{folder} is incomplete: {name} was never finished; write it again")
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise ShardError(f"{folder / name} cannot be read: {error.strerror}") from error
        if verify and hashlib.sha256(content).hexdigest() != index["shards"][name]:
            raise ShardError(f"{folder / name} is damaged: its SHA-256 is not the index's")
        try:
            people = list(_people_in(content))
        except (tarfile.TarError, ValueError, TypeError) as error:
            raise ShardError(f"{folder / name} is damaged: {error}") from error
        yield from people


def _write_shard(folder: Path, start: int, stop: int, settings: dict[str, int]) -> str:
    """Write the people from `start` up to `stop`; returns the shard's SHA-256."""
    from avatar.people.renderer import render

    people = [sample_identity(settings["seed"] + number) for number in range(start, stop)]
    indices = range(settings["selfies"])
    # No two people share the seed of a selfie: they would share pose, light and background.
    seeds = [(settings["seed"] + n) * SELFIE_SEEDS + i for n in range(start, stop) for i in indices]
    pictures = iter(render([person for person in people for _ in indices], seeds))
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for number, person in enumerate(people, start):
            _add(tar, f"{number:06d}/identity.json", _json(asdict(person)).encode())
            for index in indices:
                _add(tar, f"{number:06d}/selfies/{index}.jpg", _jpeg(next(pictures)))
            for style in STYLES:
                if not can_draw(person, style.name):
                    continue
                for index in range(settings["avatars"]):
                    png = _png(draw(person, style.name, index))
                    _add(tar, f"{number:06d}/avatars/{style.name}/{index}.png", png)
    atomic.write(folder / _name(start), stream.getvalue())
    return hashlib.sha256(stream.getvalue()).hexdigest()


def _people_in(content: bytes) -> Iterator[PersonRecord]:
    person: PersonRecord | None = None
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        for member in tar:
            stream = tar.extractfile(member)
            if stream is None:
                raise ShardError(f"{member.name} in a shard is not a plain file")
            number, _, rest = member.name.partition("/")
            if rest == "identity.json":
                if person:
                    yield person
                identity = Identity(**json.loads(stream.read()))
                person = PersonRecord(number=int(number), identity=identity)
            elif person is None:
                raise ShardError(f"{member.name} in a shard comes before its person")
            elif rest.startswith("selfies/"):
                person.selfies.append(stream.read())
            else:
                style = rest.split("/")[1]
                person.avatars.setdefault(style, []).append(stream.read())
    if person:
        yield person


def _open_index(folder: Path, settings: dict[str, int]) -> dict[str, Any]:
    """The index of the folder, or a new one, with the shards that are complete and can be kept.

    Where the folder holds fewer people, the index is extended to `count`.
    """
    if not (folder / INDEX).exists():
        empty = {"version": VERSION, **settings, "shards": {}}
        atomic.write(folder / INDEX, _index_text(empty).encode())
    index = _read_index(folder)
    if index["count"] < settings["count"]:
        index["shards"].pop(_name(_partial_start(index["count"])), None)
        index["count"] = settings["count"]
    for name, value in settings.items():
        if index[name] != value:
            raise ShardError(
                f"{folder} holds people with {name} {index[name]}, not {value}; "
                "choose another folder"
            )
    complete = {
        name: digest
        for name, digest in index["shards"].items()
        if _has_digest(folder / name, digest)
    }
    return {**index, "shards": complete}


def _partial_start(count: int) -> int:
    """Number of the first person of the shard that `count` people do not fill."""
    return count - count % PEOPLE_A_SHARD


def _has_digest(path: Path, digest: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def _read_index(folder: Path) -> dict[str, Any]:
    try:
        index: dict[str, Any] = json.loads((folder / INDEX).read_bytes())
    except OSError as error:
        raise ShardError(f"{folder} holds no people: no {INDEX} in it") from error
    except (ValueError, RecursionError) as error:
        raise ShardError(f"{folder / INDEX} is damaged: {error}") from error
    if not isinstance(index, dict):
        raise ShardError(f"{folder / INDEX} is damaged: it is no JSON object")
    if index.get("version") != VERSION:
        raise ShardError(f"{folder / INDEX} has version {index.get('version')}, expected {VERSION}")
    missing = {"count", "seed", "selfies", "avatars", "shards"} - index.keys()
    if missing:
        raise ShardError(f"{folder / INDEX} is damaged: it lacks {', '.join(sorted(missing))}")
    return index


def _name(start: int) -> str:
    return f"people-{start:06d}.tar"


def _index_text(index: dict[str, Any]) -> str:
    return _json({**index, "shards": dict(sorted(index["shards"].items()))})


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=1) + "\n"


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file without its time, its owner or anything else of this machine."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _jpeg(selfie: NDArray[np.float32]) -> bytes:
    pixels = to_pixels(selfie)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=95, subsampling=0)
    return stream.getvalue()


def _png(avatar: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(avatar).save(stream, "PNG", compress_level=6)
    return stream.getvalue()
