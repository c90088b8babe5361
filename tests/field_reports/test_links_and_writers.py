"""Kind 4: links are followed or refused, and two writers of one folder take turns."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import components
from avatar.saving import output_files, save_avatars
from components import CheckpointError
from eval.report import read as read_evaluation
from eval.report import write as write_evaluation
from export.exporter import Request, export
from quantization import (
    PackedError,
    Recipe,
    apply,
    open_quantized,
    parse,
    write_quantized,
)
from support import atomic
from support.publish import locked, publish
from tests.command_lines import ROOMS
from tests.components.tiny import save_tiny_avatar
from tests.eval.schema.test_report import REPORT
from tests.test_imports import ROOT

SCHEMES = ("palette-4", "int8")
PROCESSES, ROUNDS = 8, 20


def recipe(scheme: str) -> Recipe:
    return Recipe(pipeline="AvatarPipeline", patterns=(("*", parse(scheme)),))


def test_a_linked_folder_counts_like_its_files(avatar: Path, tmp_path: Path) -> None:
    linked = Path(shutil.copytree(avatar, tmp_path / "linked"))
    shutil.rmtree(linked / "decoder")
    (linked / "decoder").symlink_to(avatar / "decoder")
    assert components.fingerprint(linked) == components.fingerprint(avatar)
    other = save_tiny_avatar(tmp_path / "other", seed=1)
    (linked / "decoder").unlink()
    (linked / "decoder").symlink_to(other / "decoder")
    assert components.fingerprint(linked) != components.fingerprint(avatar)


def test_a_quantized_checkpoint_of_links_is_complete(avatar: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    for path in avatar.iterdir():
        (linked / path.name).symlink_to(path)
    write_quantized(apply(linked, recipe("int8")), tmp_path / "q")
    write_quantized(apply(avatar, recipe("int8")), tmp_path / "same")
    assert components.fingerprint(tmp_path / "q") == components.fingerprint(tmp_path / "same")
    shutil.rmtree(avatar)
    opened = open_quantized(tmp_path / "q")
    opened.require_recipe()
    assert opened.pipeline.component("decoder")
    assert not any(path.is_symlink() for path in (tmp_path / "q").rglob("*"))


@pytest.mark.parametrize(("goal", "word"), [(".", "circular"), ("nowhere", "not there")])
def test_links_that_lead_nowhere_or_in_circles(avatar: Path, goal: str, word: str) -> None:
    (avatar / "decoder" / "more").symlink_to(goal)
    with pytest.raises(CheckpointError, match=word):
        components.load(avatar)
    with pytest.raises(CheckpointError, match=word):
        components.fingerprint(avatar)


names = st.sampled_from(["a.json", "b.json", "c.txt", "d/a.json", "d/b.safetensors", "e/f/a.json"])
trees = st.dictionaries(names, st.binary(max_size=3), max_size=4)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(first=trees, second=trees, link=st.booleans())
def test_equal_fingerprints_mean_equal_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    first: dict[str, bytes],
    second: dict[str, bytes],
    link: bool,
) -> None:
    """Law: fingerprints of two folders are equal just where names and bytes are, links or not."""
    made = []
    for index, tree in enumerate((first, second)):
        root = tmp_path_factory.mktemp("tree")
        stored = root / "stored"
        for name, data in tree.items():
            (stored / name).parent.mkdir(parents=True, exist_ok=True)
            (stored / name).write_bytes(data)
        stored.mkdir(exist_ok=True)
        folder = stored
        if link and index:
            folder = root / "linked"
            folder.mkdir()
            for path in stored.iterdir():
                (folder / path.name).symlink_to(path)
        made.append(components.fingerprint(folder))
    assert (made[0] == made[1]) == (first == second)


def test_packed_schemes_must_be_those_of_the_recipe(avatar: Path, tmp_path: Path) -> None:
    for scheme in SCHEMES:
        write_quantized(apply(avatar, recipe(scheme)), tmp_path / scheme)
    mixed = Path(shutil.copytree(tmp_path / "int8", tmp_path / "mixed"))
    file = Path("quantized") / "decoder.safetensors"
    shutil.copyfile(tmp_path / "palette-4" / file, mixed / file)
    message = r"decoder\..* is stored as palette-4, its recipe says int8"
    with pytest.raises(PackedError, match=message):
        open_quantized(mixed).require_recipe()
    with pytest.raises(PackedError, match=message):
        export(Request(checkpoint=mixed, format="onnx", out=tmp_path / "out"))


# Two writers of one place.


@cache
def _quantized(checkpoint: Path, scheme: str) -> Any:
    made = apply(checkpoint, recipe(scheme))
    for name in made.pipeline.names:
        made.packed(name)
    return made


def write_a_quantized_checkpoint(place: Path, checkpoint: Path, writer: int) -> None:
    write_quantized(_quantized(checkpoint, SCHEMES[writer % 2]), place)


def read_a_quantized_checkpoint(place: Path) -> None:
    """Fails where the folder is a mixture."""
    opened = open_quantized(place)
    opened.require_recipe()
    assert not list(place.parent.glob(".*.staging"))


def write_an_artifact(place: Path, _: Path, writer: int) -> None:
    """As every exporter and SDK generator does."""
    with publish(place, marker="manifest.json", kind="an artifact") as folder:
        for name in ("manifest.json", "model.onnx", "golden"):
            (folder / name).write_text(str(writer) * 5000)


def read_an_artifact(place: Path) -> None:
    held = {path.name: path.read_text() for path in place.iterdir()}
    assert sorted(held) == ["golden", "manifest.json", "model.onnx"]
    assert len(set(held.values())) == 1 and len(held["golden"]) == 5000


def write_a_file(place: Path, _: Path, writer: int) -> None:
    """As `plan`, `schema`, `render` and the reports do."""
    atomic.write(place, str(writer).encode() * 50_000)


def read_a_file(place: Path) -> None:
    data = place.read_bytes()
    assert len(data) == 50_000 and len(set(data)) == 1
    assert not list(place.parent.glob("*.partial"))


def write_the_outputs_of_a_model(place: Path, _: Path, writer: int) -> None:
    from coreml_runtime.__main__ import _write_all

    _write_all(place, {name: np.full(2000, writer) for name in ("first", "second")})


def read_the_outputs_of_a_model(place: Path) -> None:
    assert sorted(path.name for path in place.iterdir()) == ["first.npy", "second.npy"]
    first, second = (np.load(place / f"{name}.npy") for name in ("first", "second"))
    assert len(set(first)) == 1 and (first == second).all()


def write_avatars(place: Path, _: Path, writer: int) -> None:
    """As `avatar create --count 3` does."""
    place.mkdir(exist_ok=True)
    files = output_files(place / "me.png", 3)
    save_avatars([np.full((8, 8, 3), writer, np.uint8)] * 3, files, lambda: None)


def read_avatars(place: Path) -> None:
    files = sorted(place.iterdir())
    assert [file.name for file in files] == ["me-1.png", "me-2.png", "me-3.png"]
    assert len({file.read_bytes() for file in files}) == 1


def write_a_report(place: Path, _: Path, writer: int) -> None:
    """As `eval` does."""
    with locked(place):
        place.mkdir(exist_ok=True)
        write_evaluation(replace(REPORT, mode=f"mode-{writer}"), place)


def read_a_report(place: Path) -> None:
    mode = read_evaluation(place / "report.json").mode
    assert sorted(file.name for file in place.iterdir()) == [
        *("junit.xml", "report.html", "report.json")
    ]
    others = {f"mode-{writer}" for writer in range(PROCESSES)} - {mode}
    for name in ("junit.xml", "report.html"):
        text = (place / name).read_text(encoding="utf-8")
        assert mode in text and not any(other in text for other in others)


def _work(
    write: Any, place: Path, checkpoint: Path, writer: int, barrier: Any, rounds: int
) -> None:
    for _ in range(rounds):
        barrier.wait(timeout=300)
        write(place, checkpoint, writer)
        barrier.wait(timeout=300)
        barrier.wait(timeout=300)  # while the parent reads


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
@pytest.mark.parametrize(
    ("write", "read"),
    [
        (write_a_quantized_checkpoint, read_a_quantized_checkpoint),
        (write_an_artifact, read_an_artifact),
        (write_a_file, read_a_file),
        (write_avatars, read_avatars),
        (write_a_report, read_a_report),
        (write_the_outputs_of_a_model, read_the_outputs_of_a_model),
    ],
)
def test_eight_writers_leave_one_whole_winner(
    avatar_checkpoint: Path,
    tmp_path: Path,
    write: Callable[[Path, Path, int], None],
    read: Callable[[Path], None],
) -> None:
    if write is write_a_quantized_checkpoint:
        for scheme in SCHEMES:  # packed once here, and inherited by the children
            _quantized(avatar_checkpoint, scheme)
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(PROCESSES + 1)
    place = tmp_path / "place"
    children = [
        context.Process(
            target=_work, args=(write, place, avatar_checkpoint, writer, barrier, ROUNDS)
        )
        for writer in range(PROCESSES)
    ]
    for child in children:
        child.start()
    try:
        for _ in range(ROUNDS):
            barrier.wait(timeout=300)
            barrier.wait(timeout=300)
            read(place)
            barrier.wait(timeout=300)
    finally:
        for child in children:
            child.join(timeout=60)
            child.kill()
    assert [child.exitcode for child in children] == [0] * PROCESSES


def test_writers_of_files_and_arrays_use_the_same_step(tmp_path: Path) -> None:
    """A run of a Core ML model keeps its outputs in one step too."""
    from coreml_runtime.__main__ import _write

    _write(tmp_path / "out", "prediction", np.arange(3.0))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["prediction.npy"]
    assert np.load(tmp_path / "out" / "prediction.npy").tolist() == [0, 1, 2]
    assert os.listdir(tmp_path) == ["out"]


STAGED = {
    # They write into the folder that `publish` or `atomic.replacing` gives them.
    *("distillation/publish.py", "distillation/run_folder.py"),
    *("distillation/stages/autoencoder.py", "distillation/stages/identity.py"),
    "distillation/stages/judge.py",
    *("export/artifact.py", "export/card.py", "export/golden.py"),
    *("export/coreml/package.py", "export/onnx/package.py", "export/multifunction.py"),
    *("export/layouts/apple.py", "export/layouts/optimum.py"),
    "components/diffusion/clip_tokenizer.py",
    *("components/adapted/assembly.py", "components/adapted/card.py"),
    "components/adapted/networks_written.py",
    "quantization/quantized_checkpoint.py",
    *("sdk_bindings/package.py", "sdk_bindings/vectors/golden.py", "sdk_bindings/vectors/rules.py"),
    *("avatar/saving.py", "distillation/training/run.py", "coreml_runtime/__main__.py"),
    # What `atomic` itself is made of.
    *("support/atomic.py", "eval/reference/cache.py"),
    # Into memory, a temporary folder, or a file of the kernel.
    *("avatar/people/shards.py", "distillation/report/page.py", "eval/levels/pictures.py"),
    "components/overlay/folder.py",
    *("distillation/report/generation.py", "quantization/planning/sensitivity.py"),
    *("eval/workers/bundle.py", "eval/metrics/memory.py"),
    "coreml_runtime/coremltools_plugin/model_proxy.py",
    # In messages only, about what to do with a file.
    "components/foreign.py",
}
WRITES = r"\.write_(text|bytes)\(|\.save(_pretrained|_file)?\(|\bsave_file\(|copy(file|tree)\("


def test_no_file_is_written_past_the_atomic_step() -> None:
    """A new place that writes is looked at, and put among those that are known."""
    found = {
        path.relative_to(ROOT).as_posix()
        for room in (*ROOMS, "support", "components")
        for path in (ROOT / room).rglob("*.py")
        if re.search(WRITES, _code(path))
    }
    assert found == STAGED


def _code(path: Path) -> str:
    """A file without its docstrings."""
    return re.sub(r'""".*?"""', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


LOCKED = {
    *("avatar/saving.py", "avatar/people/shards.py", "coreml_runtime/__main__.py"),
    *("distillation/__main__.py", "distillation/training/run.py", "distillation/run_folder.py"),
    *("eval/__main__.py", "export/exporter.py", "export/multifunction.py"),
    "quantization/__main__.py",
    *("quantization/quantized_checkpoint.py", "sdk_bindings/__main__.py"),
    "sdk_bindings/package.py",
}


def test_whoever_writes_several_files_takes_the_lock() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"support.publish import .*(publish|locked)", path.read_text(encoding="utf-8"))
    }
    assert found == LOCKED
