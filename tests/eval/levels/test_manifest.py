from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import components
from eval.levels.manifest import differences
from eval.pipelines.avatar.kind import AvatarKind
from eval.reference import ArrayCache, Reference
from export import Manifest, open_artifact
from tests.exports import Exports


@pytest.fixture(scope="session")
def reference(
    exports: Exports, avatars: AvatarKind, tmp_path_factory: pytest.TempPathFactory
) -> Reference:
    cache = ArrayCache(tmp_path_factory.mktemp("cache"))
    return Reference(
        "reference", components.load(exports.checkpoint("avatar")), cache, avatars.model
    )


@pytest.fixture
def manifest(exports: Exports) -> Manifest:
    return open_artifact(exports.get("avatar", "onnx").folder).manifest


def guided(values: dict[str, Any]) -> None:
    values["sampler"]["guidance"] += 1


def late(values: dict[str, Any]) -> None:
    values["sampler"]["timesteps"][1] += 1


def noisier(values: dict[str, Any]) -> None:
    values["sampler"]["sigmas"][0] *= 1.01


def another_table(values: dict[str, Any]) -> None:
    values["sampler"]["also"] = [dict(values["sampler"])]


def swapped(values: dict[str, Any]) -> None:
    values["styles"][:2] = values["styles"][1::-1]


def fewer_styles(values: dict[str, Any]) -> None:
    values["styles"].pop()


def freed(values: dict[str, Any]) -> None:
    style = next(style for style in values["styles"] if style["tier"] != "free")
    style["tier"] = "free"


def renamed(values: dict[str, Any]) -> None:
    values["components"][0]["name"] = "other"


def reshaped(values: dict[str, Any]) -> None:
    values["components"][1]["inputs"][0]["shape"][-1] = 1


def aligned(values: dict[str, Any]) -> None:
    values["selfie_crop"] = "arcface"


CHANGES = {
    guided: "guidance of",
    late: "timesteps of",
    noisier: "sigmas of",
    another_table: "2 sampler tables, expected 1",
    swapped: "styles[0] is",
    fewer_styles: "styles, expected",
    freed: "styles[",
    renamed: "components are other",
    reshaped: "inputs of denoiser",
    aligned: "selfie_crop is arcface, expected None",
}


def test_what_an_export_writes_is_what_the_checkpoint_says(
    manifest: Manifest, reference: Reference
) -> None:
    assert differences(manifest, reference) == []


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_each_difference_is_told(
    manifest: Manifest, reference: Reference, change: Callable[[dict[str, Any]], None]
) -> None:
    values = json.loads(manifest.dump())
    change(values)
    found = differences(Manifest.parse(json.dumps(values).encode()), reference)
    assert found and CHANGES[change] in found[0]
