"""Runs of an assembled model whose sampler draws fresh noise, and what its encoder sees in them."""

from __future__ import annotations

import numpy as np
import pytest

from components.adapted.assembly import assemble
from components.metrics import psnr
from eval.cases import MODES
from eval.pipelines.adapted_avatar.kind import AdaptedAvatarModel
from eval.pipelines.avatar import AvatarCases, SelfieSet
from eval.pipelines.avatar.identity_set import TOKENS, IdentitySet
from eval.reference import RecordedRun
from eval.request import Request
from eval.tasks.workspace import Workspace
from examples.assemble.make_parts import make_parts

SAMPLER = """scheduler = "LCMScheduler"
steps = 3
guidance = 1.6
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("lcm")
    file = make_parts(folder / "parts")
    before, _, after = file.read_text().partition("[sampler]\n")
    file.write_text(f"{before}[sampler]\n{SAMPLER}\n{after[after.index('[[style]]') :]}")
    checkpoint = assemble(file, folder / "model")
    request = Request(
        artifacts=(), checkpoint=checkpoint, mode=MODES["quick"], out=folder, cache=folder / "cache"
    )
    return Workspace(request)


def test_a_run_with_fresh_noise_is_diffusers_own(workspace: Workspace) -> None:
    reference, run = workspace.reference, workspace.cases.runs[1]
    model = reference.model
    assert isinstance(model, AdaptedAvatarModel) and model.table(3).draws == 2
    inputs = {**model.selfies.inputs(run.selfies), "style": model.style(run.style)}
    (expected,) = reference.pipeline.anchor(inputs, run.seed).values()
    found = reference.recorded(run)
    assert len(found.latents) == 3 and psnr(expected, found.picture, peak=1.0) > 100


def test_calls_are_those_of_the_run_and_few(workspace: Workspace) -> None:
    reference = workspace.reference
    calls = workspace.calls
    assert all(len(held) <= MODES["quick"].prompt_calls for held in calls.values())
    for held in calls.values():
        call = held[-1]
        (again,) = reference.model.runners[call.component](call.inputs).values()
        assert np.array_equal(again, next(iter(reference.output(call).values())))


def test_the_encoder_finds_a_person_in_their_own_selfie(workspace: Workspace) -> None:
    reference, cases = workspace.reference, workspace.cases
    assert isinstance(cases, AvatarCases)
    model, looking = reference.model, IdentitySet(workspace.cache)
    assert isinstance(model, AdaptedAvatarModel)
    (one, other) = (SelfieSet.first(run.selfies.person, 1) for run in cases.judged)
    shown = model.selfies.inputs(one)["selfies"][:1]
    (seen,) = looking.see(reference, [RecordedRun(latents=(), picture=shown)])[TOKENS]
    mine, theirs = (model.identity(model.tokens(person))[0] for person in (one, other))
    assert psnr(mine, seen, peak=1.0) > 30 > psnr(theirs, seen, peak=1.0)
    assert len(seen) == model.tokens(one).shape[1] - 1, "that somebody is there is no identity"
