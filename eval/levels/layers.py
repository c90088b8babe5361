"""Where a component first goes wrong: its layers, one by one, against PyTorch's."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from components import Arrays, Component
from components.metrics import snr
from eval.graphs import Graph
from eval.levels.layer_matching import match
from eval.schema import Layer

FEWEST_ELEMENTS = 64
"""With fewer elements in a channel, rounding would decide its gain."""
FAINT = 1e-3
"""Rounding would decide the gain of a channel with less power (in units of its layer's mean)."""


@dataclass(frozen=True, kw_only=True)
class WrongLayer:
    """The layer in which a component goes wrong: its name, and its SNR in dB."""

    name: str
    snr: float


def outputs(component: Component, inputs: Arrays) -> dict[str, np.ndarray]:
    """The result of every layer of a component, in the order in which they are first called."""
    found: dict[str, np.ndarray] = {}

    def keep(name: str):  # type: ignore[no-untyped-def]
        def hook(module: nn.Module, inputs: object, output: object) -> None:
            if isinstance(output, torch.Tensor):
                found.setdefault(name, output.detach().float().numpy().copy())

        return hook

    handles = [
        module.register_forward_hook(keep(name))
        for name, module in component.module.named_modules()
        if name and next(module.parameters(recurse=False), None) is not None
    ]
    try:
        with torch.inference_mode():
            component.module(*(torch.tensor(inputs[spec.name]) for spec in component.inputs))
    finally:
        for handle in handles:
            handle.remove()
    return found


def compare(
    component: Component,
    graph: Graph,
    inputs: Arrays,
    values: Iterable[tuple[str, np.ndarray]],
) -> tuple[Layer, ...]:
    """Compare every layer that is found on both sides, in the file's order.

    Args:
        component: The reference's component.
        graph: The model file.
        inputs: Inputs of one call.
        values: Results of the file's operations for these inputs, by name.
    """
    expected = outputs(component, inputs)
    wanted = {value: layer for layer, value in match(component.module, graph, expected).items()}
    sums = {operation.outputs[0]: operation.added for operation in graph.operations}
    added = {name: inputs.get(name) for name in sums.values() if name}
    found = []
    for name, value in values:
        if name in added:
            added[name] = value
        layer = wanted.get(name)
        if layer is None or value.size != expected[layer].size:
            continue
        right = expected[layer]
        alone = value - added[sums[name]] if sums.get(name) else value
        got = np.asarray(alone, np.float32).reshape(right.shape)
        reached = snr(right.reshape(-1), got.reshape(-1))
        found.append(Layer(name=layer, value=name, snr=reached, gain=gain(right, got)))
    return tuple(found)


def gain(expected: np.ndarray, got: np.ndarray) -> float:
    """The largest relative error of a channel's size.

    The size is the least-squares factor between the two arrays, so that noise cancels out. It tells
    one wrong channel among many, which the SNR of a layer in fp16 hides. Channels are axis 1 of
    (n,C,H,W), otherwise the last axis.

    Returns:
        0 where channels have fewer than `FEWEST_ELEMENTS` elements; inf where `got` is not finite.
    """
    axis = 1 if expected.ndim == 4 else expected.ndim - 1
    if expected.size < FEWEST_ELEMENTS * expected.shape[axis]:
        return 0.0
    a, b = (
        np.moveaxis(array.astype(np.float64), axis, 0).reshape(expected.shape[axis], -1)
        for array in (expected, got)
    )
    if not np.all(np.isfinite(b)):
        return math.inf
    power = np.sum(a * a, axis=1)
    loud = power > FAINT * np.mean(power)
    if not np.any(loud):
        return 0.0
    return float(np.max(np.abs(np.sum(a * b, axis=1)[loud] / power[loud] - 1)))


def first_wrong(
    layers: tuple[Layer, ...], floor: float | None, ceiling: float | None = None
) -> WrongLayer | None:
    """The first layer whose SNR is below a floor in dB, or whose gain is above a ceiling.

    If there is none, it is the layer with the largest drop below all layers before it; None where
    there are no layers.
    """
    if not layers:
        return None
    for layer in layers:
        low = floor is not None and not layer.snr >= floor
        if low or (ceiling is not None and layer.gain > ceiling):
            return WrongLayer(name=layer.name, snr=layer.snr)
    # Nothing tells how much of the first layer's error is rounding, so drops are counted from it.
    lowest, worst, largest_drop = layers[0].snr, layers[0], 0.0
    for layer in layers[1:]:
        drop = min(lowest, 200.0) - min(layer.snr, 200.0)
        if drop > largest_drop:
            worst, largest_drop = layer, drop
        lowest = min(lowest, layer.snr)
    return WrongLayer(name=worst.name, snr=worst.snr)
