"""Tiny models and a few people, and a report on them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from avatar.judge import Judge
from avatar.model import AvatarPipeline, Decoder, Denoiser, IdentityEncoder, Sampler
from avatar.people import write_shards
from distillation.data import MadeUpPeople
from distillation.report import Report, make_report
from distillation.stages.student import FEW_STEPS


@pytest.fixture(scope="session")
def report_people(tmp_path_factory: pytest.TempPathFactory) -> MadeUpPeople:
    folder = tmp_path_factory.mktemp("people")
    write_shards(folder, 3, seed=7, selfies=3, avatars=2, workers=1)
    return MadeUpPeople(folder, folder)


def pipeline(seed: int, sampler: Sampler) -> AvatarPipeline:
    torch.manual_seed(seed)
    return AvatarPipeline(
        IdentityEncoder(widths=(8, 8, 16), feature_width=32),
        Denoiser(widths=(16, 16), embedding_width=32, style_width=16),
        Decoder(widths=(16, 16, 16), blocks=(1, 1, 1), output_width=4),
        None,
        sampler,
    )


@pytest.fixture(scope="session")
def pipelines() -> tuple[AvatarPipeline, AvatarPipeline]:
    return pipeline(0, Sampler(steps=2)), pipeline(1, FEW_STEPS)


@pytest.fixture(scope="session")
def judge() -> Judge:
    torch.manual_seed(0)
    return Judge(widths=(4, 4, 4, 8, 8, 8), feature_width=8).eval()


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("judged")


def check_progress(what: str, done: int = 0, total: int = 0, /) -> None:
    assert what and 0 < done <= total


@pytest.fixture(scope="session")
def made(
    pipelines: tuple[AvatarPipeline, AvatarPipeline],
    judge: Judge,
    report_people: MadeUpPeople,
    cache: Path,
) -> Report:
    return make_report(*pipelines, judge, report_people, cache, check_progress, rounds=1)
