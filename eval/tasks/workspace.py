"""What the tasks of one process share; each part is made when it is first needed."""

from __future__ import annotations

from functools import cached_property, lru_cache

import torch
from threadpoolctl import threadpool_limits

import components
from avatar.judge import Judge, load_judge
from components import Arrays
from eval.artifact import OpenedArtifact, open_for_evaluation
from eval.cases import Cases, RunCase
from eval.cases.plan import plan
from eval.levels import judging, runs, speed
from eval.levels.set import can_be_judged
from eval.reference import CODE, ArrayCache, Call, Reference, RenderedSelfies
from eval.request import Request
from support.version import code_digest


class Workspace:
    """The reference, the cases and the artifacts of a request."""

    def __init__(self, request: Request, cache: ArrayCache | None = None) -> None:
        """
        Args:
            request: What to evaluate.
            cache: Keeps what the reference computes; by default the request's folder.
        """
        # Another number of threads changes the last bits of PyTorch's results. NumPy's BLAS would
        # start a thread for each core in each worker process, and they would wait for one another.
        torch.set_num_threads(request.threads)
        threadpool_limits(request.threads, user_api="blas")
        self.request = request
        self.cache = cache or ArrayCache(request.cache)
        self.selfies = RenderedSelfies(self.cache)
        self.last: object = None
        """What the last task has loaded, for the next one."""
        self.opened = lru_cache(self._opened)
        self.work = lru_cache(self._work)
        self._quantized = lru_cache(self._quantized_reference)

    @cached_property
    def reference(self) -> Reference:
        """The unquantized checkpoint in PyTorch."""
        pipeline = components.load(self.request.checkpoint)
        return Reference("reference", pipeline, self.cache, self.selfies)

    @cached_property
    def cases(self) -> Cases:
        """The cases of the request's mode."""
        return plan(self.request.mode, self.reference.styles, self.reference.steps)

    @cached_property
    def calls(self) -> dict[str, tuple[Call, ...]]:
        """Calls recorded from the reference's runs, by component."""
        return self.reference.calls(self.cases)

    @cached_property
    def judge(self) -> Judge | None:
        """The judge; None where no level needs it."""
        wanted = "set" not in self.request.skip and can_be_judged(self.cases.judged)
        return load_judge() if wanted else None

    @property
    def timed(self) -> bool:
        """Whether the level `speed` is evaluated."""
        return "speed" not in self.request.skip

    def references(self, index: int) -> tuple[Reference, ...]:
        """What an artifact is compared with: the reference, then its quantized checkpoint if any.

        `index` is the artifact's in the request, here and below.
        """
        if self.opened(index).quantized is None:
            return (self.reference,)
        return (self.reference, self._quantized(index))

    def judge_of(self, batch: tuple[RunCase, ...]) -> Judge | None:
        """The judge if it looks at the runs of a batch."""
        return self.judge if batch[0] in self.cases.judged else None

    def seen(self, reference: Reference, batch: tuple[RunCase, ...]) -> Arrays:
        """What the judge sees in a reference's pictures of a batch."""
        judge = self.judge
        assert judge is not None
        return self.cache.get(
            f"{reference.key}/judged-{judging.digest(judge)}-{_key(batch)}",
            lambda: judging.see(judge, [reference.recorded(run).avatar for run in batch]),
        )

    def seen_drawings(self, batch: tuple[RunCase, ...]) -> Arrays:
        """What the judge sees in the designers' drawings of the people of a batch."""
        judge = self.judge
        assert judge is not None
        return self.cache.get(
            f"drawings-{code_digest(CODE)[:20]}/{judging.digest(judge)}-{_key(batch)}",
            lambda: judging.see_drawings(judge, batch),
        )

    def batches(self) -> tuple[tuple[RunCase, ...], ...]:
        """All runs, in batches."""
        return tuple(runs.batches(self.cases))

    def _opened(self, index: int) -> OpenedArtifact:
        request = self.request
        folder, name = request.artifacts[index], request.name(index)
        found = open_for_evaluation(
            folder, request.checkpoint, request.recipes, request.gates, name=name
        )
        return found.in_full() if request.mode.full else found

    def _quantized_reference(self, index: int) -> Reference:
        quantized = self.opened(index).quantized
        assert quantized is not None
        return Reference("checkpoint", quantized.pipeline, self.cache, self.selfies, quantized)

    def _work(self, component: str) -> speed.Work:
        """The work of a call of a component."""
        return speed.count_work(self.reference.components[component])


def _key(batch: tuple[RunCase, ...]) -> str:
    return f"{batch[0].key}-{len(batch)}"
