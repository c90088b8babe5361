"""Inputs and outputs of components as they occur in a real run, for checks and golden vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from components.component import Arrays, Component, PipelineComponents, Runner

LARGE = 50_000_000
"""Weights from which a network is run by two threads: the work of each outweighs their waiting."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call: named inputs, and the outputs of the reference for them."""

    inputs: Arrays
    outputs: Arrays


@dataclass(frozen=True, kw_only=True)
class Peak:
    """The largest number that occurs inside a component.

    Attributes:
        value: Its absolute value.
        operation: The operation of PyTorch that gave it.
    """

    value: float = 0.0
    operation: str = ""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One whole run by the reference.

    Attributes:
        seed: Decided the inputs of the run.
        run: The inputs and outputs of the whole run.
        calls: For each component some of its calls in that run, in order.
        peaks: For each component the largest number that occurs in any of its calls.
        steps: Steps of the sampler in that run; None for its default's.
    """

    seed: int
    run: Case
    calls: Mapping[str, tuple[Case, ...]]
    peaks: Mapping[str, Peak] = field(default_factory=dict)
    steps: int | None = None


def record(pipeline: PipelineComponents, *, seed: int = 0, cases: int = 3) -> Recording:
    """Run the PyTorch reference once, and keep inputs and outputs of its components' calls.

    Args:
        pipeline: What to run.
        seed: Decides the run's inputs; same seed, same recording on one machine, however many
            threads PyTorch may use.
        cases: Most calls of a component that are kept. They are evenly spread from the first to
            the last, because a sampler's first and last timesteps are the extremes.
    """
    from components.peaks import watched  # imports PyTorch
    from components.reference import OneAtATime, runner

    calls: dict[str, list[Case]] = {name: [] for name in pipeline.names}
    peaks = dict.fromkeys(pipeline.names, Peak())

    def load(name: str) -> Runner:
        component = pipeline.component(name)
        run, threads = runner(component), _threads_for(component)

        def call(inputs: Arrays) -> dict[str, np.ndarray]:
            with _threads(threads), watched() as largest:
                outputs = run(inputs)
            peaks[name] = max(peaks[name], Peak(**largest()), key=lambda peak: peak.value)
            return outputs

        return call

    reference = OneAtATime(pipeline.names, load)

    def recorded(name: str) -> Runner:
        def call(inputs: Arrays) -> dict[str, np.ndarray]:
            outputs = reference[name](inputs)
            calls[name].append(Case(inputs=_copy(inputs), outputs=_copy(outputs)))
            return outputs

        return call

    inputs = pipeline.example_run(seed)
    with _threads(1):
        outputs = pipeline.run({name: recorded(name) for name in pipeline.names}, inputs)
    kept = {name: _spread(made, cases) for name, made in calls.items()}
    run = Case(inputs=inputs, outputs=outputs)
    return Recording(seed=seed, run=run, calls=kept, peaks=peaks, steps=pipeline.recorded_steps)


def _threads_for(component: Component) -> int:
    """How many threads run it: a number that depends on the network alone, not on the machine."""
    weights = sum(weight.numel() for weight in component.module.parameters())
    return 2 if weights > LARGE else 1


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Make PyTorch use this many threads while open, whatever the machine has.

    PyTorch splits sums among threads, so their number changes the last bits of a recording.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _copy(arrays: Arrays) -> dict[str, np.ndarray]:
    return {name: np.array(array, order="C") for name, array in arrays.items()}


def _spread(made: list[Case], count: int) -> tuple[Case, ...]:
    """The cases, or `count` of them, evenly spread from the first to the last, none twice."""
    if len(made) <= count:
        return tuple(made)
    chosen = np.linspace(0, len(made) - 1, count).round().astype(int)
    return tuple(made[i] for i in chosen)
