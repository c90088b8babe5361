"""The PyTorch side: what a checkpoint, quantized or not, gives for every case, kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

import components
from avatar.model import SamplerTable, noise_of
from components import Arrays, Component, PipelineComponents
from components.reference import runner
from eval.cases import Ask, Cases, Shown
from eval.drawing import Drawn, Model, Photos
from eval.results import Against, Where
from eval.store import Store, software
from quantization import QuantizedPipeline, computing_in_int8


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a component, recorded from the reference's runs.

    Attributes:
        component: Which.
        where: The case.
        inputs: As the checkpoint takes them: a style is the checkpoint's index.
        key: A name for files.
        given: What the reference gave for them in that run; None where no run had this call.
    """

    component: str
    where: Where
    inputs: Arrays = field(repr=False)
    key: str
    given: Arrays | None = field(default=None, repr=False)


class Truth:
    """One checkpoint in PyTorch, float32, all components in memory."""

    def __init__(
        self,
        against: Against,
        pipeline: PipelineComponents,
        store: Store,
        photos: Photos,
        quantized: QuantizedPipeline | None = None,
    ) -> None:
        self.against, self.pipeline, self.quantized = against, pipeline, quantized
        self._store, self._photos = store, photos
        self._stack = ExitStack()  # int8 arithmetic stays on as long as this is there

    @cached_property
    def components(self) -> dict[str, Component]:
        """By name."""
        found = {name: self.pipeline.component(name) for name in self.pipeline.names}
        if self.quantized is not None:
            for name, component in found.items():
                layers = self.quantized.int8_layers(name)
                self._stack.enter_context(computing_in_int8(component.module, layers))
        return found

    @cached_property
    def model(self) -> Model:
        """What draws."""
        return self.fresh_model()

    def fresh_model(self) -> Model:
        """The same, knowing nobody's identity tokens yet."""
        runners = {name: runner(component) for name, component in self.components.items()}
        return Model(runners, self.pipeline.facts().sampler, self.styles, self._photos)

    def table(self, steps: int) -> SamplerTable:
        """The sampler's table of so many steps."""
        return SamplerTable.from_dict(self.pipeline.facts().sampler, steps)

    @property
    def styles(self) -> tuple[str, ...]:
        """By index."""
        return tuple(style["name"] for style in self.pipeline.facts().styles)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """(1,C,32,32)."""
        return self.components["decoder"].inputs[0].shape

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """Of every table of the sampler, the default's first."""
        sampler = self.pipeline.facts().sampler
        tables = (sampler, *sampler.get("also", ()))
        return tuple(dict.fromkeys(len(table["timesteps"]) for table in tables))

    @cached_property
    def key(self) -> str:
        """Everything that decides what it gives: weights, constants, software."""
        digest = hashlib.sha256(software().encode())
        digest.update(components.fingerprint(self.pipeline.checkpoint).encode())
        if self.quantized is not None:
            digest.update(self.quantized.recipe.dump())
        return f"{self.against}-{digest.hexdigest()[:20]}"

    def drawn(self, ask: Ask) -> Drawn:
        """Its run of a case."""
        make = self._maker(ask)
        return Drawn.of(self._store.get(f"{self.key}/whole-{ask.key}", make))

    def draw_ahead(self, ask: Ask) -> None:
        """Have a run kept, if it is not yet."""
        if not self._store.holds(f"{self.key}/whole-{ask.key}"):
            self.drawn(ask)

    def _maker(self, ask: Ask) -> Any:
        return lambda: self.model.draw(ask, self.latent_shape).arrays()

    def output(self, call: Call) -> dict[str, np.ndarray]:
        """What its component gives for a call."""
        if call.given is not None and self.quantized is None:
            return dict(call.given)
        key = f"{self.key}/{call.component}-{call.key}"
        return self._store.get(key, lambda: self.model.runners[call.component](call.inputs))

    def calls(self, cases: Cases) -> dict[str, tuple[Call, ...]]:
        """Every call to try components on, with inputs as they occur in its own runs."""
        runs = {ask: self.drawn(ask) for ask in cases.spread}
        tokens = {ask.shown: drawn.tokens for ask, drawn in runs.items()}
        return {
            "identity_encoder": tuple(
                self._encoder_call(shown, tokens.get(shown)) for shown in cases.encoded
            ),
            "denoiser": tuple(
                call for ask, drawn in runs.items() for call in self._denoiser_calls(ask, drawn)
            ),
            "decoder": tuple(self._decoder_call(ask, drawn) for ask, drawn in runs.items()),
        }

    def _encoder_call(self, shown: Shown, tokens: np.ndarray | None) -> Call:
        inputs = self._photos.inputs(shown)
        return self._call("identity_encoder", shown.where(), inputs, tokens)

    def _decoder_call(self, ask: Ask, drawn: Drawn) -> Call:
        inputs = {"latents": drawn.latents[-1]}
        return self._call("decoder", ask.where(), inputs, drawn.avatar)

    def _denoiser_calls(self, ask: Ask, drawn: Drawn) -> Iterator[Call]:
        table = self.table(ask.steps)
        before = (noise_of(ask.seed, self.latent_shape), *drawn.latents[:-1])
        given = iter(drawn.predictions)
        for step, (timestep, latents) in enumerate(zip(table.timesteps, before, strict=True)):
            inputs = {
                "latents": latents,
                "timestep": np.array([timestep], np.float32),
                "identity_tokens": drawn.tokens,
                "style": self.model.style(ask.style),
            }
            where = replace(ask.where(), step=step, timestep=timestep)
            yield self._call("denoiser", where, inputs, next(given))
            if table.guidance != 1.0:
                nobody = Shown(person=ask.shown.person, places=())
                inputs = {**inputs, "identity_tokens": self.model.tokens(nobody)}
                where = replace(where, detail="null identity")
                yield self._call("denoiser", where, inputs, next(given))

    def _call(self, component: str, where: Where, inputs: Arrays, given: np.ndarray | None) -> Call:
        (output,) = self.components[component].outputs
        return Call(
            component=component,
            where=where,
            inputs=inputs,
            key=self._key(inputs),
            given=None if given is None else {output.name: given},
        )

    @staticmethod
    def _key(inputs: Arrays) -> str:
        digest = hashlib.sha256()
        for name, array in sorted(inputs.items()):
            digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:20]
