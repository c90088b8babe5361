"""Level `speed`: what components and whole runs cost in a runtime.

A cost has seconds of cold and warm calls and memory; for a component, also its multiply-accumulates
and the bytes that a call moves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from components import Arrays, Component, Runner
from eval.cases import RunCase
from eval.metrics import memory
from eval.reference import Model
from eval.schema import RUN, Cost


@dataclass(frozen=True, kw_only=True)
class Work:
    """The work of one call, estimated.

    Attributes:
        gmac: Multiply-accumulates, in 10^9.
        elements: Elements of activations that layers read and write, once each.
        seconds: How long the call took in PyTorch while it was counted.
    """

    gmac: float
    elements: int
    seconds: float = 0.0


def count_work(component: Component) -> Work:
    """Count the work of a component in PyTorch; every other runtime does the same."""
    elements = 0

    def count(module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        nonlocal elements
        tensors = [t for t in (*inputs, output) if isinstance(t, torch.Tensor)]
        elements += sum(tensor.numel() for tensor in tensors)

    leaves = [module for module in component.module.modules() if not list(module.children())]
    handles = [leaf.register_forward_hook(count) for leaf in leaves]
    start = time.perf_counter()
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            component.module(*component.example())
    finally:
        for handle in handles:
            handle.remove()
    seconds = time.perf_counter() - start
    return Work(gmac=counter.get_total_flops() / 2e9, elements=elements, seconds=seconds)


def time_component(
    artifact: str,
    runtime: str,
    component: str,
    load: Callable[[], Runner],
    inputs: Arrays,
    *,
    calls: int,
    file_bytes: int,
    weight_bytes: int,
    work: Work,
    beside: Callable[[], object] | None = None,
) -> tuple[Cost, Runner]:
    """Load a component and time its calls.

    Args:
        artifact, runtime, component: As in `Cost`.
        load: Loads the component.
        inputs: Inputs of one call.
        calls: Number of warm calls.
        file_bytes: Bytes of its files.
        weight_bytes: Bytes of weights that a call reads.
        work: The work of a call.
        beside: The same call in PyTorch, timed in turn with the warm calls for their ratio:
            whatever else the machine is doing then slows both.

    Returns:
        The cost, and the component, ready to run.
    """
    known, before = memory.reset(), memory.resident()
    start = time.perf_counter()
    runner = load()
    loaded = time.perf_counter()
    runner(inputs)
    cold = time.perf_counter()
    warm, ratio = _in_turn(lambda: runner(inputs), beside, calls)
    cost = Cost(
        artifact=artifact,
        runtime=runtime,
        component=component,
        load=loaded - start,
        cold=cold - loaded,
        warm=warm,
        ratio=ratio,
        peak_bytes=max(0, memory.peak() - before) if known else None,
        file_bytes=file_bytes,
        gmac=work.gmac,
        moved_bytes=weight_bytes + 4 * work.elements,
    )
    return cost, runner


def time_runs(
    artifact: str,
    runtime: str,
    make: Callable[[], Model],
    runs: Sequence[RunCase],
    calls: int,
    beside: Callable[[], Model] | None = None,
) -> Cost:
    """Time everything from what a user gives to the pictures.

    Args:
        artifact, runtime: As in `Cost`.
        make: Returns the artifact as a fresh model, so that what runs share is computed once for
            all of them, as in an app; its components are loaded already.
        runs: The runs, one after the other.
        calls: How often after the first time.
        beside: Returns PyTorch's fresh model, whose runs are timed in turn for the ratio.
    """

    def draw(make: Callable[[], Model]) -> None:
        model = make()
        for run in runs:
            model.draw(run)

    known, before = memory.reset(), memory.resident()
    cold = _seconds(lambda: draw(make))
    warm, ratio = _in_turn(lambda: draw(make), (lambda: draw(beside)) if beside else None, calls)
    return Cost(
        artifact=artifact,
        runtime=runtime,
        component=RUN,
        avatars=len(runs),
        load=0.0,
        cold=cold,
        warm=warm,
        ratio=ratio,
        peak_bytes=max(0, memory.peak() - before) if known else None,
    )


def _in_turn(
    call: Callable[[], object], other: Callable[[], object] | None, count: int
) -> tuple[tuple[float, ...], float | None]:
    """Seconds of `count` calls, each followed by one other call, and the median of the ratios."""
    times, ratios = [], []
    for _ in range(count):
        times.append(_seconds(call))
        if other is not None:
            ratios.append(times[-1] / _seconds(other))
    return tuple(times), median(ratios) if ratios else None


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
