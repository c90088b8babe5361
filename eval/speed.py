"""What components and sets of avatars cost in a runtime: seconds cold and warm, memory, and, of the
component itself, multiply-accumulates and bytes moved."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

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
    """
    known, before = memory.reset(), memory.resident()
    start = time.perf_counter()
    runner = load()
    loaded = time.perf_counter()
    runner(inputs)
    cold = time.perf_counter()
    warm = tuple(_seconds(runner, inputs) for _ in range(calls))
    cost = Cost(
        artifact=artifact,
        runtime=runtime,
        component=component,
        load=loaded - start,
        cold=cold - loaded,
        warm=warm,
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
) -> Cost:
    """From selfies to a set of avatars. `make` gives the artifact anew, so that identity tokens
    are computed once a set, as an app does; its components are loaded already. `calls` sets follow
    the first one; without any, the first counts as warm too."""
    known, before = memory.reset(), memory.resident()
    times = []
    for _ in range(calls + 1):
        start = time.perf_counter()
        model = make()
        for offset in range(SET):
            model.draw(_with_seed(ask, ask.seed + offset), shape)
        times.append(time.perf_counter() - start)
    return Cost(
        artifact=artifact,
        runtime=runtime,
        component=RUN,
        avatars=SET,
        load=0.0,
        cold=times[0],
        warm=tuple(times[1:]) or (times[0],),
        peak_bytes=max(0, memory.peak() - before) if known else None,
    )


def _with_seed(ask: Ask, seed: int) -> Ask:
    return Ask(shown=ask.shown, style=ask.style, seed=seed, steps=ask.steps)


def _seconds(runner: Runner, inputs: Arrays) -> float:
    start = time.perf_counter()
    runner(inputs)
    return time.perf_counter() - start
