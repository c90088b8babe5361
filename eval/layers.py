"""Where a component first goes wrong: its layers, one by one, against PyTorch's.

A layer is a PyTorch module with weights of its own. The operation that uses its weights in the
model file gives its result there; what exporters leave nameless (group normalisations, linear
layers without a bias) is found by its order.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from components import Arrays, Component
from components.metrics import snr
from eval.levels.weights import NEAR, parameters, relative
from eval.programs import Operation, Program
from eval.results import Layer

_NORMS = ("instance_norm", "instancenormalization")
_ALONG = ("reshape", "mul", "add", "batch_norm", "identity")
"""What follows a normalisation and still belongs to it, where it takes nothing else computed."""
_PRODUCTS = ("matmul", "gemm", "linear")
_FUSED = "fused"
"""ONNX Runtime's `FusedConv` gives what an activation makes of a layer's result, or its sum with
something, which can be taken off again."""

PLACES = 64
"""Places of a channel below which its gain would be decided by rounding."""
FAINT = 1e-3
"""Power of a channel, in units of its layer's mean, below which its gain would be too."""


@dataclass(frozen=True, kw_only=True)
class Fall:
    """Where a component goes wrong: the layer's name, and its SNR in dB."""

    name: str
    snr: float


def outputs(component: Component, inputs: Arrays) -> dict[str, np.ndarray]:
    """What every layer of a component gives, in the order in which they are first called."""
    found: dict[str, np.ndarray] = {}

    def keep(name: str):  # type: ignore[no-untyped-def]
        def hook(module: nn.Module, taken: object, given: object) -> None:
            if isinstance(given, torch.Tensor):
                found.setdefault(name, given.detach().float().numpy().copy())

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
    program: Program,
    inputs: Arrays,
    values: Iterable[tuple[str, np.ndarray]],
) -> tuple[Layer, ...]:
    """SNR of every layer that is found on both sides, in the file's order.

    Args:
        component: The reference.
        program: The model file.
        inputs: Of one call.
        values: What the file's operations give for them, by name.
    """
    expected = outputs(component, inputs)
    wanted = {value: layer for layer, value in match(component.module, program, expected).items()}
    sums = {operation.outputs[0]: operation.added for operation in program.operations}
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
    """How far the channel that is off most is from its right size, as a share of it.

    The size is the least-squares factor between the two, so that noise cancels out: it tells one
    wrong channel of many, which the SNR of a whole layer in fp16 hides. Channels are axis 1 of
    (n,C,H,W) and the last axis else; 0 where there are fewer than `PLACES` of them.
    """
    axis = 1 if expected.ndim == 4 else expected.ndim - 1
    if expected.size < PLACES * expected.shape[axis]:
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


def first_fall(
    layers: tuple[Layer, ...], floor: float | None, ceiling: float | None = None
) -> Fall | None:
    """The first layer whose SNR is below a floor in dB or whose gain is above a ceiling; where
    there is none, the largest drop below what every layer before had."""
    if not layers:
        return None
    for layer in layers:
        low = floor is not None and not layer.snr >= floor
        if low or (ceiling is not None and layer.gain > ceiling):
            return Fall(name=layer.name, snr=layer.snr)
    # Nothing tells how much of the first one's error is rounding: it is what others fall from.
    least, worst, drop = layers[0].snr, layers[0], 0.0
    for layer in layers[1:]:
        fallen = min(least, 200.0) - min(layer.snr, 200.0)
        if fallen > drop:
            worst, drop = layer, fallen
        least = min(least, layer.snr)
    return Fall(name=worst.name, snr=worst.snr)


def match(module: nn.Module, program: Program, called: Iterable[str]) -> dict[str, str]:
    """The value in a file that is a layer's result, by the layer's name in PyTorch."""
    state = tuple(name for name, _ in module.named_parameters())
    owner = {
        constant: name.rpartition(".")[0]
        for name, held in parameters(program, state).items()
        for constant in held
    }
    # Exporters store equal weights once: whose result an operation with such a one is, is unknown.
    uses = Counter(name for operation in program.operations for name in operation.constants)
    found: dict[str, str] = {}
    for operation in program.operations:
        if operation.kind.startswith(_FUSED) and not operation.added:
            continue
        for constant in operation.constants:
            layer = owner.get(constant) if uses[constant] == 1 else None
            if layer and not _folded(module.get_submodule(layer), operation, program, owner):
                found[layer] = operation.outputs[0]
    layers = {name: module.get_submodule(name) for name in called}
    norms = [name for name, layer in layers.items() if isinstance(layer, nn.GroupNorm)]
    ends = [_end_of(place, program) for place in _norms(program)]
    if len(ends) == len(norms):
        found |= dict(zip(norms, ends, strict=True))
    found |= _products(layers, program, owner, found)
    return {name: value for name, value in found.items() if name in layers}


def _folded(
    layer: nn.Module, operation: Operation, program: Program, owner: dict[str, str]
) -> bool:
    """Whether an operation adds more than the layer's own bias: what followed was folded in."""
    bias = getattr(layer, "bias", None)
    if not isinstance(bias, torch.Tensor):
        return False
    expected = bias.detach().numpy().reshape(-1)
    others = [
        program.constants[name].reshape(-1)
        for name in operation.constants
        if name in program.constants and name not in owner
    ]
    return any(
        other.size == expected.size and relative(expected, other) >= NEAR for other in others
    )


def _norms(program: Program) -> list[Operation]:
    return [operation for operation in program.operations if operation.kind in _NORMS]


def _end_of(norm: Operation, program: Program) -> str:
    """The last value of a normalisation: its scale and shift included."""
    value = norm.outputs[0]
    while True:
        users = [operation for operation in program.operations if value in operation.inputs]
        if len(users) != 1 or users[0].kind not in _ALONG or len(users[0].inputs) != 1:
            return value
        value = users[0].outputs[0]


def _products(
    layers: dict[str, nn.Module], program: Program, owner: dict[str, str], found: dict[str, str]
) -> dict[str, str]:
    """Linear layers that no name gives away: by their numbers among those of their shape, and what
    is left by its order. Order alone would do only in files that nobody has sorted anew."""
    waiting: dict[tuple[int, ...], dict[str, np.ndarray]] = {}
    for name, layer in layers.items():
        if isinstance(layer, nn.Linear) and name not in found:
            shape = tuple(sorted(layer.weight.shape))
            waiting.setdefault(shape, {})[name] = layer.weight.detach().numpy()
    taken = set(found.values())
    made: dict[str, str] = {}
    for shape, weights in waiting.items():
        held = dict(_candidates(shape, program, owner, taken))
        made |= _nearest(weights, held)
    return made


def _candidates(
    shape: tuple[int, ...], program: Program, owner: dict[str, str], taken: set[str]
) -> Iterator[tuple[str, np.ndarray]]:
    """Results of products with a nameless constant of a shape, turned either way, and that."""
    for operation in program.operations:
        if operation.kind not in _PRODUCTS or taken & set(_reached(operation, program)):
            continue
        for constant in operation.constants:
            value = program.constants.get(constant)
            if constant not in owner and value is not None and sorted(value.shape) == [*shape]:
                yield operation.outputs[0], value


def _nearest(weights: dict[str, np.ndarray], held: dict[str, np.ndarray]) -> dict[str, str]:
    """Layers and products with the same numbers, nearest first; of the others, where there are as
    many on both sides, the first with the first."""
    errors = sorted(
        (min(relative(weight, form) for form in (value, value.T)), name, product)
        for name, weight in weights.items()
        for product, value in held.items()
    )
    found: dict[str, str] = {}
    for error, name, product in errors:
        if error < NEAR and name not in found and product not in found.values():
            found[name] = product
    names = [name for name in weights if name not in found]
    products = [product for product in held if product not in found.values()]
    return found | (dict(zip(names, products, strict=True)) if len(names) == len(products) else {})


def _reached(operation: Operation, program: Program) -> tuple[str, ...]:
    """What an operation gives, and what an addition right after it makes of that."""
    given = operation.outputs[0]
    after = (o for o in program.operations if given in o.inputs and o.kind == "add")
    return (given, *(o.outputs[0] for o in after if len(o.inputs) == 1))
