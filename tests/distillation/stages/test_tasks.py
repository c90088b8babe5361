"""Every stage's task, trained for a few steps on a few made-up people."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from avatar.model import (
    AvatarPipeline,
    Decoder,
    Denoiser,
    IdentityEncoder,
    LatentEncoder,
    Sampler,
    SamplerTable,
    Sketch,
)
from avatar.people import STYLES, write_shards
from distillation.data import MadeUpPeople, augment, sample_selfies
from distillation.errors import DataError, RunError
from distillation.run_folder import cached_latents, copy_weights, encode_drawings, load_part
from distillation.stages.autoencoder import Autoencoder, AutoencoderTask, scale_latents
from distillation.stages.conditioning import encode_people
from distillation.stages.grids import by_sampling
from distillation.stages.identity import (
    IdentityNetwork,
    IdentityTask,
    load_identity,
    sketch_error,
)
from distillation.stages.shrink import ShrinkTask, StudentWithBridges, smaller
from distillation.stages.student import (
    FEW_STEPS,
    StudentTask,
    halvings,
    nearer_points,
    segment_end,
    start_points,
)
from distillation.stages.teacher import TeacherTask
from distillation.training import step_rng
from tests.distillation.learning import loss_falls


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    write_shards(folder, 4, seed=7, selfies=2, avatars=1, workers=1)
    return folder


@pytest.fixture(scope="module")
def people(folder: Path) -> MadeUpPeople:
    return MadeUpPeople(folder, folder)


@pytest.fixture
def small() -> Iterator[tuple[IdentityNetwork, Denoiser, Decoder, LatentEncoder]]:
    torch.manual_seed(0)
    yield (
        IdentityNetwork(
            IdentityEncoder(widths=(8, 8, 16), feature_width=32), Sketch(style_width=16)
        ),
        Denoiser(widths=(16, 32), embedding_width=32, style_width=16),
        Decoder(widths=(16, 16, 16), blocks=(1, 1, 1), output_width=4),
        LatentEncoder(widths=(16, 16), blocks=(1, 1)),
    )


def test_people_are_read_as_they_were_made(people: MadeUpPeople) -> None:
    assert people.selfies.shape == (4, 2, 3, 128, 128) and people.labels.shape == (4, 8)
    assert {drawing.person for drawing in people.drawings} == {0, 1, 2, 3}
    assert {drawing.style for drawing in people.drawings} == set(range(len(STYLES)))
    assert people.drawings[0].pixels().shape == (256, 256, 3)
    for person, labels in zip(people.identities, people.labels, strict=True):
        assert list(person.labels.values()) == labels.tolist()


def test_selfies_and_drawings_pair_only_where_they_are_the_same_people(
    folder: Path, tmp_path: Path
) -> None:
    write_shards(tmp_path / "drawings", 2, seed=7, selfies=0, avatars=1, workers=1)
    paired = MadeUpPeople(folder, tmp_path / "drawings")
    assert len(paired) == 2 and paired.selfies.shape[1] == 2 and paired.drawings
    write_shards(tmp_path / "others", 2, seed=8, selfies=0, avatars=1, workers=1)
    with pytest.raises(DataError, match="somebody else"):
        MadeUpPeople(folder, tmp_path / "others")


def test_each_part_learns(
    people: MadeUpPeople, small: tuple[IdentityNetwork, Denoiser, Decoder, LatentEncoder]
) -> None:
    first, denoiser, decoder, encoder = small
    autoencoder = Autoencoder(encoder, decoder)
    assert loss_falls(
        AutoencoderTask(autoencoder, people.drawings, people.drawings[:2]), autoencoder, batch=4
    )
    scale_latents(autoencoder.eval(), people.drawings)
    latents = encode_drawings(encoder, people.drawings)
    std = latents.float().std(dim=(0, 2, 3))
    np.testing.assert_allclose(std, 1, atol=0.01)
    identity = IdentityTask(first, people, latents, people, decoder)
    before = sketch_error(first, people, latents)
    assert loss_falls(identity, first, batch=8)
    assert sketch_error(first, people, latents) < before
    teacher = TeacherTask(denoiser, first.encoder, people, latents, people, decoder)
    kept = {name: value.clone() for name, value in first.encoder.state_dict().items()}
    assert loss_falls(teacher, denoiser, batch=8)
    for name, value in first.encoder.state_dict().items():
        assert torch.equal(value, kept[name]), "the encoder stays as it was trained"
    for task in (identity, teacher):
        with torch.inference_mode():
            assert task.grid().size == (256 * (1 + len(STYLES)), 256 * 4)


def test_sampled_selfies_are_as_many_as_their_mask_says(people: MadeUpPeople) -> None:
    selfies, mask = sample_selfies(people, np.array([0, 1, 2, 3]), step_rng(0, 1), most=3)
    assert selfies.shape == (4, 2, 3, 128, 128), "no more than there are"
    counts = (selfies.flatten(2).abs().sum(2) > 0).sum(1)
    assert torch.equal(counts.float(), mask.sum(1)) and mask.sum(1).min() >= 1


def test_augmented_selfies_keep_their_content(people: MadeUpPeople) -> None:
    selfies = torch.from_numpy(people.selfies[:, 0]).float() / 255
    changed = augment(selfies, step_rng(0, 1))
    assert changed.shape == selfies.shape and not torch.equal(changed, selfies)
    assert changed.min() >= 0 and changed.max() <= 1
    np.testing.assert_allclose(changed.mean((2, 3)), selfies.mean((2, 3)), atol=0.1)
    assert torch.equal(augment(selfies, step_rng(0, 1)), changed)


def test_absent_selfies_change_nothing(
    people: MadeUpPeople, small: tuple[IdentityNetwork, Denoiser, Decoder, LatentEncoder]
) -> None:
    reader = small[0].eval()
    selfies = torch.from_numpy(people.selfies[:2]).float() / 255
    mask = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    with torch.inference_mode():
        tokens = encode_people(reader.encoder, selfies, mask)
        for person in range(2):
            alone = reader.encoder(selfies[person], mask[person])
            np.testing.assert_allclose(tokens[person], alone[0], atol=1e-5)


def test_a_smaller_denoiser_starts_as_the_teacher_where_shapes_allow(
    people: MadeUpPeople, small: tuple[IdentityNetwork, Denoiser, Decoder, LatentEncoder]
) -> None:
    reader, teacher, decoder, _ = small
    same = smaller(teacher, (16, 32), 1)
    for name, value in same.state_dict().items():
        assert torch.equal(value, teacher.state_dict()[name])
    narrow = smaller(teacher, (16, 16), 1)
    mine, theirs = (each.unet.conv_norm_out.weight for each in (narrow, teacher))
    assert torch.equal(mine, theirs)
    mine, theirs = (each.unet.mid_block.resnets[0].conv1.weight for each in (narrow, teacher))
    assert torch.equal(mine, theirs[:16, :16])
    latents = torch.randn(len(people.drawings), 8, 32, 32)
    for student in (same, narrow):
        network = StudentWithBridges(student, teacher)
        task = ShrinkTask(network, teacher, reader.encoder, people, latents, people, decoder)
        with torch.no_grad():
            losses = task.losses(network, task.sample(step_rng(0, 0), 8), 0.5)
        if student is same:
            assert losses["output"] == 0 and losses["features"] == 0, "nothing to learn from itself"
        assert loss_falls(task, network, batch=8, steps=40)
        with torch.inference_mode():
            assert task.grid().size == (256 * (1 + len(STYLES)), 256 * 4)


def test_a_student_starts_as_its_teacher_and_learns_to_end_where_guided_it_ends(
    people: MadeUpPeople, small: tuple[IdentityNetwork, Denoiser, Decoder, LatentEncoder]
) -> None:
    reader, denoiser, decoder, encoder = small
    guided = Sampler(steps=16, guidance=3.0)
    pipeline = AvatarPipeline(reader.encoder, denoiser, decoder, encoder, guided)
    task = StudentTask(pipeline, people, torch.randn(len(people.drawings), 8, 32, 32), people)
    before = {name: value.clone() for name, value in denoiser.state_dict().items()}
    for name, value in task.network.state_dict().items():
        assert torch.equal(value, before[name])
    inputs = (torch.randn(6, 8, 128), torch.arange(6, dtype=torch.int32), 0)

    def ended(network: Denoiser, table: SamplerTable) -> Tensor:
        with torch.inference_mode():
            return by_sampling(network, reader.encoder.null_tokens, table)(*inputs)

    def error(steps: int) -> float:
        wanted = ended(denoiser, guided.table())
        return float(F.mse_loss(ended(task.network, FEW_STEPS.table(steps)), wanted))

    first = {steps: error(steps) for steps in (1, 2)}
    optimizer = torch.optim.AdamW(task.network.parameters(), lr=1e-3)
    for step in range(60):
        loss = task.losses(task.network, task.sample(step_rng(0, step), 16), 0.5)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert error(1) < 0.7 * first[1] and error(2) < 0.95 * first[2]
    odd = task.sample(step_rng(0, 0), 6)
    assert task.losses(task.network, odd, 0.5)["loss"].isfinite(), "not by fours"
    for name, value in denoiser.state_dict().items():
        assert torch.equal(value, before[name]), "the teacher stays as it is"
    with torch.inference_mode():
        assert task.grid().size == (256 * (1 + len(STYLES)), 256 * 4)


def test_a_student_starts_only_from_weights_of_its_shape(tmp_path: Path) -> None:
    shape = {"widths": (16, 32), "embedding_width": 32, "style_width": 16}
    first, second = Denoiser(**shape), Denoiser(**shape)
    copy_weights(first, second, tmp_path)
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    with pytest.raises(RunError, match="another shape"):
        copy_weights(Denoiser(**{**shape, "widths": (16, 48)}), second, tmp_path)


def test_the_two_points_come_closer_over_the_training() -> None:
    found = [halvings(progress) for progress in np.linspace(0, 1, 61, endpoint=False)]
    assert found == sorted(found) and set(found) == {2, 3}


def test_start_points_are_often_where_the_sampler_calls() -> None:
    points = start_points(step_rng(0, 0), 4000)
    far, single_call, own = (points[name] for name in ("far", "single_call", "own"))
    assert far.min() > 0 and far.max() <= 1
    there = torch.isin(far, torch.tensor([1, 0.75, 0.5, 0.25]))
    assert there[~single_call].float().mean() == pytest.approx(0.6, abs=0.05)
    assert single_call.float().mean() == pytest.approx(1 / 8, abs=0.03)
    assert (far[single_call] == 1).all() and (far[own] < 1).all() and there[own].all()


@given(st.floats(1 / 1024, 1, width=32), st.floats(0, 0.999))
def test_the_nearer_point_lies_between_the_farther_one_and_its_segments_end(
    far: float, progress: float
) -> None:
    point = torch.tensor([far])
    near, end = float(nearer_points(point, progress)), float(segment_end(point))
    assert end <= near < far
    assert end == (0.5 if far > 0.5 else 0)


def test_points_of_the_students_own_are_on_its_samplers_path(
    people: MadeUpPeople, small: tuple[IdentityNetwork, Denoiser, Decoder, LatentEncoder]
) -> None:
    reader, denoiser, decoder, encoder = small
    pipeline = AvatarPipeline(reader.encoder, denoiser, decoder, encoder, Sampler())
    task = StudentTask(pipeline, people, torch.randn(len(people.drawings), 8, 32, 32), people)
    noise, tokens = torch.randn(3, 8, 32, 32), torch.randn(3, 8, 128)
    style = torch.tensor([0, 1, 2], dtype=torch.int32)
    far = torch.tensor([0.75, 0.5, 0.25])
    with torch.inference_mode():
        found = task._own_points(task.network)(noise, far, tokens, style)
        first = task.network(noise, torch.full((3,), 1000.0), tokens, style)
        second = task.network(noise - first / 2, torch.full((3,), 500.0), tokens, style)
    expected = [noise[0] - first[0] / 4, noise[1] - first[1] / 2]
    expected += [noise[2] - first[2] / 2 - second[2] / 4]
    torch.testing.assert_close(found, torch.stack(expected))


def test_latents_are_computed_once(
    people: MadeUpPeople,
    small: tuple[IdentityNetwork, Denoiser, Decoder, LatentEncoder],
    tmp_path: Path,
) -> None:
    first = cached_latents(small[3], people, tmp_path)
    (kept,) = tmp_path.glob("latents-*.safetensors")
    stamp = kept.stat().st_mtime_ns
    assert torch.equal(cached_latents(small[3], people, tmp_path), first)
    assert kept.stat().st_mtime_ns == stamp and len(first) == len(people.drawings)


def test_an_untrained_part_is_one_clear_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="train it first"):
        load_part(Decoder, tmp_path, "decoder")
    with pytest.raises(RunError, match="train it first"):
        load_identity(tmp_path)
    damaged = tmp_path / "damaged"
    shutil.copytree(folder, damaged)
    shard = next(damaged.glob("*.tar"))
    shard.write_bytes(shard.read_bytes()[:-600])
    with pytest.raises(ValueError, match="damaged"):
        MadeUpPeople(damaged, damaged)
