"""What components and sets of avatars cost in a runtime: seconds cold and warm, memory, and, of the
component itself, multiply-accumulates and bytes moved."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from components import Arrays, Component, Runner
from eval import memory
from eval.cases import Ask
from eval.drawing import Model
from eval.results import RUN, Cost

SET = 4
"""Avatars in a set: of one person and style, from seeds that follow one another."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One call's work, estimated: 10^9 multiply-accumulates, and elements of activations that
    layers read and write, each once."""

    gmac: float
    elements: int


def work(component: Component) -> Work:
    """Count a component's work in PyTorch, which every other runtime does too."""
    elements = 0

    def count(module: nn.Module, taken: tuple[object, ...], given: object) -> None:
        nonlocal elements
        tensors = [t for t in (*taken, given) if isinstance(t, torch.Tensor)]
        elements += sum(tensor.numel() for tensor in tensors)

    leaves = [module for module in component.module.modules() if not list(module.children())]
    handles = [leaf.register_forward_hook(count) for leaf in leaves]
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            component.module(*component.example())
    finally:
        for handle in handles:
            handle.remove()
    return Work(gmac=counter.get_total_flops() / 2e9, elements=elements)


def of_component(
    artifact: str,
    runtime: str,
    component: str,
    load: Callable[[], Runner],
    inputs: Arrays,
    *,
    calls: int,
    file_bytes: int,
    weight_bytes: int,
    done: Work,
    beside: Callable[[], object] | None = None,
) -> tuple[Cost, Runner]:
    """Load a component and call it; gives its cost and, ready to run, the component.

    Args:
        artifact, runtime, component: What it is.
        load: Loads it.
        inputs: Of one call.
        calls: Warm ones.
        file_bytes: Size of its files.
        weight_bytes: Bytes of weights that a call reads.
        done: What a call computes.
        beside: PyTorch's call of the same, timed in turn with the warm ones for their ratio: what
            else the machine does then slows both.
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
        gmac=done.gmac,
        moved_bytes=weight_bytes + 4 * done.elements,
    )
    return cost, runner


def of_set(
    artifact: str,
    runtime: str,
    make: Callable[[], Model],
    ask: Ask,
    shape: tuple[int, ...],
    calls: int,
    beside: Callable[[], Model] | None = None,
) -> Cost:
    """From selfies to a set of avatars. `make` gives the artifact anew, so that identity tokens
    are computed once a set, as an app does; its components are loaded already. `calls` sets follow
    the first one, in turn with as many of PyTorch's, which `beside` gives anew."""

    def draw(make: Callable[[], Model]) -> None:
        model = make()
        for offset in range(SET):
            model.draw(_with_seed(ask, ask.seed + offset), shape)

    known, before = memory.reset(), memory.resident()
    cold = _seconds(lambda: draw(make))
    warm, ratio = _in_turn(lambda: draw(make), (lambda: draw(beside)) if beside else None, calls)
    return Cost(
        artifact=artifact,
        runtime=runtime,
        component=RUN,
        avatars=SET,
        load=0.0,
        cold=cold,
        warm=warm,
        ratio=ratio,
        peak_bytes=max(0, memory.peak() - before) if known else None,
    )


def _with_seed(ask: Ask, seed: int) -> Ask:
    return Ask(shown=ask.shown, style=ask.style, seed=seed, steps=ask.steps)


def _in_turn(
    call: Callable[[], object], other: Callable[[], object] | None, count: int
) -> tuple[tuple[float, ...], float | None]:
    """Seconds of `count` calls, each followed by one of the other; and the median of the ratios."""
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
