from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline

import components
from avatar.model import AvatarPipeline
from avatar.selfies import rules_to_dicts
from components import Arrays, Recording, reference
from components.diffusion.example import PROMPT
from components.diffusion.latent_diffusion import RECORDED as STEPS
from components.pipelines.stable_diffusion import StableDiffusionComponents


def same(first: Arrays, second: Arrays) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(first[name], second[name]) for name in first
    )


@pytest.fixture(scope="module", params=["avatar", "sd"])
def recorded(request: pytest.FixtureRequest) -> tuple[components.PipelineComponents, Recording]:
    pipeline = components.load(request.getfixturevalue(f"{request.param}_checkpoint"))
    return pipeline, components.record(pipeline, seed=3, cases=2)


def test_cases_are_real_calls(
    recorded: tuple[components.PipelineComponents, Recording],
) -> None:
    pipeline, recording = recorded
    assert tuple(recording.calls) == pipeline.names
    for name in pipeline.names:
        component = pipeline.component(name)
        assert 1 <= len(recording.calls[name]) <= 2
        for case in recording.calls[name]:
            component.check(case.inputs)
            # Recorded on one thread, so another number of threads may round otherwise.
            for name_, value in reference.runner(component)(case.inputs).items():
                np.testing.assert_allclose(value, case.outputs[name_], atol=1e-5)


def test_first_and_last_call_of_the_sampler_are_kept(
    recorded: tuple[components.PipelineComponents, Recording],
) -> None:
    pipeline, recording = recorded
    timesteps = [float(case.inputs["timestep"][0]) for case in recording.calls[pipeline.names[1]]]
    sampler = pipeline.facts().sampler
    entries = (sampler, *sampler.get("also", ()))
    lengths = {len(entry["timesteps"]): entry["timesteps"] for entry in entries}
    table = lengths[recording.steps] if recording.steps else sampler["timesteps"]
    assert timesteps == [table[0], table[-1]]


def test_same_seed_same_recording_whatever_the_threads(
    recorded: tuple[components.PipelineComponents, Recording],
) -> None:
    pipeline, recording = recorded
    threads = torch.get_num_threads()
    torch.set_num_threads(3 - min(threads, 2))  # another number of threads than before
    try:
        again = components.record(pipeline, seed=3, cases=2)
    finally:
        torch.set_num_threads(threads)
    assert same(again.run.inputs, recording.run.inputs)
    assert same(again.run.outputs, recording.run.outputs)
    other = pipeline.example_run(4)
    assert not same(other, recording.run.inputs)


def test_outputs_have_the_shapes_and_ranges_that_are_promised(
    recorded: tuple[components.PipelineComponents, Recording],
) -> None:
    pipeline, recording = recorded
    for name in pipeline.names:
        for spec in pipeline.component(name).outputs:
            for case in recording.calls[name]:
                spec.check(case.outputs[spec.name])
                if spec.range:
                    low, high = spec.range
                    assert low <= case.outputs[spec.name].min()
                    assert case.outputs[spec.name].max() <= high


def test_an_avatars_run_is_the_pipelines_own(avatar_checkpoint: Path) -> None:
    listed = components.load(avatar_checkpoint)
    inputs = listed.example_run(5)
    pipeline = AvatarPipeline.from_pretrained(avatar_checkpoint)
    present = inputs["selfies"][inputs["selfie_mask"] == 1]
    expected = pipeline(present, style=int(inputs["style"][0]), seeds=[5])
    got = listed.run(reference.runners(listed), inputs)
    np.testing.assert_allclose(got["avatar"], expected, atol=1e-6)


def test_stable_diffusions_run_is_diffusers_own(sd_checkpoint: Path) -> None:
    listed = components.load(sd_checkpoint)
    inputs = listed.example_run(5)
    pipeline = StableDiffusionPipeline.from_pretrained(sd_checkpoint, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    expected = pipeline(
        PROMPT,
        num_inference_steps=STEPS,
        guidance_scale=StableDiffusionComponents.default_guidance,
        latents=torch.from_numpy(inputs["noise"]),
        height=32,
        width=32,
        output_type="np",
    ).images
    got = listed.run(reference.runners(listed), inputs)
    np.testing.assert_allclose(np.moveaxis(got["image"], 1, 3), expected, atol=1e-4)


def test_styles_of_the_avatar_carry_tier_licence_and_creator(avatar_checkpoint: Path) -> None:
    facts = components.load(avatar_checkpoint).facts()
    assert [style["tier"] for style in facts.styles] == ["free"] * 3 + ["plus"] * 3
    assert facts.selfie_rules == rules_to_dicts()
    for style in facts.styles:
        assert style["licence_url"].startswith("https://"), style
        assert style["creator"] and style["source_url"].startswith("http"), style


def test_selfies_of_a_run_are_of_8_bits_as_from_files(avatar_checkpoint: Path) -> None:
    inputs = components.load(avatar_checkpoint).example_run(0)
    steps = inputs["selfies"] * 255
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-4)
    present = int(inputs["selfie_mask"].sum())
    assert 1 < present < 10
    assert inputs["selfies"][:present].std(axis=(1, 2, 3)).min() > 0.05
    assert not inputs["selfies"][present:].any()
