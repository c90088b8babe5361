"""Fixtures: a small artifact of fake models with a real manifest, and the shipped artifact."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from avatar.model import Sampler
from avatar.people import STYLES
from avatar.selfies import rules_to_dicts
from components import TensorSpec
from export import (
    ComponentEntry,
    GoldenEntry,
    Manifest,
    ManifestError,
    SamplerEntry,
    SelfieRuleEntry,
    StyleEntry,
    artifact,
)
from sdk_bindings.package import OPERATORS
from support.json_records import from_plain
from tests.shipped_artifacts import is_shipped, shipped_artifact

MakeArtifact = Callable[..., Path]

_LATENTS, _TOKENS = (1, 5, 6, 6), (1, 3, 7)
SHAPES: dict[str, tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]] = {
    "identity_encoder": (
        {"selfies": (4, 3, 24, 24), "selfie_mask": (4,)},
        {"identity_tokens": _TOKENS},
    ),
    "denoiser": (
        {"latents": _LATENTS, "timestep": (1,), "identity_tokens": _TOKENS, "style": (1,)},
        {"prediction": _LATENTS},
    ),
    "decoder": ({"latents": _LATENTS}, {"avatar": (1, 3, 48, 48)}),
}
"""The shapes of the inputs and outputs of each component: no other model's."""


@pytest.fixture
def make_artifact(tmp_path: Path) -> MakeArtifact:
    """Return a function that writes an artifact.

    Call it as `make_artifact("name", kinds=("onnx",), golden=b"…", styles=(…))`.
    """

    def make(name: str = "onnx", *, golden: bytes = b"golden", **changes: Any) -> Path:
        folder = tmp_path / name
        (folder / "golden").mkdir(parents=True)
        kinds = changes.pop("kinds", ("onnx", "ort"))
        (folder / "README.md").write_text("# Model card\n")
        if "ort" in kinds:
            (folder / OPERATORS).write_text("# operators\n")
        for part in SHAPES:
            (folder / "golden" / f"{part}.safetensors").write_bytes(golden + part.encode())
            for kind in kinds:
                _write_model(folder / f"{part}.{kind}", f"{part} as {kind}".encode())
        (folder / "golden" / "run.safetensors").write_bytes(golden)
        artifact.close(folder, _manifest(kinds, changes))
        return folder

    return make


def _write_model(path: Path, data: bytes) -> None:
    """Write a model file, or for Core ML a package of two files."""
    if path.suffix != ".mlpackage":
        path.write_bytes(data)
        return
    (path / "Data").mkdir(parents=True)
    (path / "Data" / "weight.bin").write_bytes(data)
    (path / "Manifest.json").write_text("{}")


def _manifest(kinds: tuple[str, ...], changes: dict[str, Any]) -> Manifest:
    sampler = Sampler(steps=2, guidance=1.0, also=(1, 4))
    values: dict[str, Any] = {
        "format": "onnx",
        "version": "0.1.0",
        "pipeline": "AvatarPipeline",
        "licence": "Apache-2.0",
        "options": {"precision": "fp16"},
        "checkpoint": "a" * 64,
        "tools": {"torch": "2"},
        "styles": tuple(StyleEntry(**asdict(style)) for style in STYLES),
        "sampler": from_plain(SamplerEntry, sampler.constants(), ManifestError),
        "selfie_rules": from_plain(tuple[SelfieRuleEntry, ...], rules_to_dicts(), ManifestError),
        "golden": GoldenEntry(
            seed=0,
            run="golden/run.safetensors",
            components={p: f"golden/{p}.safetensors" for p in SHAPES},
        ),
        "files": (),
        "components": tuple(
            ComponentEntry(
                name=part,
                description="",
                models={kind: f"{part}.{kind}" for kind in kinds},
                ops=1,
                inputs=tensor_specs(inputs),
                outputs=tensor_specs(outputs),
            )
            for part, (inputs, outputs) in SHAPES.items()
        ),
    }
    return Manifest(**{**values, **changes})


def tensor_specs(shapes: dict[str, tuple[int, ...]]) -> tuple[TensorSpec, ...]:
    """Return the specs of tensors by name. `style` is an index, all others are floats."""
    return tuple(
        TensorSpec(name=name, shape=shape, dtype="int32" if name == "style" else "float32")
        for name, shape in shapes.items()
    )


@pytest.fixture(scope="session")
def shipped_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the ONNX artifact of the shipped checkpoint, or the one that AVATAR_ARTIFACT names."""
    given = os.environ.get("AVATAR_ARTIFACT")
    if given and is_shipped(Path(given), "onnx"):
        return Path(given).resolve()
    return shipped_artifact("onnx", tmp_path_factory)
