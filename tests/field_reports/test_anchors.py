"""Kind 2: the reference is compared with the library's own pipeline."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import components
from components import Arrays, PipelineComponents, Runner
from components.diffusion.schedulers import KINDS
from components.registry import PIPELINES
from export import gates
from export.check import anchor_rows
from export.errors import GateError
from export.exporter import Request, export
from export.report import ANCHOR, Row
from quantization import Recipe, apply, parse
from tests.components import tiny


def anchored(pipeline: PipelineComponents, seed: int = 0) -> Row:
    """The row of the anchor for one recorded run."""
    recording = components.record(pipeline, seed=seed)
    outputs = pipeline.component(pipeline.names[-1]).outputs
    (row,) = anchor_rows(pipeline, recording, outputs)
    return row


def edit(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_every_kind_of_pipeline_is_tested() -> None:
    assert tiny.PIPELINES.keys() == PIPELINES.keys()


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("kind", sorted(PIPELINES))
def test_the_reference_equals_the_librarys_own_run(
    tiny_checkpoint: Callable[[str], Path], kind: str, seed: int
) -> None:
    row = anchored(components.load(tiny_checkpoint(kind)), seed)
    assert row.name == ANCHOR and row.passed, row


@pytest.mark.parametrize("kind", sorted(PIPELINES))
def test_so_does_a_quantized_one(tiny_checkpoint: Callable[[str], Path], kind: str) -> None:
    recipe = Recipe(pipeline=kind, patterns=(("*", parse("palette-4")),))
    quantized = apply(tiny_checkpoint(kind), recipe)
    assert anchored(quantized.pipeline).passed


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("scheduler", sorted(KINDS))
def test_so_does_every_scheduler(sd: Path, scheduler: str, prediction: str) -> None:
    edit(sd / "model_index.json", scheduler=["diffusers", scheduler])
    fields = {"_class_name": scheduler, "prediction_type": prediction, "skip_prk_steps": True}
    (sd / "scheduler" / "scheduler_config.json").write_text(json.dumps(fields))
    assert anchored(components.load(sd)).passed


@pytest.mark.parametrize(
    ("file", "fields"),
    [
        # diffusers corrects both in files of its first versions.
        ("scheduler/scheduler_config.json", {"steps_offset": 0}),
        ("scheduler/scheduler_config.json", {"clip_sample": True}),
        ("scheduler/scheduler_config.json", {"rescale_betas_zero_snr": True}),
        ("scheduler/scheduler_config.json", {"timestep_spacing": "trailing"}),
        ("scheduler/scheduler_config.json", {"set_alpha_to_one": False}),
        ("vae/config.json", {"shift_factor": 0.25}),
        ("vae/config.json", {"scaling_factor": 0.5}),
        ("unet/config.json", {"sample_size": [8, 16]}),
    ],
)
def test_so_do_odd_configurations(sd: Path, file: str, fields: dict[str, Any]) -> None:
    edit(sd / file, **fields)
    assert anchored(components.load(sd)).passed


def test_a_difference_fails_like_a_gate(
    avatar_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from components.pipelines.avatar import AvatarComponents

    real = AvatarComponents.run

    def wrong(
        self: AvatarComponents, runners: Mapping[str, Runner], inputs: Arrays
    ) -> dict[str, np.ndarray]:
        """What a reference that misreads the checkpoint computes: here another style's picture."""
        return real(self, runners, {**inputs, "style": inputs["style"] + 1})

    monkeypatch.setattr(AvatarComponents, "run", wrong)
    out = tmp_path / "out"
    with pytest.raises(GateError, match="anchor") as caught:
        export(Request(checkpoint=avatar_checkpoint, format="onnx", out=out))
    failed = [row.name for row in caught.value.rows if not row.passed]
    assert failed == [ANCHOR]
    assert not out.exists()


def test_an_export_reports_the_anchor(avatar_checkpoint: Path, tmp_path: Path) -> None:
    request = Request(checkpoint=avatar_checkpoint, format="onnx", out=tmp_path / "out")
    rows = {row.name: row for row in export(request)}
    assert rows[ANCHOR].floor == gates.ANCHOR and rows[ANCHOR].passed
    assert not math.isnan(rows[ANCHOR].snr)
