"""The avatar pipeline as evaluations know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from avatar.errors import SamplerError
from avatar.judge import Judge, load_judge
from avatar.model import SamplerTable
from components import Arrays, PipelineComponents, Runner
from eval.cases import Cases, RunCase
from eval.errors import SubjectError
from eval.levels import CaseFigures
from eval.pipelines.avatar import judging
from eval.pipelines.avatar import set as set_level
from eval.pipelines.avatar.cases import AvatarCase, AvatarCases
from eval.pipelines.avatar.invariances import invariance_runs, invariances
from eval.pipelines.avatar.model import AvatarConstants, AvatarModel
from eval.pipelines.avatar.plan import plan
from eval.pipelines.avatar.selfies import RenderedSelfies
from eval.pipelines.kind import Kind, WholeRuns
from eval.reference import (
    CODE,
    ArrayCache,
    HeldComponents,
    Model,
    RecordedRun,
    Reference,
)
from eval.request import Request
from eval.schema import Coverage, Row
from export import Artifact, Manifest
from support.json_records import plain
from support.version import code_digest


class AvatarKind(Kind):
    """Avatars: from selfies and a style to a picture."""

    name = "avatar"

    def __init__(self, request: Request, cache: ArrayCache) -> None:
        super().__init__(request, cache)
        self.selfies = RenderedSelfies(cache)

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
        return AvatarModel(runners, constants, self.selfies)

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
        return AvatarModel(runners, constants, self.selfies, keep=keep)

    def cases(self, model: Model) -> AvatarCases:
        assert isinstance(model, AvatarModel)
        if self.request.prompts:
            raise SubjectError("avatars are drawn from selfies, not from prompts; omit --prompts")
        return plan(self.request.mode, model.constants.styles, model.steps)

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

    # The level `set`, where the judge looks at avatars of the default table.

    @cached_property
    def judge(self) -> Judge:
        """The network that looks at avatars."""
        return load_judge()

    def judges(self, cases: Cases, batch: tuple[RunCase, ...]) -> bool:
        """Whether the judge looks at the runs of a batch."""
        assert isinstance(cases, AvatarCases)
        wanted = "set" not in self.request.skip and set_level.can_be_judged(cases.judged)
        return wanted and batch[0] in cases.judged

    def prepare(self, cases: Cases, reference: Reference, batch: tuple[RunCase, ...]) -> None:
        if self.judges(cases, batch):
            self._seen(reference, batch)
            if cases.mode.full:
                self._seen_drawings(batch)

    def see(self, cases: Cases, batch: tuple[RunCase, ...], runs: Sequence[RecordedRun]) -> Arrays:
        if not self.judges(cases, batch):
            return {}
        return judging.see(self.judge, [run.picture for run in runs])

    def seen_by(self, cases: Cases, batch: tuple[RunCase, ...]) -> str:
        return judging.digest(self.judge) if self.judges(cases, batch) else "unjudged"

    def rows(self, runs: WholeRuns) -> list[Row]:
        """What must not change a picture, and what the judge sees in a set of them."""
        skip, found = self.request.skip, list[Row]()
        if "image" not in skip:
            found += self._invariances(runs)
        if any(self.judges(runs.cases, batch) for batch in runs.cases.batches):
            found += self._set(runs)
        return found

    def _invariances(self, runs: WholeRuns) -> list[Row]:
        assert isinstance(runs.cases, AvatarCases)
        reference = runs.references[-1]
        figures = CaseFigures(runs.scope("image", reference=reference))
        tried = invariance_runs(runs.cases.spread, runs.cases.mode.invariance_runs)
        return invariances(figures, tried, runs.model(), reference)

    def _set(self, runs: WholeRuns) -> list[Row]:
        assert isinstance(runs.cases, AvatarCases)
        cases, found = runs.cases, list[Row]()
        batches = [batch for batch in cases.batches if self.judges(cases, batch)]
        got = judging.joined([seen for seen in runs.seen if seen])
        for reference in runs.references:
            scope = runs.scope("set", reference=reference)
            expected = judging.joined([self._seen(reference, batch) for batch in batches])
            found += set_level.rows(scope, cases.judged, expected, got)
            if cases.mode.full:
                drawn = judging.joined([self._seen_drawings(batch) for batch in batches])
                found += set_level.full_rows(scope, cases.judged, drawn, expected, got)
        return found

    def _seen(self, reference: Reference, batch: tuple[RunCase, ...]) -> Arrays:
        """What the judge sees in a reference's pictures of a batch."""
        return self.cache.get(
            f"{reference.key}/judged-{judging.digest(self.judge)}-{_key(batch)}",
            lambda: judging.see(self.judge, [reference.recorded(run).picture for run in batch]),
        )

    def _seen_drawings(self, batch: tuple[RunCase, ...]) -> Arrays:
        """What the judge sees in the designers' drawings of the people of a batch."""
        return self.cache.get(
            f"drawings-{code_digest(CODE)[:20]}/{judging.digest(self.judge)}-{_key(batch)}",
            lambda: judging.see_drawings(self.judge, _avatars(batch)),
        )


def _avatars(batch: Sequence[RunCase]) -> tuple[AvatarCase, ...]:
    return tuple(run for run in batch if isinstance(run, AvatarCase))


def _key(batch: tuple[RunCase, ...]) -> str:
    return f"{batch[0].key}-{len(batch)}"
