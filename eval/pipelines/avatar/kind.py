"""The avatar pipeline as evaluations know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar

from avatar.errors import SamplerError
from avatar.model import SamplerTable
from components import Arrays, PipelineComponents, Runner
from eval.cases import Cases, RunCase
from eval.errors import SubjectError
from eval.levels import CaseFigures
from eval.pipelines.avatar.cases import AvatarCases
from eval.pipelines.avatar.identity_set import IdentitySet
from eval.pipelines.avatar.invariances import invariance_runs, invariances
from eval.pipelines.avatar.judged_set import JudgedSet
from eval.pipelines.avatar.model import AvatarConstants, AvatarModel, restyled
from eval.pipelines.avatar.plan import plan
from eval.pipelines.avatar.selfies import OwnSelfies, RenderedSelfies, Selfies
from eval.pipelines.avatar.set import can_be_judged
from eval.pipelines.avatar.set_level import SetLevel
from eval.pipelines.kind import Kind, WholeRuns
from eval.reference import ArrayCache, HeldComponents, Model, RecordedRun, Reference
from eval.request import Request
from eval.schema import Coverage, Row
from export import Artifact, Manifest
from support.json_records import plain


class AvatarKind(Kind):
    """Avatars: from selfies and a style to a picture."""

    name = "avatar"
    make: ClassVar[type[AvatarModel]] = AvatarModel
    """The class of its models."""

    def __init__(self, request: Request, cache: ArrayCache) -> None:
        super().__init__(request, cache)
        self.selfies = lru_cache(self._selfies)
        self._judged, self._identity = JudgedSet(cache), IdentitySet(cache)

    def model(
        self,
        pipeline: PipelineComponents,
        components: HeldComponents,
        runners: Mapping[str, Runner],
    ) -> AvatarModel:
        facts = pipeline.facts()
        constants = AvatarConstants(
            sampler=facts.sampler,
            styles=tuple(style["name"] for style in facts.styles),
            latent_shape=components.facts("decoder").inputs[0].shape,
            outputs={name: components.facts(name).outputs[0].name for name in components},
        )
        return self.make(runners, constants, self.selfies(pipeline.selfie_inputs[0].shape))

    def artifact_model(
        self, artifact: Artifact, runners: Mapping[str, Runner], *, keep: bool = False
    ) -> AvatarModel:
        manifest = artifact.manifest
        constants = AvatarConstants(
            sampler=plain(manifest.sampler),
            styles=tuple(style.name for style in manifest.styles),
            latent_shape=manifest.whole("decoder").inputs[0].shape,
            outputs={name: manifest.whole(name).outputs[0].name for name in manifest.wholes},
        )
        selfies = self.selfies(manifest.whole("identity_encoder").inputs[0].shape)
        return self.make(runners, constants, selfies, keep=keep)

    def cases(self, model: Model) -> AvatarCases:
        assert isinstance(model, AvatarModel)
        if self.request.prompts:
            raise SubjectError("avatars are drawn from selfies, not from prompts; omit --prompts")
        mode, selfies = self.request.mode, model.selfies
        return plan(
            mode,
            model.constants.styles,
            model.steps,
            people=selfies.everybody(mode.people),
            places=selfies.places,
            calls=self._most_calls,
        )

    def coverage(self, cases: Cases, model: Model) -> Coverage:
        assert isinstance(cases, AvatarCases)
        return Coverage(
            digest=cases.digest,
            people=tuple(sorted({run.selfies.person for run in cases.runs})),
            runs=len(cases.runs),
            selfies=tuple(sorted({len(selfies.slots) for selfies in cases.encoded})),
            styles=cases.styles,
            tables={str(steps): model.timesteps(steps) for steps in model.steps},
        )

    def require(self, name: str, manifest: Manifest) -> None:
        try:
            SamplerTable.from_dict(plain(manifest.sampler))
        except SamplerError as error:
            raise SubjectError(f"{name}: {error}") from None

    def translated(self, inputs: Arrays, recorder: Model, manifest: Manifest) -> Arrays:
        assert isinstance(recorder, AvatarModel)
        styles = tuple(style.name for style in manifest.styles)
        return restyled(inputs, recorder.constants.styles, styles)

    def prepare(self, cases: Cases, reference: Reference, batch: tuple[RunCase, ...]) -> None:
        assert isinstance(cases, AvatarCases)
        if looking := self._looking(cases, batch):
            looking.prepare(cases, reference, batch)

    def see(
        self,
        cases: Cases,
        reference: Reference,
        batch: tuple[RunCase, ...],
        runs: Sequence[RecordedRun],
    ) -> Arrays:
        looking = self._looking(cases, batch)
        return looking.see(reference, runs) if looking else {}

    def seen_by(self, cases: Cases, batch: tuple[RunCase, ...]) -> str:
        looking = self._looking(cases, batch)
        return looking.seen_by if looking else "unjudged"

    def rows(self, runs: WholeRuns) -> list[Row]:
        """What must and must not change a picture, and what is seen in a set of them."""
        found = self._invariances(runs) if "image" not in self.request.skip else []
        seen = [batch for batch in runs.cases.batches if self._looking(runs.cases, batch)]
        if seen and (looking := self._looking(runs.cases, seen[0])):
            found += looking.rows(runs, seen)
        return found

    @property
    def _most_calls(self) -> int:
        """How many calls each component is tried on at most; 0 for all."""
        return 0

    def _can_be_judged(self, cases: AvatarCases) -> bool:
        """Whether the judge knows the styles, and what the people look like."""
        return self.request.selfies is None and can_be_judged(cases.judged)

    def _looking(self, cases: Cases, batch: tuple[RunCase, ...]) -> SetLevel | None:
        """What looks at the runs of a batch; None where nothing does."""
        assert isinstance(cases, AvatarCases)
        if "set" in self.request.skip:
            return None
        looking = self._judged if self._can_be_judged(cases) else self._identity
        return looking if looking.looks_at(cases, batch) else None

    def _selfies(self, shape: tuple[int, ...]) -> Selfies:
        """The selfies for an identity encoder that takes (P,3,S,S)."""
        if self.request.selfies is not None:
            return OwnSelfies(self.request.selfies, shape)
        return RenderedSelfies(self.cache, shape)

    def _invariances(self, runs: WholeRuns) -> list[Row]:
        assert isinstance(runs.cases, AvatarCases)
        cases, model, reference = runs.cases, runs.model(), runs.references[-1]
        assert isinstance(model, AvatarModel)
        figures = CaseFigures(runs.scope("image", reference=reference))
        places = model.selfies.places
        tried = invariance_runs(cases.spread, cases.mode.invariance_runs, places)
        return invariances(figures, tried, model, reference, cases.styles, places)
