"""The reference: what a checkpoint, quantized or not, gives in PyTorch for every case."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

import components
from avatar.model import SamplerTable, noise_of
from components import Arrays, Component, PipelineComponents
from components.reference import runner
from eval.cases import Cases, RunCase, SelfieSet
from eval.reference.cache import ArrayCache
from eval.reference.model import RecordedRun, RunnableModel, null_identity
from eval.reference.selfies import RenderedSelfies
from eval.schema import Against, Where
from quantization import QuantizedPipeline
from quantization.activations import computing_in_int8
from support.version import code_digest

CODE = ("avatar", "components", "quantization", "support")
"""The rooms whose code decides what the reference gives."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a component, recorded from the reference's runs.

    Attributes:
        component: Name of the component.
        where: The case.
        inputs: Its inputs, as the checkpoint takes them: a style has the checkpoint's index.
        key: A name for files in the cache.
        outputs: What the reference gave in that run; None where no run had this call.
    """

    component: str
    where: Where
    inputs: Arrays = field(repr=False)
    key: str
    outputs: Arrays | None = field(default=None, repr=False)


class Reference:
    """One checkpoint in PyTorch, in float32, with all components in memory."""

    def __init__(
        self,
        against: Against,
        pipeline: PipelineComponents,
        cache: ArrayCache,
        selfies: RenderedSelfies,
        quantized: QuantizedPipeline | None = None,
    ) -> None:
        """
        Args:
            against: What reports call it.
            pipeline: The components, with the weights that quantized ones stand for.
            cache: Keeps what was computed.
            selfies: Renders the selfies.
            quantized: The quantized checkpoint; None where it is the unquantized one.
        """
        self.against, self.pipeline, self.quantized = against, pipeline, quantized
        self._cache, self._selfies = cache, selfies
        self._stack = ExitStack()  # int8 arithmetic stays on as long as this object exists

    @cached_property
    def components(self) -> dict[str, Component]:
        """The components by their names."""
        found = {name: self.pipeline.component(name) for name in self.pipeline.names}
        if self.quantized is not None:
            for name, component in found.items():
                layers = self.quantized.int8_layers(name)
                self._stack.enter_context(computing_in_int8(component.module, layers))
        return found

    @cached_property
    def model(self) -> RunnableModel:
        """The components as a model that runs."""
        return self.fresh_model()

    def fresh_model(self) -> RunnableModel:
        """The same model, which has not computed any identity tokens yet."""
        runners = {name: runner(component) for name, component in self.components.items()}
        return RunnableModel(runners, self.pipeline.facts().sampler, self.styles, self._selfies)

    def table(self, steps: int) -> SamplerTable:
        """The sampler's constants for a number of steps."""
        return SamplerTable.from_dict(self.pipeline.facts().sampler, steps)

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of the styles, by their index."""
        return tuple(style["name"] for style in self.pipeline.facts().styles)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """The shape (1,C,h,w) of the latents."""
        return self.components["decoder"].inputs[0].shape

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """Number of steps of every sampler table, the default's first."""
        sampler = self.pipeline.facts().sampler
        tables = (sampler, *sampler.get("also", ()))
        return tuple(dict.fromkeys(len(table["timesteps"]) for table in tables))

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
            self._cache.get(
                self._run_key(run), lambda: self.model.draw(run, self.latent_shape).arrays()
            )
        )

    def record(self, run: RunCase) -> None:
        """Put one run into the cache if it is not there."""
        if not self._cache.holds(self._run_key(run)):
            self.recorded(run)

    def _run_key(self, run: RunCase) -> str:
        return f"{self.key}/run-{run.key}"

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
        runs = {run: self.recorded(run) for run in cases.spread}
        tokens = {run.selfies: record.tokens for run, record in runs.items()}
        return {
            "identity_encoder": tuple(
                self._encoder_call(selfies, tokens.get(selfies)) for selfies in cases.encoded
            ),
            "denoiser": tuple(
                call for run, record in runs.items() for call in self._denoiser_calls(run, record)
            ),
            "decoder": tuple(self._decoder_call(run, record) for run, record in runs.items()),
        }

    def _encoder_call(self, selfies: SelfieSet, tokens: np.ndarray | None) -> Call:
        inputs = self._selfies.inputs(selfies)
        return self._call("identity_encoder", selfies.where(), inputs, tokens)

    def _decoder_call(self, run: RunCase, record: RecordedRun) -> Call:
        inputs = {"latents": record.latents[-1]}
        return self._call("decoder", run.where(), inputs, record.avatar)

    def _denoiser_calls(self, run: RunCase, record: RecordedRun) -> Iterator[Call]:
        table = self.table(run.steps)
        before = (noise_of(run.seed, self.latent_shape), *record.latents[:-1])
        predictions = iter(record.predictions)
        for step, (timestep, latents) in enumerate(zip(table.timesteps, before, strict=True)):
            inputs = {
                "latents": latents,
                "timestep": np.array([timestep], np.float32),
                "identity_tokens": record.tokens,
                "style": self.model.style(run.style),
            }
            where = replace(run.where(), step=step, timestep=timestep)
            yield self._call("denoiser", where, inputs, next(predictions))
            if table.guidance != 1.0:
                tokens = self.model.tokens(null_identity(run.selfies))
                inputs = {**inputs, "identity_tokens": tokens}
                where = replace(where, detail="null identity")
                yield self._call("denoiser", where, inputs, next(predictions))

    def _call(
        self, component: str, where: Where, inputs: Arrays, output: np.ndarray | None
    ) -> Call:
        (spec,) = self.components[component].outputs
        return Call(
            component=component,
            where=where,
            inputs=inputs,
            key=_digest(inputs),
            outputs=None if output is None else {spec.name: output},
        )


def _digest(inputs: Arrays) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(inputs.items()):
        digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:20]
