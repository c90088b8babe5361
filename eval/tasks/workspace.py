"""What the tasks of one process share; each part is made when it is first needed."""

from __future__ import annotations

from functools import cached_property, lru_cache

import torch
from threadpoolctl import threadpool_limits

import components
from components import PipelineComponents
from eval.artifact import OpenedArtifact, open_for_evaluation
from eval.cases import Cases, RunCase
from eval.levels import speed
from eval.pipelines import Kind, kind_of
from eval.reference import ArrayCache, Call, Reference
from eval.request import Request
from eval.schema import Against
from quantization import QuantizedPipeline


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
        self.large = request.large
        self.last: object = None
        """What the last task has loaded, for the next one."""
        self.opened = lru_cache(self._opened)
        self.work = lru_cache(self._work)
        self._quantized = lru_cache(self._quantized_reference)

    @cached_property
    def kind(self) -> Kind:
        """What is known of the checkpoint's kind of pipeline."""
        return kind_of(self.reference.pipeline)(self.request, self.cache)

    @cached_property
    def reference(self) -> Reference:
        """The unquantized checkpoint in PyTorch."""
        return self._reference("reference", components.load(self.request.checkpoint))

    @cached_property
    def cases(self) -> Cases:
        """The cases of the request's mode."""
        return self.kind.cases(self.reference.model)

    @cached_property
    def calls(self) -> dict[str, tuple[Call, ...]]:
        """Calls recorded from the reference's runs, by component."""
        return self.reference.calls(self.cases)

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

    def batches(self) -> tuple[tuple[RunCase, ...], ...]:
        """All runs, in batches."""
        return self.cases.batches

    def _reference(
        self,
        against: Against,
        pipeline: PipelineComponents,
        quantized: QuantizedPipeline | None = None,
    ) -> Reference:
        return Reference(
            against,
            pipeline,
            self.cache,
            lambda *parts: self.kind.model(*parts),
            quantized,
            one_at_a_time=self.large,
        )

    def _opened(self, index: int) -> OpenedArtifact:
        request = self.request
        folder, name = request.artifacts[index], request.name(index)
        found = open_for_evaluation(
            folder, self.reference, request.recipes, request.gates, self.kind, name=name
        )
        return found.in_full() if request.mode.full else found

    def _quantized_reference(self, index: int) -> Reference:
        quantized = self.opened(index).quantized
        assert quantized is not None
        return self._reference("checkpoint", quantized.pipeline, quantized)

    def _work(self, component: str) -> speed.Work:
        """The work of a call of a component."""
        return speed.count_work(self.reference.components[component])
