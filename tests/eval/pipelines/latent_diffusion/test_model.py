"""Recorded runs of every kind of latent diffusion, in PyTorch alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import components
from components.diffusion.latent_diffusion import RECORDED
from components.metrics import psnr
from components.reference import runner
from eval.cases import MODES
from eval.pipelines.latent_diffusion.kind import LatentDiffusionKind
from eval.reference import ArrayCache, RecordedRun, Reference
from eval.request import Request
from export import gates
from tests.components.tiny import PIPELINES
from tests.exports import Exports

KINDS = [name for name in PIPELINES if not name.endswith("AvatarPipeline")]
ALL = replace(MODES["quick"], prompt_calls=0)

Make = Callable[[str], tuple[LatentDiffusionKind, Reference]]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are slower with several threads, which wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def make(exports: Exports, tmp_path: Path) -> Make:
    def call(pipeline: str) -> tuple[LatentDiffusionKind, Reference]:
        checkpoint = exports.checkpoint(pipeline)
        request = Request(
            artifacts=(), checkpoint=checkpoint, mode=ALL, out=tmp_path, cache=tmp_path
        )
        cache = ArrayCache(tmp_path)
        kind = LatentDiffusionKind(request, cache)
        return kind, Reference("reference", components.load(checkpoint), cache, kind.model)

    return call


@pytest.mark.parametrize("pipeline", KINDS)
def test_a_recorded_run_is_the_librarys_and_its_calls_are_the_components(
    make: Make, pipeline: str
) -> None:
    kind, reference = make(pipeline)
    cases = kind.cases(reference.model)
    (run,) = cases.runs
    recorded = reference.recorded(run)
    anchor = reference.anchor()
    assert anchor is not None and psnr(anchor, recorded.picture, peak=1.0) >= gates.ANCHOR
    assert len(recorded.latents) == len(reference.model.timesteps(run.steps))

    called = Counter(name.split(".")[0] + "." + name.split(".")[1] for name in recorded.values)
    counts = Counter(name.partition(".")[0] for name in called)
    assert counts == {k: n for k, n in reference.model.call_counts(run).items() if n}

    calls = reference.calls(cases)
    assert {call.where.step for call in calls["unet"]} == set(range(len(recorded.latents)))
    for name, made in calls.items():
        alone = runner(reference.components[name])
        for call in made[:2]:
            for output, expected in alone(call.inputs).items():
                np.testing.assert_array_equal(reference.output(call)[output], expected)


def test_a_run_is_the_same_after_it_was_kept_and_with_one_component_in_memory(
    make: Make, tmp_path: Path
) -> None:
    kind, reference = make("StableDiffusionPipeline")
    (run,) = kind.cases(reference.model).runs
    recorded = reference.recorded(run)
    kept = RecordedRun.of(recorded.arrays())
    streamed = Reference(
        "reference",
        reference.pipeline,
        ArrayCache(tmp_path / "other"),
        kind.model,
        one_at_a_time=True,
    )
    alone = streamed.recorded(run)
    for name, array in recorded.arrays().items():
        np.testing.assert_array_equal(kept.arrays()[name], array)
        np.testing.assert_array_equal(alone.arrays()[name], array)
    assert len(streamed.components._held) == 1


def test_fewer_calls_are_spread_over_the_run(make: Make) -> None:
    kind, reference = make("StableDiffusionPipeline")
    cases = kind.cases(reference.model)
    few = replace(cases, mode=replace(ALL, prompt_calls=3))
    everything, some = reference.calls(cases)["unet"], reference.calls(few)["unet"]
    assert len(everything) == 2 * RECORDED and len(some) == 3
    assert [some[0].key, some[-1].key] == [everything[0].key, everything[-1].key]
