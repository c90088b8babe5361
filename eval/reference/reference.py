"""The reference: what a checkpoint, quantized or not, gives in PyTorch for every case."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property, partial

import numpy as np

import components
from components import Arrays, PipelineComponents, Runner
from components.reference import runner
from eval.cases import Cases, RunCase
from eval.reference.cache import ArrayCache
from eval.reference.held import HeldComponents
from eval.reference.model import Call, Model, RecordedRun
from eval.schema import Against
from quantization import QuantizedPipeline
from support.version import code_digest

CODE = ("avatar", "components", "quantization", "support")
"""The rooms whose code decides what the reference gives."""

MakeModel = Callable[[PipelineComponents, HeldComponents, Mapping[str, Runner]], Model]
"""From a checkpoint, its components, and the same ready to run, to a model that does whole runs."""


class Reference:
    """One checkpoint in PyTorch, in float32."""

    def __init__(
        self,
        against: Against,
        pipeline: PipelineComponents,
        cache: ArrayCache,
        make_model: MakeModel,
        quantized: QuantizedPipeline | None = None,
        *,
        one_at_a_time: bool = False,
    ) -> None:
        """
        Args:
            against: What reports call it.
            pipeline: The components, with the weights that quantized ones stand for.
            cache: Keeps what was computed.
            make_model: Makes a model of the components.
            quantized: The quantized checkpoint; None where it is the unquantized one.
            one_at_a_time: Whether only one component may be in memory.
        """
        self.against, self.pipeline, self.quantized = against, pipeline, quantized
        self.components = HeldComponents(pipeline, quantized, one_at_a_time=one_at_a_time)
        self._cache, self._make_model = cache, make_model

    @cached_property
    def model(self) -> Model:
        """The components as a model that runs."""
        return self.fresh_model()

    def fresh_model(self) -> Model:
        """The same model, which has not computed anything yet."""
        runners = {name: partial(self._call, name) for name in self.pipeline.names}
        return self._make_model(self.pipeline, self.components, runners)

    @cached_property
    def key(self) -> str:
        """A name for cached files: it depends on weights, constants and code."""
        digest = hashlib.sha256(code_digest(CODE).encode())
        digest.update(components.fingerprint(self.pipeline.checkpoint).encode())
        if self.quantized is not None:
            digest.update(self.quantized.recipe.dump())
        return f"{self.against}-{digest.hexdigest()[:20]}"

    def recorded(self, run: RunCase) -> RecordedRun:
        """One run, from the cache where it is there."""
        return RecordedRun.of(
            self._cache.get(self._run_key(run), lambda: self.model.draw(run).arrays())
        )

    def record(self, run: RunCase) -> None:
        """Put one run into the cache if it is not there."""
        if not self._cache.holds(self._run_key(run)):
            self.recorded(run)

    def anchor(self) -> np.ndarray | None:
        """The library's own picture of the pipeline's example run, (B,3,H,W) in [0,1].

        None where no library has a pipeline for this checkpoint.
        """
        found = self._cache.get(f"{self.key}/anchor", self._anchor)
        return next(iter(found.values()), None)

    def output(self, call: Call) -> dict[str, np.ndarray]:
        """What this checkpoint's component gives for a call."""
        if call.outputs is not None and self.quantized is None:
            return dict(call.outputs)
        key = f"{self.key}/{call.component}-{call.key}"
        return self._cache.get(key, lambda: self.model.runners[call.component](call.inputs))

    def state(self, component: str) -> dict[str, np.ndarray]:
        """Parameters and floating-point buffers of a component, by name."""
        state = self.components[component].module.state_dict()
        return {key: value.numpy() for key, value in state.items() if value.is_floating_point()}

    def calls(self, cases: Cases) -> dict[str, tuple[Call, ...]]:
        """Every call that components are tried on, by component.

        The inputs are those that occur in this checkpoint's own runs.
        """
        return self.model.calls(cases, self.recorded)

    @cached_property
    def half(self) -> bool:
        """Whether fp16 holds all weights exactly."""
        return all(self.components.facts(name).half for name in self.pipeline.names)

    def _call(self, name: str, inputs: Arrays) -> dict[str, np.ndarray]:
        return runner(self.components[name])(inputs)

    def _run_key(self, run: RunCase) -> str:
        return f"{self.key}/recorded-{run.key}"

    def _anchor(self) -> dict[str, np.ndarray]:
        self.components.forget()  # the library holds all of its own
        return self.pipeline.anchor(self.pipeline.example_run(0), 0) or {}
