"""Stable Diffusion and its kin as evaluations know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from components import PipelineComponents, Runner, TensorSpec
from components.diffusion.clip_tokenizer import FOLDERS, token_ids
from components.diffusion.flow import Flow
from components.diffusion.latent_diffusion import LatentDiffusion
from components.diffusion.sampling import Table
from eval.cases import Cases, RunCase
from eval.errors import SubjectError
from eval.pipelines.kind import Kind, WholeRuns, anchor_row
from eval.pipelines.latent_diffusion.cases import PromptCases, plan
from eval.pipelines.latent_diffusion.model import DiffusionConstants, DiffusionModel
from eval.reference import HeldComponents, Model, Reference
from eval.schema import Coverage, Row
from export import Artifact, Manifest
from support.json_records import plain


class LatentDiffusionKind(Kind):
    """From text, and for some kinds a picture, to a picture."""

    name = "latent_diffusion"

    def model(
        self,
        pipeline: PipelineComponents,
        components: HeldComponents,
        runners: Mapping[str, Runner],
    ) -> DiffusionModel:
        assert isinstance(pipeline, LatentDiffusion)
        constants = DiffusionConstants(
            flow=pipeline.flow,
            sampler=pipeline.facts().sampler,
            tokenize=partial(_tokenize, pipeline.checkpoint, pipeline.flow.inputs),
            recorded=pipeline.recorded_steps,
        )
        return DiffusionModel(runners, constants)

    def artifact_model(
        self, artifact: Artifact, runners: Mapping[str, Runner], *, keep: bool = False
    ) -> DiffusionModel:
        manifest = artifact.manifest
        flow = _flow(manifest)
        constants = DiffusionConstants(
            flow=flow,
            sampler=plain(manifest.sampler),
            tokenize=partial(_tokenize, artifact.folder, flow.inputs),
        )
        return DiffusionModel(runners, constants, keep=keep)

    def cases(self, model: Model) -> PromptCases:
        if self.request.selfies is not None:
            raise SubjectError(
                "pipelines from text draw prompts, and know no selfies; omit --selfies"
            )
        assert isinstance(model, DiffusionModel)
        recorded = model.constants.recorded
        return plan(self.request.mode, recorded, model.steps, self.request.prompts)

    def coverage(self, cases: Cases, model: Model) -> Coverage:
        assert isinstance(cases, PromptCases)
        return Coverage(
            digest=cases.digest,
            people=(),
            runs=len(cases.runs),
            selfies=(),
            styles=(),
            prompts=tuple(dict.fromkeys(run.prompt for run in cases.runs)),
            tables={str(steps): model.timesteps(steps) for steps in model.steps},
        )

    def require(self, name: str, manifest: Manifest) -> None:
        if manifest.sampler is None:
            raise SubjectError(f"{name}: the manifest has no sampler; export it again")
        sampler: dict[str, Any] = plain(manifest.sampler)
        for entry in (sampler, *sampler.get("also", ())):
            calls, rows = len(entry["timesteps"]), entry.get("weights", ())
            if [len(row) for row in rows] != [*range(1, calls + 2)]:
                raise SubjectError(
                    f"{name}: a sampler table of {calls} timesteps has {len(rows)} rows of "
                    f"weights, expected {calls + 1} of 1 to {calls + 1} weights"
                )
            Table.read(entry)

    def prepare(self, cases: Cases, reference: Reference, batch: tuple[RunCase, ...]) -> None:
        if cases.runs[0] in batch and self._anchored(reference):
            reference.anchor()

    def rows(self, runs: WholeRuns) -> list[Row]:
        """The example run against the library's own pipeline, which knows nothing of ours."""
        reference = runs.references[0]
        if not self._anchored(reference) or (expected := reference.anchor()) is None:
            return []
        example = runs.cases.runs[0]
        return [anchor_row(runs, expected, runs.model().draw(example).picture, example.where())]

    def _anchored(self, reference: Reference) -> bool:
        return "image" not in self.request.skip and reference.quantized is None


def _flow(manifest: Manifest) -> Flow:
    return Flow(
        inputs={name: manifest.whole(name).inputs for name in manifest.wholes},
        outputs={name: manifest.whole(name).outputs for name in manifest.wholes},
        settings=plain(manifest.settings or {}),
    )


def _tokenize(
    folder: Path, inputs: Mapping[str, Sequence[TensorSpec]], name: str, text: str
) -> np.ndarray:
    (spec,) = inputs[name]
    return token_ids(folder / FOLDERS[name], text, spec)
