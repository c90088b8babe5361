"""Level `set` where the judge looks at the avatars, who knows the built-in styles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from avatar.judge import Judge, load_judge
from components import Arrays
from eval.cases import RunCase
from eval.pipelines.avatar import judging
from eval.pipelines.avatar import set as figures
from eval.pipelines.avatar.cases import AvatarCases
from eval.pipelines.avatar.set_level import SetLevel, avatars, batch_key
from eval.pipelines.kind import WholeRuns
from eval.reference import CODE, RecordedRun, Reference
from eval.schema import Row
from support.version import code_digest


class JudgedSet(SetLevel):
    """What the judge reads right in the reference's avatars, and no longer in the artifact's."""

    @cached_property
    def judge(self) -> Judge:
        """The network that looks at avatars."""
        return load_judge()

    def prepare(self, cases: AvatarCases, reference: Reference, batch: tuple[RunCase, ...]) -> None:
        self._seen(reference, batch)
        if cases.mode.full:
            self._seen_drawings(batch)

    def see(self, reference: Reference, runs: Sequence[RecordedRun]) -> Arrays:
        return judging.see(self.judge, [run.picture for run in runs])

    @property
    def seen_by(self) -> str:
        return judging.digest(self.judge)

    def rows(self, runs: WholeRuns, batches: Sequence[tuple[RunCase, ...]]) -> list[Row]:
        cases, found = runs.cases, list[Row]()
        assert isinstance(cases, AvatarCases)
        got = judging.joined([seen for seen in runs.seen if seen])
        for reference in runs.references:
            scope = runs.scope("set", reference=reference)
            expected = judging.joined([self._seen(reference, batch) for batch in batches])
            found += figures.rows(scope, cases.judged, expected, got)
            if cases.mode.full:
                drawn = judging.joined([self._seen_drawings(batch) for batch in batches])
                found += figures.full_rows(scope, cases.judged, drawn, expected, got)
        return found

    def _seen(self, reference: Reference, batch: tuple[RunCase, ...]) -> Arrays:
        """What the judge sees in a reference's pictures of a batch."""
        return self.cache.get(
            f"{reference.key}/judged-{judging.digest(self.judge)}-{batch_key(batch)}",
            lambda: judging.see(self.judge, [reference.recorded(run).picture for run in batch]),
        )

    def _seen_drawings(self, batch: tuple[RunCase, ...]) -> Arrays:
        """What the judge sees in the designers' drawings of the people of a batch."""
        return self.cache.get(
            f"drawings-{code_digest(CODE)[:20]}/{judging.digest(self.judge)}-{batch_key(batch)}",
            lambda: judging.see_drawings(self.judge, avatars(batch)),
        )
