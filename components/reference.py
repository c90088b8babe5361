"""The PyTorch reference: components run in float32, which every other runtime is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from components.component import Arrays, Component, PipelineComponents, Runner
from components.registry import load as load_components


def runner(component: Component) -> Runner:
    """A loaded component as a callable from named arrays to named arrays.

    A call raises `InputError` where the arrays do not fit the component's inputs.
    """

    def call(inputs: Arrays) -> dict[str, np.ndarray]:
        component.check(inputs)
        # Copied into PyTorch's own memory, which is aligned. The rounding of a matrix product may
        # depend on the address of its operands, which differs in every process for numpy's arrays.
        tensors = [torch.tensor(inputs[spec.name]) for spec in component.inputs]
        with torch.inference_mode():
            result = component.module(*tensors)
        outputs = result if isinstance(result, tuple) else (result,)
        names = [spec.name for spec in component.outputs]
        return {name: value.numpy() for name, value in zip(names, outputs, strict=True)}

    return call


def load(checkpoint: Path | str, component: str) -> Runner:
    """Load one component of a checkpoint, ready to run.

    Raises:
        ComponentsError: The checkpoint cannot be read or has no such component.
    """
    return runner(load_components(checkpoint).component(component))


class OneAtATime(Mapping[str, Runner]):
    """Runners by component name, of which at most one is in memory: the one used last.

    A run uses its components one after the other, so it needs no more memory than the largest one.

    Args:
        names: The components.
        load_runner: Returns the runner of a component; called again when it is needed again.
    """

    def __init__(self, names: Sequence[str], load_runner: Callable[[str], Runner]) -> None:
        self._names = tuple(names)
        self._load = load_runner
        self._name = ""
        self._runner: Runner | None = None

    def __getitem__(self, name: str) -> Runner:
        if name not in self._names:
            raise KeyError(name)
        return lambda inputs: self._loaded(name)(inputs)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _loaded(self, name: str) -> Runner:
        if self._runner is None or self._name != name:
            self._runner = None  # frees the last one before the next is loaded
            self._runner, self._name = self._load(name), name
        return self._runner


def runners(pipeline: PipelineComponents) -> OneAtATime:
    """The reference runner of every component of a pipeline, at most one of them in memory."""
    return OneAtATime(pipeline.names, lambda name: runner(pipeline.component(name)))
