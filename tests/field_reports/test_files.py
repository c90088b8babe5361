"""Kind 7: files people really have are read, or one line says what they are and what to do."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

import components
import coreml_runtime
from components import CheckpointError, ComponentsError
from coreml_runtime.errors import CoreMLRuntimeError
from coreml_runtime.inspection import random_inputs
from export import open_artifact, verify
from export.check import anchor_rows
from export.errors import ExportError
from quantization import Recipe, RecipeError, apply, parse, write_quantized
from support.errors import SnapshotError, UserError
from support.found_files import describe
from support.hub_cache import snapshot
from tests.conftest import Command
from tests.coreml_runtime import seed_packages
from tests.export.test_artifact import make

PARTS = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}
"""The parts of Stable Diffusion with weights, and how their files are named."""


@cache
def outputs(checkpoint: Path) -> dict[str, np.ndarray]:
    """The picture of one run of a checkpoint, and every weight that it has."""
    pipeline = components.load(checkpoint)
    made: dict[str, np.ndarray] = dict(components.record(pipeline, seed=3).run.outputs)
    for name in pipeline.names:
        for key, value in pipeline.component(name).module.state_dict().items():
            made[f"{name}.{key}"] = value.numpy()
    return made


def same(checkpoint: Path, other: Path) -> bool:
    """Whether two checkpoints give the same picture and have the same weights, bit for bit."""
    one, two = outputs(checkpoint), outputs(other)
    return one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)


def require_anchored(checkpoint: Path) -> None:
    """The library's own pipeline reads the same weights."""
    pipeline = components.load(checkpoint)
    recording = components.record(pipeline, seed=3)
    (row,) = anchor_rows(pipeline, recording, pipeline.component(pipeline.names[-1]).outputs)
    assert row.passed, row


def held(pipeline: components.PipelineComponents) -> tuple[object, ...]:
    """What a checkpoint says of itself, its prompt as tokens, and a hash of all its weights."""
    digest = hashlib.sha256()
    for name in pipeline.names:
        for value in pipeline.component(name).module.state_dict().values():
            digest.update(value.numpy().tobytes())
    ids = pipeline.example_run(0)["input_ids"].tolist()
    return pipeline.facts(), ids, digest.hexdigest()


def weights(checkpoint: Path, part: str) -> Path:
    return checkpoint / part / f"{PARTS[part]}.safetensors"


def cast(path: Path, dtype: torch.dtype, out: Path) -> None:
    """Write the weights of a file in another type, in which they are exact here."""
    save_file({k: v.to(dtype) for k, v in load_file(path).items()}, out, {"format": "pt"})


def shard(path: Path, variant: str = "") -> None:
    """Split a file in two shards with an index, named as diffusers and transformers name them."""
    state, stem, dot = load_file(path), path.name.partition(".")[0], variant and f".{variant}"
    names = sorted(state)
    files: dict[str, str] = {}
    for number, half in enumerate((names[::2], names[1::2]), 1):
        shard_name = f"{stem}{dot}-0000{number}-of-00002.safetensors"
        save_file({k: state[k] for k in half}, path.parent / shard_name, {"format": "pt"})
        files |= dict.fromkeys(half, shard_name)
    index = path.parent / f"{stem}.safetensors.index{dot}.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": files}))
    path.unlink()


def in_cache(folder: Path, root: Path, *, main: bool = True) -> Path:
    """A folder as Hugging Face's hub keeps it, in `root`; returns the snapshot."""
    place = root / "snapshots" / "0123abcd"
    for file in folder.rglob("*"):
        if file.is_file():
            blob = root / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
            blob.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, blob)
            link = place / file.relative_to(folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(blob, link.parent))
    if main:
        (root / "refs").mkdir()
        (root / "refs" / "main").write_text("0123abcd")
    return place


def zipped(folder: Path, out: Path) -> Path:
    with zipfile.ZipFile(out, "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder.parent))
    return out


def refused(path: Path, *words: str) -> str:
    """The one line with which a path is refused as a checkpoint."""
    with pytest.raises(UserError) as caught:
        components.load(path)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    return message


@pytest.fixture(scope="module")
def halves(sd_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny Stable Diffusion with weights that float16 and bfloat16 hold exactly, in float32."""
    folder = Path(shutil.copytree(sd_checkpoint, tmp_path_factory.mktemp("halves") / "sd"))
    for part in PARTS:
        state = load_file(weights(folder, part))
        rounded = {k: v.bfloat16().float().half().float() for k, v in state.items()}
        rounded = {k: v.where(v.bfloat16() == v, torch.zeros(())) for k, v in rounded.items()}
        save_file(rounded, weights(folder, part), {"format": "pt"})
    return folder


@pytest.fixture
def copy(halves: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(halves, tmp_path / "copy"))


# Checkpoints that are read as what they are.


@pytest.mark.parametrize(("variant", "sharded"), [("fp16", True), ("bf16", False)])
def test_variants_of_every_part(halves: Path, copy: Path, variant: str, sharded: bool) -> None:
    dtype = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(variant, torch.float32)
    for part, stem in PARTS.items():
        file = weights(copy, part)
        target = file.with_name(f"{stem}.{variant}.safetensors")
        cast(file, dtype, target)
        file.unlink()
        if sharded:
            shard(target, variant)
    assert same(halves, copy)


def test_plain_files_go_before_variants_and_variants_may_differ_by_part(
    halves: Path, copy: Path
) -> None:
    for variant in ("fp16", "non_ema", "bf16"):
        other = {k: v + 1 for k, v in load_file(weights(copy, "unet")).items()}
        save_file(other, copy / "unet" / f"{PARTS['unet']}.{variant}.safetensors")
    shutil.copy(weights(copy, "vae"), copy / "vae" / f"{PARTS['vae']}.non_ema.safetensors")
    weights(copy, "text_encoder").rename(copy / "text_encoder" / "model.fp16.safetensors")
    weights(copy, "vae").rename(copy / "vae" / f"{PARTS['vae']}.fp16.safetensors")
    assert same(halves, copy)
    require_anchored(copy)


def test_several_variants_of_which_none_goes_first(copy: Path) -> None:
    file = weights(copy, "unet")
    for variant in ("ema", "non_ema"):
        shutil.copy(file, file.with_name(f"{PARTS['unet']}.{variant}.safetensors"))
    file.unlink()
    refused(copy, "unet holds the variants ema, non_ema", "leave only the one")


def test_shards_beside_the_whole(copy: Path) -> None:
    """Libraries differ on which of the two is read, so neither is."""
    for part in PARTS:
        whole = weights(copy, part)
        kept = whole.read_bytes()
        shard(whole)
        whole.write_bytes(kept)
        refused(copy, whole.name, "index.json", "expected one")
        whole.with_name(f"{whole.name}.index.json").unlink()


def test_what_a_configuration_says_of_the_dtype_rounds_nothing(sd: Path) -> None:
    before = outputs(sd)
    config = sd / "text_encoder" / "config.json"
    said = {**json.loads(config.read_text()), "torch_dtype": "float16", "dtype": "float16"}
    config.write_text(json.dumps(said))
    (sd.parent / "again").symlink_to(sd)
    after = outputs(sd.parent / "again")
    assert all(np.array_equal(after[key], value) for key, value in before.items())


def test_types_of_weights(halves: Path, copy: Path) -> None:
    for part, dtype in zip(PARTS, (torch.float16, torch.bfloat16, torch.float64), strict=True):
        cast(weights(copy, part), dtype, weights(copy, part))
    assert same(halves, copy)


def test_a_download_cache_and_its_folders(halves: Path, tmp_path: Path) -> None:
    root = tmp_path / "hub" / "models--a--b"
    place = in_cache(halves, root)
    for folder in (place, root):
        assert components.fingerprint(folder) == components.fingerprint(halves)
        assert same(halves, folder)
    (root / "refs" / "main").unlink()
    assert snapshot(root) == place
    (root / "snapshots" / "4567").mkdir()
    with pytest.raises(SnapshotError, match="0123abcd, 4567"):
        components.load(root)
    refused(tmp_path / "hub", "not a checkpoint", "name ")
    shutil.rmtree(root / "blobs")
    refused(place, "which is not there")


def test_a_command_takes_the_caches_folder(
    command: Command, avatar_checkpoint: Path, tmp_path: Path
) -> None:
    root = tmp_path / "models--a--b"
    place = in_cache(avatar_checkpoint, root)
    listed = command("avatar", "styles", "--checkpoint", avatar_checkpoint)
    assert listed.code == 0
    assert command("avatar", "styles", "--checkpoint", root) == listed
    shutil.rmtree(place)
    for line in (("avatar", "styles"), ("export", "onnx"), ("quantization", "plan"), ("eval", ".")):
        result = command(*line, "--checkpoint", root)
        assert result.code == 2
        assert result.err.startswith(f"error: {root} is a download of Hugging Face's cache")


RECIPE = Recipe(pipeline="AvatarPipeline", patterns=(("*", parse("int8")),))


def litter(folder: Path) -> None:
    """Leave what macOS, git and others leave among files."""
    inside = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for place in inside:
        (place / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
        for path in [*place.iterdir()]:
            if path.is_file() and not path.name.startswith("."):
                (place / f"._{path.name}").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "._config.json").write_bytes(b"\0\5\x16\7")


def test_files_of_macos_and_git_among_the_files(halves: Path, copy: Path, tmp_path: Path) -> None:
    litter(copy)
    (copy / ".git" / "lfs").mkdir(parents=True)
    (copy / ".git" / "config.json").write_text("{")
    assert components.fingerprint(copy) == components.fingerprint(halves)
    assert held(components.load(copy)) == held(components.load(halves))
    write_quantized(apply(copy, Recipe(pipeline=SD, patterns=RECIPE.patterns)), tmp_path / "q")
    names = [path.name for path in (tmp_path / "q").rglob("*")]
    assert not any(name.startswith(".") or name == "__MACOSX" for name in names)


SD = "StableDiffusionPipeline"


def test_a_run_of_training_is_opened_as_strictly(avatar: Path, tmp_path: Path) -> None:
    from avatar.model import AvatarPipeline, Decoder
    from distillation.run_folder import CHECKPOINT, load_part, open_pipeline

    shutil.move(avatar, tmp_path / "run" / CHECKPOINT)
    checkpoint = tmp_path / "run" / CHECKPOINT
    expected = AvatarPipeline.from_pretrained(checkpoint)
    opened = open_pipeline(checkpoint)
    assert opened.components.keys() == expected.components.keys()
    for name in ("identity_encoder", "denoiser", "decoder", "latent_encoder"):
        one, two = (getattr(pipeline, name).state_dict() for pipeline in (opened, expected))
        assert one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)
    assert opened.sampler.config == expected.sampler.config
    file = next((checkpoint / "decoder").glob("*.safetensors"))
    state = load_file(file)
    state.popitem()
    save_file(state, file, {"format": "pt"})
    for read in (
        lambda: open_pipeline(checkpoint),
        lambda: load_part(Decoder, tmp_path / "run", "decoder"),
    ):
        with pytest.raises(CheckpointError, match="decoder lacks weights"):
            read()


# What is no checkpoint is named, with what to do instead.


def tensors(path: Path, *names: str) -> Path:
    save_file({name: torch.zeros(1) for name in names}, path)
    return path


def test_single_files(sd: Path, tmp_path: Path) -> None:
    one = tensors(tmp_path / "v1-5.safetensors", "model.diffusion_model.a", "first_stage_model.b")
    refused(one, "Stable Diffusion checkpoint in a single file", "--checkpoint v1-5.safetensors")
    tensors(tmp_path / "lora.safetensors", "lora_unet_down.lora_up.weight")
    refused(tmp_path / "lora.safetensors", "adapter (LoRA)", "--lora lora.safetensors")
    tensors(tmp_path / "control.safetensors", "control_model.a")
    refused(tmp_path / "control.safetensors", "a ControlNet", "--controlnet")
    for name, option in (("model.diffusion_model.a", "unet"), ("first_stage_model.a", "vae")):
        part = tensors(tmp_path / f"{option}.safetensors", name)
        refused(part, "one part of a checkpoint", f"--{option} {option}.safetensors")
    tensors(tmp_path / "taken_out.safetensors", "decoder.conv_out.weight", "encoder.conv_in.bias")
    refused(tmp_path / "taken_out.safetensors", "a VAE", "--vae")
    tensors(tmp_path / "some.safetensors", "a")
    refused(tmp_path / "some.safetensors", "weights without their configuration")
    torch.save({"model.diffusion_model.a": torch.zeros(1)}, tmp_path / "old.ckpt")
    refused(tmp_path / "old.ckpt", "pickled weights", "from_single_file('old.ckpt')")
    (tmp_path / "legacy.bin").write_bytes(b"\x80\x02}q\0.")
    refused(tmp_path / "legacy.bin", "pickled weights")
    (tmp_path / "a.gguf").write_bytes(b"GGUF\3\0\0\0")
    refused(tmp_path / "a.gguf", "GGUF file")
    (tmp_path / "page.safetensors").write_text("<!DOCTYPE html>")
    refused(tmp_path / "page.safetensors", "a web page", "download it again")
    (tmp_path / "nothing.ckpt").write_bytes(b"")
    refused(tmp_path / "nothing.ckpt", "an empty file")
    refused(zipped(sd, tmp_path / "sd.zip"), "zip archive", "unpack it")
    refused(sd / "model_index.json", f"name {sd}")
    refused(weights(sd, "unet"), f"name {sd}")


def test_folders(sd: Path, tmp_path: Path) -> None:
    for part, what in {"unet": "diffusers (UNet2D", "text_encoder": "transformers (clip"}.items():
        refused(sd / part, what, f"name {sd}")
        alone = shutil.copytree(sd / part, tmp_path / f"just-{part}")
        assert "name " not in refused(alone, what)
    refused(sd.parent, "a folder", f"name {sd}")
    folder = tmp_path / "others"
    for name, word in {
        "manifest.json": "an artifact",
        "Manifest.json": "a Core ML package",
        "coremldata.bin": "a compiled Core ML model",
        "adapter_config.json": "--lora others",
        "model.onnx": "a folder of ONNX models",
        "model.gguf": "a folder of GGUF files",
        "report.json": "the report of an evaluation",
        ".DS_Store": "an empty folder",
        ".model_index.json.icloud": "in iCloud only: download it first",
    }.items():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / name).write_text("{}")
        refused(folder, word, "not a checkpoint")
    (folder / ".model_index.json.icloud").unlink()
    tensors(folder / "lora.safetensors", "unet.x.lora_A.weight")
    refused(folder, "whose lora.safetensors is an adapter")


@pytest.mark.parametrize("part", sorted(PARTS))
def test_parts_without_safetensors(copy: Path, part: str) -> None:
    file = weights(copy, part)
    state = load_file(file)
    file.unlink()
    placeholder = file.with_name(f".{file.name}.icloud")
    placeholder.write_bytes(b"bplist00")
    refused(copy, f"{part}/{file.name}", "in iCloud only")
    placeholder.unlink()
    (file.parent / "model.onnx").write_bytes(b"\x08")
    refused(copy, part, "no safetensors weights", ".onnx")
    pickled = {"model": "pytorch_model.bin"}.get(PARTS[part], f"{PARTS[part]}.bin")
    torch.save(state, file.parent / pickled)
    refused(copy, part, "pickled weights", "DiffusionPipeline.from_pretrained", "save_pretrained")


def test_the_advice_about_pickles_works(halves: Path, copy: Path, tmp_path: Path) -> None:
    from diffusers import DiffusionPipeline

    for part in PARTS:
        file = weights(copy, part)
        name = "pytorch_model.bin" if part == "text_encoder" else f"{PARTS[part]}.bin"
        torch.save(load_file(file), file.with_name(name))
        file.unlink()
    refused(copy, "DiffusionPipeline.from_pretrained")
    DiffusionPipeline.from_pretrained(copy, safety_checker=None).save_pretrained(tmp_path / "new")
    assert same(halves, tmp_path / "new")


# The neighbours of what other commands take.


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Core ML package of a few operations, in an own folder."""
    import coremltools as ct

    made = seed_packages._convert(seed_packages.network(), ct.target.iOS16, ct.precision.FLOAT16)
    place = tmp_path_factory.mktemp("models") / "network.mlpackage"
    return Path(shutil.copytree(made.package_path, place, copy_function=shutil.copyfile))


@contextmanager
def one_line(*words: str) -> Iterator[None]:
    """Whatever is raised is an error of ours, of one line, that holds the words."""
    with pytest.raises(UserError) as caught:
        yield
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value), caught.value


def test_neighbours_of_packages(package: Path, tmp_path: Path) -> None:
    for inside in ("Manifest.json", "Data", "Data/com.apple.CoreML/model.mlmodel"):
        with one_line("expected a Core ML package", f"name {package}"):
            coreml_runtime.load(package / inside)
    with one_line("a folder of Core ML packages", f"name {package}"):
        coreml_runtime.load(package.parent)
    with one_line("zip archive", "unpack it"):
        coreml_runtime.load(zipped(package, tmp_path / "network.mlpackage.zip"))
    for name, content, word in (
        ("a.onnx", b"\x08\x08", "an ONNX model"),
        ("a.ort", b"\x18\0\0\0ORTM", "a model of ONNX Runtime"),
        (".a.mlpackage.icloud", b"bplist00", "a placeholder of a file in iCloud"),
        ("._a.mlmodel", b"\0\5\x16\7", "a resource file of macOS"),
        ("a.safetensors", b"\2\0\0\0\0\0\0\0{}", "a safetensors file"),
    ):
        (tmp_path / name).write_bytes(content)
        with one_line(word, "expected a Core ML package"):
            coreml_runtime.load(tmp_path / name)
    (tmp_path / "empty.mlmodel").write_bytes(b"")
    with one_line("holds no model"):
        coreml_runtime.load(tmp_path / "empty.mlmodel")


def test_packages_with_files_of_macos_and_placeholders(package: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(package, tmp_path / "copied.mlpackage"))
    litter(copied)
    given_ = random_inputs(coreml_runtime.load(package).inputs, 0)
    one, two = (coreml_runtime.load(path).predict(given_) for path in (package, copied))
    assert all(np.array_equal(one[key], two[key]) for key in one)
    weight = next(copied.rglob("weight.bin"))
    weight.rename(weight.with_name(".weight.bin.icloud"))
    with one_line("weight.bin", "in iCloud only: download it first"):
        coreml_runtime.load(copied)


def test_neighbours_of_artifacts(tmp_path: Path) -> None:
    artifact = make(tmp_path / "dist" / "coreml")
    for path in (artifact / "manifest.json", artifact / "golden", artifact / "net.mlpackage"):
        with one_line("expected an artifact", f"name {artifact}"):
            verify(path)
    with one_line("expected an artifact", f"name {artifact}"):
        open_artifact(artifact.parent)
    with one_line("zip archive", "unpack it"):
        open_artifact(zipped(artifact, tmp_path / "coreml.zip"))
    litter(artifact)
    assert verify(artifact).manifest == open_artifact(artifact).manifest
    (artifact / "README.md").rename(artifact / ".README.md.icloud")
    with one_line("README.md is in iCloud only"):
        verify(artifact)


def test_neighbours_of_recipes_and_reports(command: Command, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_bytes(RECIPE.dump())
    with pytest.raises(RecipeError, match=f"name the file in it, {tmp_path / 'recipe.json'}"):
        Recipe.read(tmp_path)
    for content, word in ((b"PK\3\4", "zip archive"), (b"", "an empty file"), (b"GGUF", "GGUF")):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(RecipeError, match=f"{word}.*, expected a recipe"):
            Recipe.read(tmp_path / "other")
        result = command("eval", "show", tmp_path / "other")
        assert result.code == 2 and word in result.err and ", expected the report" in result.err
    (tmp_path / "report.json").write_text("{}")
    result = command("eval", "show", tmp_path)
    assert f"name the file in it, {tmp_path / 'report.json'}" in result.err
    (tmp_path / "deep").write_text("[" * 100_000)
    with pytest.raises(RecipeError, match="not JSON"):
        Recipe.read(tmp_path / "deep")


def test_neighbours_of_selfies(command: Command, tmp_path: Path) -> None:
    for name, content, word in (
        ("._me.jpg", b"\0\5\x16\7", "a resource file of macOS"),
        (".me.jpg.icloud", b"bplist00", "a placeholder of a file in iCloud"),
        ("me.heic", b"", "an empty file"),
        ("me.zip", b"PK\3\4", "a zip archive"),
    ):
        (tmp_path / name).write_bytes(content)
        result = command("avatar", "check", tmp_path / name)
        assert result.code == 2 and word in result.err and result.err.count("\n") == 1
    result = command("avatar", "check", tmp_path / "me.jpg")
    assert result.code == 2 and "in iCloud only" in result.err


# Laws.

WRONG = (b"", b"PK\3\4", b"GGUF", b"\0\5\x16\7", b"<html>", b"{", b"[]", b"bplist00", b"\x80\2")


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    content=st.sampled_from(WRONG).flatmap(lambda start: st.binary(max_size=30).map(start.__add__)),
    name=st.sampled_from(
        ["a.safetensors", "a.ckpt", ".a.icloud", "._a", "model_index.json", "manifest.json"]
    ),
    inside=st.booleans(),
)
def test_whatever_is_named_is_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str, inside: bool
) -> None:
    """Law: no file, and no folder with one file, is opened by any room, and each says so."""
    folder = tmp_path_factory.mktemp("any")
    (folder / name).write_bytes(content)
    path = folder if inside else folder / name
    for read in (components.load, open_artifact, coreml_runtime.load, Recipe.read):
        with one_line():
            read(path)
    assert all(isinstance(words, str) for words in describe(path))


@st.composite
def damages(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """A cut, or a bit that is the other way round, anywhere; half of them near the beginning."""
    where = draw(st.floats(0, 1) | st.floats(0, 0.02))
    bit = draw(st.none() | st.integers(0, 7))

    def damage(data: bytes) -> bytes:
        at = min(int(where * len(data)), max(len(data) - 1, 0))
        if bit is None or not data:
            return data[:at]
        return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]

    return damage


@pytest.fixture(scope="module")
def damaged(sd_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(sd_checkpoint, tmp_path_factory.mktemp("damaged") / "sd"))


@pytest.fixture(scope="module")
def undamaged(damaged: Path) -> tuple[object, ...]:
    return held(components.load(damaged))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(data=st.data(), damage=damages())
def test_damage_of_any_file_of_a_checkpoint(
    damaged: Path,
    undamaged: tuple[object, ...],
    data: st.DataObject,
    damage: Callable[[bytes], bytes],
) -> None:
    """Law: a checkpoint with one damaged file is read, or refused in one line of our errors; with a
    file that is cut short it says and holds what it did before."""
    path = data.draw(st.sampled_from(sorted(p for p in damaged.rglob("*") if p.is_file())))
    whole = path.read_bytes()
    try:
        path.write_bytes(damage(whole))
        pipeline = components.load(damaged)
        found = held(pipeline)
        assert len(damage(whole)) == len(whole) or found == undamaged
    except ComponentsError as error:
        assert "\n" not in str(error)
    finally:
        path.write_bytes(whole)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(where=st.floats(0, 1, exclude_max=True), part=st.sampled_from(sorted(PARTS)))
def test_cut_weights_are_always_refused(damaged: Path, where: float, part: str) -> None:
    path = weights(damaged, part)
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[: int(where * len(whole))])
        refused(damaged, part)
    finally:
        path.write_bytes(whole)


@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), damage=damages())
def test_damage_of_any_file_of_a_package(
    package: Path, tmp_path: Path, data: st.DataObject, damage: Callable[[bytes], bytes]
) -> None:
    """Law: a package with one damaged file runs, or is refused in one line of our errors."""
    folder = tmp_path / "damaged.mlpackage"
    if not folder.exists():
        shutil.copytree(package, folder)
    path = data.draw(st.sampled_from(sorted(p for p in folder.rglob("*") if p.is_file())))
    whole = path.read_bytes()
    try:
        path.write_bytes(damage(whole))
        model = coreml_runtime.load(folder)
        model.predict(random_inputs(model.inputs, 0))
    except CoreMLRuntimeError as error:
        assert "\n" not in str(error)
    finally:
        path.write_bytes(whole)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data(), damage=damages())
def test_damage_of_any_file_of_an_artifact(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, damage: Callable[[bytes], bytes]
) -> None:
    """Law: a whole artifact verifies, one that is damaged outside its manifest never does."""
    folder = make(tmp_path_factory.mktemp("artifact"))
    path = data.draw(st.sampled_from(sorted(p for p in folder.rglob("*") if p.is_file())))
    path.write_bytes(damage(path.read_bytes()))
    try:
        verify(folder)
        assert path.name == "manifest.json"
    except ExportError as error:
        assert "\n" not in str(error)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    tree=st.dictionaries(
        st.sampled_from(["model_index.json", "unet/config.json", "unet/a.safetensors", "b/c.txt"]),
        st.binary(max_size=4),
        min_size=1,
    ),
    main=st.booleans(),
)
def test_a_folder_and_its_cache_have_one_fingerprint(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, bytes], main: bool
) -> None:
    """Law: a cache's layout, and what systems leave in a folder, change no fingerprint."""
    root = tmp_path_factory.mktemp("tree")
    for name, content in tree.items():
        (root / "plain" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "plain" / name).write_bytes(content)
    place = in_cache(root / "plain", root / "models--a--b", main=main)
    before = components.fingerprint(root / "plain")
    litter(root / "plain")
    for folder in (root / "plain", place, root / "models--a--b"):
        assert components.fingerprint(folder) == before
