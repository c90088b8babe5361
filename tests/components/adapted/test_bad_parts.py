"""Parts that are missing, or do not go together: one clear line that names the part."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from components.adapted.assembly import assemble
from components.errors import ComponentsError
from examples.assemble.make_parts import clip, make_parts
from support.errors import PublishError, UserError

Edit = Callable[[Path], object]
"""Changes the folder of parts."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_parts(tmp_path_factory.mktemp("whole") / "parts").parent


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_parts(tmp_path_factory.mktemp("large") / "parts", large=True).parent


@pytest.fixture
def parts(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "parts"))


def refused(parts: Path, error: type[UserError] = ComponentsError) -> str:
    """The line that `assemble` ends with; nothing is left behind."""
    out = parts.parent / "model"
    with pytest.raises(error) as caught:
        assemble(parts / "avatar.toml", out)
    assert not out.exists() and "\n" not in str(caught.value)
    return str(caught.value)


def replaced(old: str, new: str) -> Edit:
    """An edit of the `avatar.toml`."""

    def edit(parts: Path) -> None:
        file = parts / "avatar.toml"
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    return edit


def cut_adapter(parts: Path) -> None:
    """Leave one attention out, as an adapter for a shallower UNet has it."""
    file = parts / "ip-adapter.safetensors"
    state = load_file(file)
    last = max(int(name.split(".")[1]) for name in state if name.startswith("ip_adapter."))
    save_file({n: t for n, t in state.items() if f".{last}." not in n}, file)


EULER = 'scheduler = "EulerDiscreteScheduler"\nsettings = { timestep_spacing = "trailing" }\n'
LONG = "a very long story of a prompt"
FILE = {
    "no TOML": (replaced("[selfies]", "[selfies"), "is not TOML"),
    "unknown key": (replaced("places = 3", "palces = 3"), "unknown field 'selfies.palces'"),
    "wrong type": (replaced("places = 3", 'places = "3"'), "selfies.places is '3'"),
    "missing key": (replaced('creator = "The design team"\n', ""), "no field 'style[0].creator'"),
    "two styles of one name": (
        replaced('name = "flat-icon"', 'name = "clay"'),
        "2 styles are named 'clay', expected a name of its own for each",
    ),
    "odd name": (replaced('name = "clay"', 'name = "Clay!"'), "expected lower-case letters"),
    "odd tier": (replaced('tier = "plus"', 'tier = "gold"'), "expected free or plus"),
    "unread negative": (replaced("guidance = 1.6", "guidance = 1"), "which guidance = 1 never"),
    "little guidance": (replaced("guidance = 1.6", "guidance = 0.5"), "expected 1 (none) or more"),
    "same steps": (replaced("also = [1]", "also = [3]"), "different numbers from 1 to 1000"),
    "guidance_rescale": (
        replaced("guidance = 1.6", "guidance = 1.6\nguidance_rescale = 0.7"),
        "guidance_rescale looks at the whole picture in every step",
    ),
    "no licence": (
        replaced('base = { path = "base", licence = "CC0-1.0" }', 'base = "base"'),
        "base has no licence, and no model card that names one",
    ),
}


@pytest.mark.parametrize("name", FILE)
def test_what_is_wrong_with_the_file_is_one_line(parts: Path, name: str) -> None:
    edit, message = FILE[name]
    edit(parts)
    line = refused(parts)
    assert message in line and "avatar.toml" in line


PARTS = {
    "missing part": (lambda parts: shutil.rmtree(parts / "clip"), "image_encoder is"),
    "missing adapter": (lambda parts: (parts / "ip-adapter.safetensors").unlink(), "adapter is"),
    "long prompt": (
        replaced('prompt = "clay figure"', f'prompt = "{LONG}"'),
        "style clay: its prompt has 23 tokens, expected at most 14: shorten it",
    ),
    "another encoder": (
        lambda parts: clip(width=40).save_pretrained(parts / "clip") or adapter_of("plus")(parts),
        "gives states of width 40, expected 32 as ip-adapter.safetensors reads",
    ),
    "no encoder": (
        replaced('image_encoder = { path = "clip"', 'image_encoder = { path = "taesd"'),
        "image_encoder: ",
    ),
    "shallow adapter": (cut_adapter, "of another base: it lacks"),
    "no adapter": (
        lambda parts: save_file({"x": torch.ones(1)}, parts / "ip-adapter.safetensors"),
        "holds x, expected image_proj",
    ),
    "odd block": (
        replaced("scale = 0.7 ", "scale = { up = { block_7 = [1.0] } } #"),
        "adapter.scale is {'up': {'block_7': [1.0]}}, expected a number, or numbers for some of",
    ),
    "pooling of states": (
        lambda parts: (
            adapter_of("plus")(parts)
            or replaced("places = 3", 'places = 3\npool = "embeddings"')(parts)
        ),
        "selfies.pool is 'embeddings', of which this adapter reads none",
    ),
    "PNDM": (
        replaced(EULER, 'scheduler = "PNDMScheduler"\nsettings = { skip_prk_steps = true }\n'),
        "3 steps of a PNDMScheduler look back at earlier predictions",
    ),
    "no scheduler": (replaced(EULER, 'scheduler = "Euler"\n'), "expected one of DDIMScheduler"),
    "thresholding": (
        replaced(EULER, "settings = { thresholding = true }\n"),
        "has thresholding, which clips what it predicts",
    ),
    "clipping": (
        replaced(EULER, "settings = { clip_sample = true }\n"),
        "has clip_sample, which clips what it predicts",
    ),
    "unknown setting": (
        replaced(EULER, "settings = { spacing = 1 }\n"),
        "sampler.settings has spacing, which a DDIMScheduler does not know",
    ),
    "noise without a picture": (
        replaced(
            EULER,
            'settings = { rescale_betas_zero_snr = true, timestep_spacing = "trailing" }\n',
        ),
        "give NaN or infinity",
    ),
}


def adapter_of(kind: str) -> Edit:
    """Put an adapter of another kind in the adapter's place."""

    def edit(parts: Path) -> None:
        from diffusers import UNet2DConditionModel

        from examples.assemble.make_parts import ip_adapter

        unet = UNet2DConditionModel.from_pretrained(parts / "base" / "unet")
        save_file(ip_adapter(unet, kind), parts / "ip-adapter.safetensors")

    return edit


@pytest.mark.parametrize("name", PARTS)
def test_parts_that_cannot_be_assembled_are_one_line(parts: Path, name: str) -> None:
    edit, message = PARTS[name]
    edit(parts)
    line = refused(parts)
    assert message in line, line
    if name in ("PNDM", "thresholding", "clipping"):
        assert "DDIMScheduler" in line and "EulerDiscreteScheduler" in line


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("ip-adapter.safetensors", "adapter: {file} is of another base: its "),
        ("style-lora.safetensors", "lora: {file} is of another model: it changes "),
        ("base/vae", "decoder: {file} scales latents by 0.13025, expected 0.18215 as the base's"),
    ],
)
def test_parts_of_stable_diffusion_xl_do_not_go_with_another_base(
    parts: Path, large: Path, part: str, message: str
) -> None:
    name = Path(part).name
    if name == "vae":
        shutil.copytree(large / part, parts / "vae")
        replaced('decoder = { path = "taesd"', 'decoder = { path = "vae"')(parts)
    else:
        shutil.copy(large / part, parts)
    line = refused(parts)
    assert message.format(file=parts / name) in line, line


def test_a_folder_that_is_no_assembled_model_is_left_alone(parts: Path) -> None:
    """A team's own base must not be replaced by what is made of it."""
    with pytest.raises(PublishError, match="not an assembled model; it is left alone"):
        assemble(parts / "avatar.toml", parts / "base")
    assert (parts / "base" / "unet").is_dir()
