"""The checkpoint that `assemble` writes: what it says of itself, and that it is repeatable."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import components
from components.adapted.assembly import assemble
from components.overlay import licence_of, overlay_of
from examples.assemble.make_parts import make_parts
from tests.conftest import ROOT, Command


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_parts(tmp_path_factory.mktemp("assembled") / "parts")


@pytest.fixture(scope="module")
def model(file: Path) -> Path:
    return assemble(file, file.parent.parent / "model")


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_example_is_small(file: Path) -> None:
    assert sum(path.stat().st_size for path in file.parent.rglob("*")) < 5_000_000


def test_another_process_elsewhere_writes_the_same_bytes(
    file: Path, model: Path, tmp_path: Path
) -> None:
    code = "import sys; from avatar.__main__ import app, run; run(app, 'python -m avatar')"
    done = subprocess.run(
        [sys.executable, "-c", code, "assemble", str(file), "--out", "again"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT.parent), "PYTHONHASHSEED": "5", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "again"
    assert digests(tmp_path / "again") == digests(model)


def test_the_card_and_the_record_name_every_part(file: Path, model: Path) -> None:
    card = (model / "README.md").read_text(encoding="utf-8")
    record = overlay_of(model)
    assert record is not None
    named = {change.what: change for change in record.changes}
    assert [*named] == ["base", "image_encoder", "decoder", "adapter", "lora"]
    for change in record.changes:
        assert f"| {change.value} | CC0-1.0 | `{change.sha256}` |" in card
    adapter = (file.parent / "ip-adapter.safetensors").read_bytes()
    assert named["adapter"].sha256 == hashlib.sha256(adapter).hexdigest()
    assert named["lora"].strength == 0.8
    assert licence_of(model) == "CC0-1.0"


def test_facts_come_from_the_file(model: Path) -> None:
    pipeline = components.load(model)
    facts = pipeline.facts()
    assert [style["name"] for style in facts.styles] == ["clay", "flat-icon"]
    assert [style["tier"] for style in facts.styles] == ["free", "plus"]
    assert facts.sampler["guidance"] == 1.6 and len(facts.sampler["timesteps"]) == 3
    assert [len(table["timesteps"]) for table in facts.sampler["also"]] == [1]
    assert pipeline.selfie_inputs[0].shape == (3, 3, 32, 32)
    limits = {rule["name"]: rule for rule in facts.selfie_rules}
    assert limits["count"]["max"] == 3 and limits["side"]["min"] == 32
    assert facts.selfie_crop is None, "CLIP sees whole pictures"


def test_no_text_encoder_ships_and_numbers_stay(file: Path, model: Path) -> None:
    names = [path.name for path in model.iterdir()]
    assert not any("text" in name or "tokenizer" in name for name in names)
    base = load_file(file.parent / "base" / "unet" / "diffusion_pytorch_model.safetensors")
    ours = load_file(model / "denoiser" / "diffusion_pytorch_model.safetensors")
    assert torch.equal(ours["unet.conv_in.weight"].float(), base["conv_in.weight"])
    assert not torch.equal(
        ours["unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_q.weight"].float(),
        base["mid_block.attentions.0.transformer_blocks.0.attn2.to_q.weight"],
    ), "a LoRA changes it"


def test_half_precision_is_kept_where_it_changes_no_number(file: Path, tmp_path: Path) -> None:
    from components.adapted.networks_written import _compact

    exact, other = torch.tensor([0.5, -3.0]), torch.tensor([0.1, 1e9])
    assert _compact(exact).dtype == torch.float16 and torch.equal(_compact(exact).float(), exact)
    assert _compact(other) is other


@pytest.mark.parametrize("field", ["steps", "guidance"])
def test_a_broken_index_is_one_line(model: Path, tmp_path: Path, field: str) -> None:
    import shutil

    copy = Path(shutil.copytree(model, tmp_path / "copy"))
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(json.dumps({**index, field: "x"}))
    with pytest.raises(components.ComponentsError) as caught:
        components.load(copy)
    assert "\n" not in str(caught.value)


def test_an_avatar_is_drawn_by_the_command(model: Path, tmp_path: Path, command: Command) -> None:
    """With as many selfies as the model takes, of the size that it takes."""
    from PIL import Image

    rng = np.random.default_rng(0)
    paths = []
    for index in range(4):
        paths.append(tmp_path / f"{index}.png")
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), np.uint8)).save(paths[-1])
    arguments = ("create", "--style", "clay", "--checkpoint", model, "--any-selfie")
    out = tmp_path / "me.png"
    done = command("avatar", *arguments, "--out", out, *paths[:3])
    assert done.code == 0, done.err
    with Image.open(out) as picture:
        assert picture.size == (32, 32)
    many = command("avatar", *arguments, "--out", out, *paths)
    assert many.code == 2 and "4 selfies, expected 1 to 3" in many.err
    listed = command("avatar", "styles", "--checkpoint", model)
    assert "flat-icon" in listed.out


def test_an_assembly_that_fails_is_one_line_and_exit_code_2(
    file: Path, tmp_path: Path, command: Command
) -> None:
    done = command("avatar", "assemble", tmp_path / "none.toml", "--out", tmp_path / "model")
    assert done.code == 2 and len(done.err.strip().splitlines()) == 1
    assert "none.toml" in done.err
