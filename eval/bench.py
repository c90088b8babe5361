"""What the pieces of an evaluation share within one process, each made when it is first needed."""

from __future__ import annotations

from functools import cached_property, lru_cache

import torch
from threadpoolctl import threadpool_limits

import components
from avatar.judge import Judge, load_judge
from components import Arrays
from eval import jury, runs, speed, subject
from eval.cases import Ask, Cases
from eval.drawing import Photos
from eval.levels.set import can_be_judged
from eval.plan import plan
from eval.request import Request
from eval.store import Store, software
from eval.subject import Opened
from eval.truth import Call, Truth


class Bench:
    """The reference, the cases and the artifacts of a request."""

    def __init__(self, request: Request, store: Store | None = None) -> None:
        """`store` keeps what the reference gives; by default the request's cache. PyTorch gets the
        request's threads, as others change the last bits of what it gives. So does NumPy's BLAS:
        by default it starts a thread for each core in each process of the crew, and they wait for
        one another."""
        torch.set_num_threads(request.threads)
        threadpool_limits(request.threads, user_api="blas")
        self.request = request
        self.store = store or Store(request.cache)
        self.photos = Photos(self.store)
        self.last: object = None
        """What was done last leaves here what it has loaded, for the next."""
        self.opened = lru_cache(self._opened)
        self.work = lru_cache(self._work)
        self._quantized = lru_cache(self._quantized_truth)

    @cached_property
    def reference(self) -> Truth:
        """The unquantized checkpoint in PyTorch."""
        pipeline = components.load(self.request.checkpoint)
        return Truth("reference", pipeline, self.store, self.photos)

    @cached_property
    def cases(self) -> Cases:
        return plan(self.request.mode, self.reference.styles, self.reference.steps)

    @cached_property
    def calls(self) -> dict[str, tuple[Call, ...]]:
        """Of each component, recorded from the reference."""
        return self.reference.calls(self.cases)

    @cached_property
    def judge(self) -> Judge | None:
        """None where no level needs it."""
        wanted = "set" not in self.request.skip and can_be_judged(self.cases.judged)
        return load_judge() if wanted else None

    @property
    def timed(self) -> bool:
        """Whether speed is asked for."""
        return "speed" not in self.request.skip

    def truths(self, place: int) -> tuple[Truth, ...]:
        """What the artifact at a place is compared with: the reference and, where it is quantized,
        its checkpoint."""
        if self.opened(place).quantized is None:
            return (self.reference,)
        return (self.reference, self._quantized(place))

    def looker(self, asks: tuple[Ask, ...]) -> Judge | None:
        """The judge, where a batch is for it."""
        return self.judge if asks[0] in self.cases.judged else None

    def seen(self, truth: Truth, asks: tuple[Ask, ...]) -> Arrays:
        """What the judge sees in a truth's pictures of a batch."""
        judge = self.judge
        assert judge is not None
        return self.store.get(
            f"{truth.key}/judged-{jury.digest(judge)}-{_key(asks)}",
            lambda: jury.see(judge, [truth.drawn(ask).avatar for ask in asks]),
        )

    def drawings(self, asks: tuple[Ask, ...]) -> Arrays:
        """What the judge sees in the designers' drawings of the same people."""
        judge = self.judge
        assert judge is not None
        return self.store.get(
            f"drawings-{software()[:20]}/{jury.digest(judge)}-{_key(asks)}",
            lambda: jury.drawings(judge, asks),
        )

    def batches(self) -> tuple[tuple[Ask, ...], ...]:
        """All whole runs."""
        return tuple(runs.batches(self.cases))

    def _opened(self, place: int) -> Opened:
        request = self.request
        folder, name = request.artifacts[place], request.name(place)
        found = subject.open_subject(
            folder, request.checkpoint, request.recipes, request.gates, name=name
        )
        return found.in_full() if request.mode == "full" else found

    def _quantized_truth(self, place: int) -> Truth:
        quantized = self.opened(place).quantized
        assert quantized is not None
        return Truth("checkpoint", quantized.pipeline, self.store, self.photos, quantized)

    def _work(self, component: str) -> speed.Work:
        """What a call of a component computes."""
        return speed.work(self.reference.components[component])


def _key(asks: tuple[Ask, ...]) -> str:
    return f"{asks[0].key}-{len(asks)}"
