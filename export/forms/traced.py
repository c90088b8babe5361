"""A network as a sequence of steps, from `torch.export`: what each uses, and what lives where."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from components import Component
from export.errors import ConversionError
from support.quiet import quiet

PASSED = {
    torch.float32: torch.float32,
    torch.int32: torch.int32,
    torch.int64: torch.int32,
    torch.bool: torch.int32,
}
"""What a tensor is passed as between two networks, by its type; other types cannot be passed."""
MOST_AXES = 5
"""Axes of a Core ML input."""


class TracedNetwork:
    """A component's network as a graph without side effects.

    Attributes:
        graph: The graph, with parameters by their names in the component's module.
        inputs: The nodes of the component's inputs, in order.
        outputs: The nodes of its outputs, in order.
        steps: The nodes that compute something from the inputs, in order.
    """

    def __init__(self, component: Component) -> None:
        """
        Raises:
            ConversionError: The network has no static graph.
        """
        self.graph = _graph(component)
        nodes = list(self.graph.graph.nodes)
        self.inputs = [node for node in nodes if node.op == "placeholder"]
        (output,) = (node for node in nodes if node.op == "output")
        self.outputs = list(torch.utils._pytree.tree_leaves(output.args))
        self.steps: list[Node] = []
        self._computed = set(self.inputs)
        for node in nodes:
            # Without users there are only checks of types and shapes, which are static here.
            if node.op == "call_function" and node.users and self._depends(node):
                self.steps.append(node)
                self._computed.add(node)

    def is_constant(self, node: Node) -> bool:
        """Whether a node is the same in every call: a parameter, or made of parameters alone."""
        return node not in self._computed

    def parameters(self, node: Node) -> Iterator[str]:
        """Names of the parameters, buffers and constants that a step uses, in order."""
        for source in node.all_input_nodes:
            if source.op == "get_attr":
                yield str(source.target)
            elif self.is_constant(source):
                yield from self.parameters(source)

    def parameter(self, name: str) -> Tensor:
        """A parameter, buffer or constant by its name."""
        value: Any = self.graph
        for part in name.split("."):
            value = getattr(value, part)
        assert isinstance(value, Tensor)
        return value

    def weights(self, size: Callable[[str, Tensor], float]) -> list[float]:
        """Bytes of the weights that each step is the first to use."""
        seen: set[str] = set()
        sizes = []
        for step in self.steps:
            fresh = set(self.parameters(step)) - seen
            seen |= fresh
            sizes.append(float(sum(size(name, self.parameter(name)) for name in sorted(fresh))))
        return sizes

    def passed(self) -> list[float]:
        """Bytes of what lives before each step and is used from there on, the inputs aside.

        Infinity where something lives that cannot be passed between two networks.
        """
        place = {step: index for index, step in enumerate(self.steps)}
        total = [0.0] * len(self.steps)
        for index, step in enumerate(self.steps):
            last = max((place.get(user, -1) for user in step.users), default=-1)
            size = passed_bytes(step)
            for between in range(index + 1, last + 1):
                total[between] += size
        return total

    def _depends(self, node: Node) -> bool:
        return any(source in self._computed for source in node.all_input_nodes)


def passed_bytes(node: Node) -> float:
    """Bytes of a node's value as it is passed; infinity where it cannot be."""
    value = node.meta.get("val")
    if not isinstance(value, Tensor) or value.dtype not in PASSED or value.ndim > MOST_AXES:
        return math.inf
    return float(value.numel() * PASSED[value.dtype].itemsize)


def _graph(component: Component) -> GraphModule:
    try:
        with quiet(), torch.no_grad():
            program = torch.export.export(component.module.eval(), component.example())
            # The empty table of decompositions only replaces operations in place.
            module = program.run_decompositions({}).module(check_guards=False)
    except (torch._dynamo.exc.TorchDynamoException, NotImplementedError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConversionError(f"{component.name} cannot be cut into chunks: {reason}") from error
    assert isinstance(module, GraphModule)
    return module
