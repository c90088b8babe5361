"""The components of a checkpoint in PyTorch: all of them in memory, or one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache

import torch

from components import Component, PipelineComponents, TensorSpec
from quantization import QuantizedPipeline
from quantization.activations import computing_in_int8


@dataclass(frozen=True, kw_only=True)
class ComponentFacts:
    """What is known of a component when its weights are no longer in memory.

    Attributes:
        inputs, outputs: As in `Component`.
        weights: Number of elements of parameters and buffers.
        half: Whether fp16 holds all weights exactly, so that storing them in fp16 costs nothing.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    weights: int
    half: bool


class HeldComponents(Mapping[str, Component]):
    """The components by name, each loaded when it is first asked for."""

    def __init__(
        self,
        pipeline: PipelineComponents,
        quantized: QuantizedPipeline | None = None,
        *,
        one_at_a_time: bool = False,
    ) -> None:
        """
        Args:
            pipeline: Loads the components.
            quantized: Says which layers compute in int8; None where none does.
            one_at_a_time: Whether only the component that was used last stays in memory.
        """
        self._pipeline, self._quantized = pipeline, quantized
        self._one_at_a_time = one_at_a_time
        self._held: dict[str, Component] = {}
        self._stack = ExitStack()  # int8 arithmetic stays on as long as the components are held
        self.facts = lru_cache(self._facts)

    def __getitem__(self, name: str) -> Component:
        if name not in self._pipeline.names:
            raise KeyError(name)
        if name not in self._held:
            if self._one_at_a_time:
                self.forget()
            self._held[name] = self._load(name)
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pipeline.names)

    def __len__(self) -> int:
        return len(self._pipeline.names)

    def forget(self) -> None:
        """Let go of what is in memory; it is loaded again when it is needed again."""
        self._stack.close()
        self._held.clear()

    def _load(self, name: str) -> Component:
        component = self._pipeline.component(name)
        if self._quantized is not None:
            layers = self._quantized.int8_layers(name)
            self._stack.enter_context(computing_in_int8(component.module, layers))
        return component

    def _facts(self, name: str) -> ComponentFacts:
        component = self[name]
        values = component.module.state_dict().values()
        return ComponentFacts(
            inputs=component.inputs,
            outputs=component.outputs,
            weights=sum(value.numel() for value in values),
            half=all(_is_half(value) for value in values if value.ndim > 1),
        )


def _is_half(value: torch.Tensor) -> bool:
    return torch.equal(value, value.half().float())
