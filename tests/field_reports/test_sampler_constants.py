"""Kind 1: an app can run the sampler and the tokenizer from the artifact's manifest alone."""

from __future__ import annotations

import json
from inspect import signature
from itertools import pairwise
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import components
from components import CheckpointError
from components.diffusion.schedulers import KINDS
from export import Manifest, SamplerEntry, TokenizerEntry, open_artifact, verify
from export.errors import ArtifactError, ManifestError
from export.exporter import Request, export
from support.json_records import from_plain

CLASSES = {name: kind for kind, name in KINDS.items()}
# Doubles, because some schedules have sigmas of 20,000, beside which float32 rounds visibly.
NOISE = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(3)).double()
DRAWN = 17
"""Seed of the noise that a run draws after the first."""
PROMPTS = ("a lighthouse", "", "A  Café, at dusk!", "words and words and words and words")


def edit(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def prediction(call: int) -> torch.Tensor:
    """Stands for a UNet. It ignores its input, so that rounding does not grow from call to call."""
    return torch.randn(NOISE.shape, generator=torch.Generator().manual_seed(call)).double()


def prk_steps(scheduler: Any) -> bool:
    """Whether it begins with Runge-Kutta steps, which need four steps in all."""
    return not getattr(scheduler.config, "skip_prk_steps", True)


def library_run(scheduler: Any, steps: int) -> torch.Tensor:
    """All inputs of the denoiser and the last latents, by diffusers' scheduler."""
    scheduler.set_timesteps(steps)
    latents, seen = NOISE * scheduler.init_noise_sigma, []
    taken = signature(scheduler.step).parameters
    arguments = {"eta": 0.0, "generator": torch.Generator().manual_seed(DRAWN)}
    arguments = {name: value for name, value in arguments.items() if name in taken}
    for call, timestep in enumerate(scheduler.timesteps):
        seen.append(scheduler.scale_model_input(latents, timestep))
        latents = scheduler.step(prediction(call), timestep, latents, **arguments).prev_sample
    return torch.stack([*seen, latents])


def run_by_weights(table: Any, drawn_as: torch.dtype = torch.float64) -> torch.Tensor:
    """The same by a table of the manifest: the loop that an app writes, for every scheduler."""
    terms = [NOISE, *map(prediction, range(len(table.timesteps)))]
    assert [len(row) for row in table.weights] == [*range(1, len(terms) + 1)]
    rows = [sum(w * term for w, term in zip(row, terms, strict=False)) for row in table.weights]
    if table.noises:
        generator = torch.Generator().manual_seed(DRAWN)
        drawn = [
            torch.randn(NOISE.shape, generator=generator, dtype=drawn_as) for _ in table.noises[-1]
        ]
        assert len(table.noises) == len(rows) and list(table.noises[0]) == []
        for index, row in enumerate(table.noises):
            rows[index] = rows[index] + sum(w * z for w, z in zip(row, drawn, strict=False))
    return torch.stack(rows)


def close(found: torch.Tensor, expected: torch.Tensor, largest: float = 1.0) -> bool:
    """Equal but for the rounding of float32 of the largest number on the way."""
    scale = max(float(largest), float(expected.abs().max()))
    return bool(torch.allclose(found, expected, rtol=0, atol=4e-6 * scale))


def manifest_sampler(checkpoint: Path) -> SamplerEntry:
    """The entry as a manifest has it, after a way through JSON."""
    sampler = components.load(checkpoint).facts().sampler
    made: SamplerEntry = from_plain(SamplerEntry, sampler, ManifestError)
    return made


COMMON: list[dict[str, Any]] = [
    {},
    {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"},
    {"beta_schedule": "squaredcos_cap_v2"},
    {"trained_betas": np.linspace(1e-4, 3e-2, 500).tolist(), "num_train_timesteps": 500},
    {"prediction_type": "v_prediction", "timestep_spacing": "trailing"},
    {"timestep_spacing": "leading"},
]
ZERO = {
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
    "rescale_betas_zero_snr": True,
}
SIGMAS = [{name: True} for name in ("use_karras_sigmas", "use_exponential_sigmas")]
MULTISTEP: list[dict[str, Any]] = [
    *SIGMAS,
    *({"solver_order": order} for order in (1, 3)),
    {"lower_order_final": False, "final_sigmas_type": "sigma_min"},
    {"prediction_type": "sample"},
    {**ZERO, "beta_schedule": "scaled_linear"},
]
OWN: dict[str, list[dict[str, Any]]] = {
    "DDIMScheduler": [ZERO, {"set_alpha_to_one": False}, {"prediction_type": "sample"}],
    "PNDMScheduler": [{"skip_prk_steps": True}, {"skip_prk_steps": True, "set_alpha_to_one": True}],
    "EulerDiscreteScheduler": [
        *SIGMAS,
        ZERO,
        {"final_sigmas_type": "sigma_min"},
        {"interpolation_type": "log_linear"},
        {"timestep_type": "continuous", "prediction_type": "v_prediction"},
        {"sigma_min": 0.05, "sigma_max": 12.0, "use_karras_sigmas": True},
    ],
    "DPMSolverMultistepScheduler": [
        *MULTISTEP,
        {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"},
        {"algorithm_type": "sde-dpmsolver++"},
        {"solver_type": "heun"},
        {"euler_at_final": True},
        {"use_lu_lambdas": True},
        {"lambda_min_clipped": -5.1},
        {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": 3.0},
    ],
    "UniPCMultistepScheduler": [
        *MULTISTEP,
        {"solver_type": "bh1", "final_sigmas_type": "sigma_min"},
        {"predict_x0": False, "final_sigmas_type": "sigma_min"},
        {"disable_corrector": [0, 1]},
    ],
}


DRAWN_AS = {"DPMSolverMultistepScheduler": torch.float32}
"""Schedulers that draw noise in another type than that of the predictions."""
UNKNOWN = {"KDPM2DiscreteScheduler": ("sample",), "KDPM2AncestralDiscreteScheduler": ("sample",)}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_manifest_alone_gives_the_trajectory_of_every_scheduler(sd: Path, kind: str) -> None:
    edit(sd / "model_index.json", scheduler=["diffusers", kind])
    config = sd / "scheduler" / "scheduler_config.json"
    for chosen in (*COMMON, *OWN.get(kind, ())):
        config.write_text(json.dumps({"_class_name": kind, **chosen}))
        known = signature(getattr(diffusers, kind).__init__).parameters
        corrected = {"steps_offset": 1, "clip_sample": False}
        corrected = {name: value for name, value in corrected.items() if name in known}
        if chosen.keys() - known.keys() or chosen.get("prediction_type") in UNKNOWN.get(kind, ()):
            continue
        expected = getattr(diffusers, kind)(**{**chosen, **corrected})
        numbers = (4, 1, 2, 8) if kind in ("LCMScheduler", "TCDScheduler") else (20, 4, 50)
        numbers = tuple(dict.fromkeys((*numbers, 4 if prk_steps(expected) else 3)))
        if not all(library_run(expected, steps).isfinite().all() for steps in numbers):
            with pytest.raises(CheckpointError, match="NaN or infinity"):
                components.load(sd)
            continue
        sampler, largest = manifest_sampler(sd), expected.init_noise_sigma
        for table, steps in zip((sampler, *sampler.also), numbers, strict=True):
            found = run_by_weights(table, DRAWN_AS.get(kind, torch.float64))
            assert close(found, library_run(expected, steps), largest), (chosen, steps)
        # Any other number of steps: diffusers' class, or an app's own, made of the manifest.
        assert sampler.schedule is not None
        rebuilt = getattr(diffusers, CLASSES[sampler.kind])(**sampler.schedule.settings)
        assert close(library_run(rebuilt, 7), library_run(expected, 7)), chosen
        held = torch.tensor(sampler.schedule.alphas_cumprod)
        assert torch.equal(held, expected.alphas_cumprod), chosen


def test_ddim_as_an_app_writes_it(sd: Path) -> None:
    """Denoising diffusion implicit models (arXiv 2010.02502), equation 12, without noise."""
    config = sd / "scheduler" / "scheduler_config.json"
    edit(config, beta_start=0.00085, beta_end=0.012, set_alpha_to_one=False)
    schedule = manifest_sampler(sd).schedule
    assert schedule is not None and schedule.settings["set_alpha_to_one"] is False
    alphas, latents = schedule.alphas_cumprod, NOISE
    stride = len(alphas) // 10
    for call, timestep in enumerate(range(9 * stride + 1, 0, -stride)):
        earlier = timestep - stride
        a, b = alphas[timestep], alphas[max(earlier, 0)]
        noise = prediction(call)
        clean = (latents - (1 - a) ** 0.5 * noise) / a**0.5
        latents = b**0.5 * clean + (1 - b) ** 0.5 * noise
    scheduler = diffusers.DDIMScheduler.from_pretrained(sd, subfolder="scheduler")
    assert close(latents, library_run(scheduler, 10)[-1])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    steps=st.integers(1, 30),
    end=st.floats(0.005, 0.05),
    spacing=st.sampled_from(["leading", "trailing", "linspace"]),
    predicts=st.sampled_from(["epsilon", "v_prediction"]),
)
def test_every_loop_is_a_table_of_weights(
    kind: str, steps: int, end: float, spacing: str, predicts: str
) -> None:
    """Law: for any schedule and number of steps a table gives what the scheduler gives."""
    from components.diffusion.schedulers import weights

    settings = {
        "beta_end": end,
        "timestep_spacing": spacing,
        "prediction_type": predicts,
        "steps_offset": 1,
        "clip_sample": False,
    }
    known = signature(getattr(diffusers, kind).__init__).parameters
    scheduler = getattr(diffusers, kind)(
        **{name: value for name, value in settings.items() if name in known}
    )
    try:
        expected = library_run(scheduler, steps)
    except (IndexError, ValueError, ZeroDivisionError, UnboundLocalError):
        return  # diffusers itself cannot do it, and says so when a checkpoint is opened
    scheduler.set_timesteps(steps)
    timesteps, loop = tuple(map(float, scheduler.timesteps)), weights(scheduler)
    table = SamplerEntry(
        prediction=predicts,
        guidance=1.0,
        timesteps=timesteps,
        weights=loop.weights,
        noises=loop.noises,
    )
    assert torch.isfinite(expected).all()
    assert close(run_by_weights(table), expected)


def app_ids(folder: Path, entry: TokenizerEntry, prompt: str) -> list[int]:
    """Byte-pair encoding as an app writes it, of ASCII text, from the manifest's two files."""
    import re

    vocabulary = json.loads((folder / entry.vocabulary).read_text())
    lines = (folder / entry.merges).read_text().split("\n")[1:]
    ranks = {tuple(line.split()): rank for rank, line in enumerate(lines) if line}
    ids = []
    for word in re.findall(r"'s|[a-z]+|[0-9]|[^\sa-z0-9]+", prompt.lower()):
        parts = [*word[:-1], f"{word[-1]}</w>"]
        while pairs := [pair for pair in pairwise(parts) if pair in ranks]:
            first = min(pairs, key=lambda pair: ranks[pair])
            at = next(i for i, pair in enumerate(pairwise(parts)) if pair == first)
            parts[at : at + 2] = ["".join(first)]
        ids += [vocabulary.get(part, entry.unknown) for part in parts]
    ids = [entry.start, *ids[: entry.length - 2], entry.end]
    return ids + [entry.pad] * (entry.length - len(ids))


@pytest.mark.parametrize("one_file", [False, True])
def test_a_manifest_alone_gives_the_token_ids(sd: Path, tmp_path: Path, one_file: bool) -> None:
    from transformers import CLIPTokenizer, CLIPTokenizerFast

    vocabulary = json.loads((sd / "tokenizer" / "vocab.json").read_text())
    vocabulary |= {"li": len(vocabulary), "us": len(vocabulary) + 1, "us</w>": len(vocabulary) + 2}
    (sd / "tokenizer" / "vocab.json").write_text(json.dumps(vocabulary))
    (sd / "tokenizer" / "merges.txt").write_text("#version: 0.2\nl i\nu s</w>\nu s\n")
    library = CLIPTokenizer.from_pretrained(sd / "tokenizer")
    if one_file:
        CLIPTokenizerFast.from_pretrained(sd / "tokenizer").save_pretrained(sd / "tokenizer")
        (sd / "tokenizer" / "vocab.json").unlink()
        (sd / "tokenizer" / "merges.txt").unlink()
    edit(sd / "text_encoder" / "config.json", vocab_size=len(vocabulary))
    made = components.load(sd).write_tokenizers(tmp_path)["tokenizer"]
    entry: TokenizerEntry = from_plain(TokenizerEntry, made, ManifestError)
    for prompt in ("a lighthouse", "", "Bus, usual lilies", "words and words and words"):
        expected = library(prompt, padding="max_length", truncation=True).input_ids
        assert app_ids(tmp_path, entry, prompt) == expected, prompt
    again = CLIPTokenizer.from_pretrained(tmp_path / "tokenizer")
    for prompt in PROMPTS:
        assert again(prompt).input_ids == library(prompt).input_ids


def test_an_artifact_holds_both(sd: Path, tmp_path: Path) -> None:
    """The whole way: what stands in the published folder is listed with its checksum."""
    out = tmp_path / "out"
    export(Request(checkpoint=sd, format="onnx", out=out))
    manifest = Manifest.parse((out / "manifest.json").read_bytes())
    assert manifest.sampler == manifest_sampler(sd)
    entry = manifest.tokenizer
    assert entry is not None and entry.length == 16 and entry.whole["<|endoftext|>"] == entry.end
    listed = {file.path for file in manifest.files}
    assert {entry.vocabulary, entry.merges, "tokenizer/tokenizer_config.json"} <= listed
    assert verify(out)
    for name in (entry.vocabulary, entry.merges):
        data = (out / name).read_bytes()
        (out / name).write_bytes(data[:-1] + b"?")
        with pytest.raises(ArtifactError, match=name):
            verify(out)
        (out / name).write_bytes(data)
    assert open_artifact(out).manifest == manifest
