"""A whole run of an assembled model is a run of diffusers' own pipeline on the raw parts."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import components
from avatar.model import Model, Networks, SamplerTable
from components.adapted.assembly import assemble
from components.reference import runner
from examples.assemble.make_parts import make_parts
from tests.components.adapted.own_pipeline import drawn, own_pipeline, pictures_of
from tests.field_reports.test_anchors import anchored

NEAR = 2e-5
SEED = 7

Parts = Callable[..., Path]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """From settings of `make_parts` to its `avatar.toml`, made once."""

    @cache
    def make(**settings: Any) -> Path:
        return make_parts(tmp_path_factory.mktemp("parts") / "parts", **settings)

    return make


@dataclass(frozen=True)
class Case:
    """An `avatar.toml` beside the parts, with its `[sampler]`."""

    file: Path

    @classmethod
    def of(cls, parts: Path, name: str, sampler: str, *, adapter: str = "") -> Case:
        """The example's file with another sampler, and perhaps other lines of its adapter."""
        text = parts.read_text(encoding="utf-8")
        before, _, after = text.partition("[sampler]")
        after = after[after.index("[[style]]") :]
        if "guidance = 1.0" in sampler:
            after = after.replace('negative = "photo"\n', "")
        if adapter:
            before = before.replace("scale = 0.7 ", f"{adapter} #")
        file = parts.with_name(f"{name}.toml")
        file.write_text(f"{before}[sampler]\n{sampler}\n\n{after}", encoding="utf-8")
        return cls(file)

    def compare(self, out: Path, *, style: int = 0, count: int = 1) -> None:
        """Assemble, run with every number of steps, and compare."""
        opened = components.load(assemble(self.file, out))
        networks = {name: runner(opened.component(name)) for name in opened.names}
        encoder, denoiser = opened.component("identity_encoder"), opened.component("denoiser")
        places, _, side, _ = encoder.inputs[0].shape
        selfies, mask = _selfies(count, places, side)
        pipeline = own_pipeline(self.file)
        sampler = tomllib.loads(self.file.read_text(encoding="utf-8"))["sampler"]
        facts = opened.facts()
        for steps in (sampler["steps"], *sampler.get("also", ())):
            model = Model(
                networks=Networks.of(networks),
                table=SamplerTable.from_dict(facts.sampler, steps),
                latent_shape=denoiser.inputs[0].shape,
                styles=("clay", "flat-icon"),
                places=places,
            )
            (got,) = model.draw(selfies[:count], style, [SEED])
            images = _images(pipeline, selfies, mask, guided=_guided(pipeline, sampler))
            want = drawn(pipeline, self.file, style, steps, SEED, **images)
            assert ((want > 0) & (want < 1)).mean() > 0.5 and want.std() > 0.02
            assert np.abs(got - want[0]).max() < NEAR, f"{steps} steps"


def _selfies(count: int, places: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.random.default_rng(1).integers(0, 256, (count, 3, side, side), np.uint8)
    padded, mask = np.zeros((places, 3, side, side), np.float32), np.zeros(places, np.float32)
    padded[:count], mask[:count] = pixels / np.float32(255), 1
    return padded, mask


def _guided(pipeline: Any, sampler: dict[str, Any]) -> bool:
    return sampler["guidance"] > 1 and pipeline.unet.config.time_cond_proj_dim is None


def _images(
    pipeline: Any, selfies: np.ndarray, mask: np.ndarray, *, guided: bool
) -> dict[str, Any]:
    """What diffusers is given of a person: a picture, or the mean embedding of several."""
    shown = pictures_of(selfies, mask)
    (projection,) = pipeline.unet.encoder_hid_proj.image_projection_layers
    face = type(projection).__name__ == "IPAdapterFaceIDImageProjection"
    if len(shown) == 1 and not face:
        return {"ip_adapter_image": [shown]}
    with torch.no_grad():
        mean = pipeline.image_encoder(shown).image_embeds.mean(0)[None, None]
    both = torch.cat([torch.zeros_like(mean), mean]) if guided else mean
    return {"ip_adapter_image_embeds": [both]}


EULER = 'scheduler = "EulerDiscreteScheduler"\nsettings = { timestep_spacing = "trailing" }\n'
SAMPLERS = {
    "the-bases-own-ddim": "steps = 3\nalso = [6]\nguidance = 5.0",
    "euler": f"{EULER}steps = 3\nalso = [2]\nguidance = 5.0",
    "turbo": f"{EULER}steps = 1\nalso = [2]\nguidance = 1.0",
    "karras": 'scheduler = "EulerDiscreteScheduler"\nsettings = { use_karras_sigmas = true }\n'
    "steps = 5\nguidance = 3.0",
    "tcd": 'scheduler = "TCDScheduler"\nsteps = 3\nalso = [1]\nguidance = 1.6',
    "tcd-with-fresh-noise": 'scheduler = "TCDScheduler"\nsteps = 4\nguidance = 1.0\neta = 0.3',
    "lcm": 'scheduler = "LCMScheduler"\nsteps = 3\nalso = [1]\nguidance = 1.8',
    "ancestral": 'scheduler = "EulerAncestralDiscreteScheduler"\nsteps = 5\nguidance = 3.0',
    "ddim-with-fresh-noise": "steps = 4\nguidance = 2.0\neta = 1.0",
    "v-prediction-to-zero-snr": "steps = 7\nguidance = 4.0\nsettings = { "
    'prediction_type = "v_prediction", rescale_betas_zero_snr = true, '
    'timestep_spacing = "trailing" }',
    "sample-prediction": 'steps = 5\nguidance = 4.0\nsettings = { prediction_type = "sample" }',
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_run_of_every_sampler_is_diffusers_own(parts: Parts, tmp_path: Path, name: str) -> None:
    Case.of(parts(), name, SAMPLERS[name]).compare(tmp_path / "model")


@pytest.mark.parametrize("kind", ["plus", "full", "faceid"])
def test_a_run_of_every_adapter_is_diffusers_own(parts: Parts, tmp_path: Path, kind: str) -> None:
    case = Case.of(parts(adapter=kind), kind, SAMPLERS["euler"])
    case.compare(tmp_path / "model", style=1)


def test_several_selfies_are_the_mean_of_their_embeddings(parts: Parts, tmp_path: Path) -> None:
    case = Case.of(parts(), "several", SAMPLERS["euler"])
    case.compare(tmp_path / "model", count=3)


def test_scales_by_block_are_diffusers_own(parts: Parts, tmp_path: Path) -> None:
    by_block = "scale = { up = { block_0 = [0.0, 1.0] }, down = { block_1 = [0.5] } }"
    case = Case.of(parts(), "blocks", SAMPLERS["euler"], adapter=by_block)
    case.compare(tmp_path / "model")


def test_guidance_that_a_network_takes_is_baked_in(parts: Parts, tmp_path: Path) -> None:
    sampler = 'scheduler = "LCMScheduler"\nsteps = 4\nguidance = 8.0'
    case = Case.of(parts(time_cond_proj_dim=32), "embedded", sampler)
    case.compare(tmp_path / "model")
    opened = components.load(tmp_path / "model")
    assert opened.facts().sampler["guidance"] == 1.0, "one call a step"


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "lcm"),  # fresh noise
        ({"adapter": "faceid"}, "ancestral"),
        ({"adapter": "plus"}, "v-prediction-to-zero-snr"),
        ({"large": True}, "tcd-with-fresh-noise"),
        ({"time_cond_proj_dim": 32}, "turbo"),
    ],
    ids=str,
)
def test_a_recorded_run_equals_its_anchor(
    parts: Parts, tmp_path: Path, settings: dict[str, Any], name: str
) -> None:
    case = Case.of(parts(**settings), f"{name}-anchored", SAMPLERS[name])
    assert anchored(components.load(assemble(case.file, tmp_path / "model"))).passed


@pytest.mark.parametrize("name", ["the-bases-own-ddim", "lcm"])
def test_a_run_of_stable_diffusion_xl_is_diffusers_own(
    parts: Parts, tmp_path: Path, name: str
) -> None:
    case = Case.of(parts(large=True), name, SAMPLERS[name])
    case.compare(tmp_path / "model", style=0)
    case.compare(tmp_path / "model", style=1)  # without a negative prompt: zeros


def test_several_selfies_of_states_are_the_mean_of_their_tokens(
    parts: Parts, tmp_path: Path
) -> None:
    """diffusers puts tokens side by side instead, so that tokens are compared, by its layers."""
    case = Case.of(parts(adapter="plus"), "tokens", SAMPLERS["turbo"])
    encoder = components.load(assemble(case.file, tmp_path / "model")).component("identity_encoder")
    selfies, mask = _selfies(2, *encoder.inputs[0].shape[:3:2])
    made = runner(encoder)({"selfies": selfies, "selfie_mask": mask})["identity_tokens"]
    pipeline = own_pipeline(case.file)
    (projection,) = pipeline.unet.encoder_hid_proj.image_projection_layers
    with torch.no_grad():
        shown = pictures_of(selfies, mask)
        states = pipeline.image_encoder(shown, output_hidden_states=True).hidden_states[-2]
        want = projection(states).mean(0).numpy()
    assert np.abs(made[0, :-1] - want).max() < NEAR and (made[0, -1] == 1).all()
    nobody = runner(encoder)({"selfies": selfies * 0, "selfie_mask": mask * 0})["identity_tokens"]
    assert (nobody[0, -1] == 0).all()
