"""Which value in a model file is the result of which layer of the PyTorch module.

A layer is a PyTorch module with weights of its own. The operation that uses its weights in the
model file computes its result. Layers whose weights exporters leave nameless (group normalisations,
linear layers without a bias) are found by their order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import nn

from eval.graphs import Graph, Operation
from eval.levels.weights import NEAR, parameters, relative

_NORMS = ("instance_norm", "instancenormalization")
_ALONG = ("reshape", "mul", "add", "batch_norm", "identity")
"""Operations after a normalisation that belong to it, if they take no other computed value."""
_PRODUCTS = ("matmul", "gemm", "linear")
_FUSED = "fused"
"""ONNX Runtime's `FusedConv` gives a layer's result after an activation, or its sum with another
value, which can be subtracted again."""


def match(module: nn.Module, graph: Graph, called: Iterable[str]) -> dict[str, str]:
    """The names of the values that are layers' results, by the layers' names in PyTorch.

    Args:
        module: The component's module.
        graph: The model file.
        called: Names of the layers in the order of their first call.
    """
    state = tuple(name for name, _ in module.named_parameters())
    owner = {
        constant: name.rpartition(".")[0]
        for name, held in parameters(graph, state).items()
        for constant in held
    }
    # Exporters store equal weights once: an operation with shared weights may be any of the layers.
    uses = Counter(name for operation in graph.operations for name in operation.constants)
    found: dict[str, str] = {}
    for operation in graph.operations:
        if operation.kind.startswith(_FUSED) and not operation.added:
            continue
        for constant in operation.constants:
            layer = owner.get(constant) if uses[constant] == 1 else None
            if layer and not _folded(module.get_submodule(layer), operation, graph, owner):
                found[layer] = operation.outputs[0]
    layers = {name: module.get_submodule(name) for name in called}
    norms = [name for name, layer in layers.items() if isinstance(layer, nn.GroupNorm)]
    ends = [_end_of(norm, graph) for norm in _norms(graph)]
    if len(ends) == len(norms):
        found |= dict(zip(norms, ends, strict=True))
    found |= _products(layers, graph, owner, found)
    return {name: value for name, value in found.items() if name in layers}


def _folded(layer: nn.Module, operation: Operation, graph: Graph, owner: dict[str, str]) -> bool:
    """Whether an operation adds more than the layer's own bias: a later one was folded into it."""
    bias = getattr(layer, "bias", None)
    if not isinstance(bias, torch.Tensor):
        return False
    expected = bias.detach().numpy().reshape(-1)
    others = [
        graph.constants[name].reshape(-1)
        for name in operation.constants
        if name in graph.constants and name not in owner
    ]
    return any(
        other.size == expected.size and relative(expected, other) >= NEAR for other in others
    )


def _norms(graph: Graph) -> list[Operation]:
    return [operation for operation in graph.operations if operation.kind in _NORMS]


def _end_of(norm: Operation, graph: Graph) -> str:
    """The last value of a normalisation, after its scale and shift."""
    value = norm.outputs[0]
    while True:
        users = [operation for operation in graph.operations if value in operation.inputs]
        if len(users) != 1 or users[0].kind not in _ALONG or len(users[0].inputs) != 1:
            return value
        value = users[0].outputs[0]


def _products(
    layers: dict[str, nn.Module], graph: Graph, owner: dict[str, str], found: dict[str, str]
) -> dict[str, str]:
    """Linear layers whose weights have lost their names: found by their numbers among weights of
    their shape, the rest by their order. Order alone would fail in a file that was sorted anew."""
    waiting: dict[tuple[int, ...], dict[str, np.ndarray]] = {}
    for name, layer in layers.items():
        if isinstance(layer, nn.Linear) and name not in found:
            shape = tuple(sorted(layer.weight.shape))
            waiting.setdefault(shape, {})[name] = layer.weight.detach().numpy()
    taken = set(found.values())
    made: dict[str, str] = {}
    for shape, weights in waiting.items():
        held = dict(_candidates(shape, graph, owner, taken))
        made |= _nearest(weights, held)
    return made


def _candidates(
    shape: tuple[int, ...], graph: Graph, owner: dict[str, str], taken: set[str]
) -> Iterator[tuple[str, np.ndarray]]:
    """Results of products with a nameless constant of a shape, each with that constant."""
    for operation in graph.operations:
        if operation.kind not in _PRODUCTS or taken & set(_reached(operation, graph)):
            continue
        for constant in operation.constants:
            value = graph.constants.get(constant)
            if constant not in owner and value is not None and sorted(value.shape) == [*shape]:
                yield operation.outputs[0], value


def _nearest(weights: dict[str, np.ndarray], held: dict[str, np.ndarray]) -> dict[str, str]:
    """Layers and products with the same numbers, the nearest first.

    If as many others remain on both sides, they are paired in their order.
    """
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


def _reached(operation: Operation, graph: Graph) -> tuple[str, ...]:
    """The result of an operation, and that of an addition right after it."""
    result = operation.outputs[0]
    after = (o for o in graph.operations if result in o.inputs and o.kind == "add")
    return (result, *(o.outputs[0] for o in after if len(o.inputs) == 1))
