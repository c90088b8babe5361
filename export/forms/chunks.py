"""A component cut into chunks: networks that, run one after the other, compute what it computes.

A device that cannot load one large model loads its chunks. Cuts lie where the fewest bytes have to
be passed, with about equally many bytes of weights in each chunk. What apple/ml-stable-diffusion
does by hand for one UNet in two halves (`chunk_mlprogram.py`) is done here for any network.

A chunk's inputs are inputs of the whole, by their own names, and tensors that earlier chunks pass,
`passed_0`, `passed_1` and so on. What depends on no input is computed anew wherever it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor
from torch.fx import Graph, GraphModule, Node

from components import Component, TensorSpec
from components.component import DType
from export.errors import ExportError
from export.forms.cut_positions import cheapest_cuts, most_parts
from export.forms.traced import PASSED, TracedNetwork

CHUNK = "_chunk"
"""What stands between a component's name and a chunk's number."""


def tensor_bytes(name: str, value: Tensor) -> float:
    """Bytes of a parameter as it is."""
    return value.numel() * value.element_size()


def cut(
    component: Component, count: int, size: Callable[[str, Tensor], float] = tensor_bytes
) -> tuple[Component, ...]:
    """Cut a component into chunks.

    Laws: chunks run in order equal the whole exactly; every weight is in exactly the chunks that
    use it, under its name in the whole; one chunk is the component itself.

    Args:
        component: What to cut. Its parameters are shared with the chunks, not copied.
        count: Number of chunks.
        size: Returns the bytes that a parameter takes in the artifact, from its name and value.

    Returns:
        Components `NAME_chunk1` to `NAME_chunkN`, in the order in which they run.

    Raises:
        ExportError: There are not so many places to cut; the message says how many chunks can be.
        ConversionError: The network has no static graph.
    """
    if count == 1:
        return (component,)
    network = TracedNetwork(component)
    weights, passed = network.weights(size), network.passed()
    most = most_parts(weights, passed)
    if not 1 <= count <= most:
        raise ExportError(
            f"{component.name} cannot be cut into {count} chunks, expected 1 to {most}: "
            f"each needs weights of its own"
        )
    starts = (0, *cheapest_cuts(weights, passed, count), len(network.steps))
    chunk_of = {
        step: index
        for index, (start, end) in enumerate(pairwise(starts))
        for step in network.steps[start:end]
    }
    names = _Names(component, network, chunk_of)
    return tuple(_chunk(component, network, names, index, count) for index in range(count))


class _Names:
    """Which chunk computes what, and what values are called on the way between them."""

    def __init__(
        self, component: Component, network: TracedNetwork, chunk_of: Mapping[Node, int]
    ) -> None:
        self.chunk_of = chunk_of
        self.last = max(chunk_of.values())
        specs = zip(network.inputs, component.inputs, strict=True)
        self.inputs: dict[Node, TensorSpec] = dict(specs)
        self.outputs = list(zip(network.outputs, component.outputs, strict=True))
        self.passed: dict[Node, TensorSpec] = {}
        for step in network.steps:
            if any(chunk_of.get(user, -1) > chunk_of[step] for user in step.users):
                own = [spec for node, spec in self.outputs if node is step]
                self.passed[step] = own[0] if own else self._passed_spec(step)

    def _passed_spec(self, step: Node) -> TensorSpec:
        value = step.meta["val"]
        dtype = str(PASSED[value.dtype]).removeprefix("torch.")
        number = sum(spec.name.startswith("passed_") for spec in self.passed.values())
        return TensorSpec(
            name=f"passed_{number}",
            shape=tuple(value.shape) or (1,),
            dtype=cast(DType, dtype),
            description="Passed from one chunk to a later one.",
        )

    def of_chunk(self, index: int) -> list[tuple[Node, TensorSpec]]:
        """What a chunk returns: what it passes on, and outputs of the whole.

        Outputs that no chunk computes, because they are inputs or constant, are the last one's.
        """
        ends = [pair for pair in self.outputs if self.chunk_of.get(pair[0], self.last) == index]
        named = {spec.name for _, spec in ends}
        passed = [
            (node, spec)
            for node, spec in self.passed.items()
            if self.chunk_of[node] == index and spec.name not in named
        ]
        return [*passed, *ends]


def _chunk(
    component: Component, network: TracedNetwork, names: _Names, index: int, count: int
) -> Component:
    steps = [step for step in network.steps if names.chunk_of[step] == index]
    returned = names.of_chunk(index)
    builder = _Builder(network, names)
    builder.take(steps, [node for node, _ in returned])
    for step in steps:
        builder.copy(step)
    module = builder.finish(returned)
    return Component(
        name=f"{component.name}{CHUNK}{index + 1}",
        module=module,
        inputs=tuple(builder.inputs),
        outputs=tuple(spec for _, spec in returned),
        description=f"{component.description} Chunk {index + 1} of {count}.".strip(),
    )


class _Builder:
    """Builds the graph of one chunk."""

    def __init__(self, network: TracedNetwork, names: _Names) -> None:
        self.network, self.names = network, names
        self.graph = Graph()
        self.inputs: list[TensorSpec] = []
        self._copies: dict[Node, Node] = {}
        self._parameters: dict[str, Tensor] = {}

    def take(self, steps: Sequence[Node], returned: Sequence[Node]) -> None:
        """Make inputs of what the steps need from outside: first those of the whole."""
        own = set(steps)
        needed = {source for step in steps for source in step.all_input_nodes} | set(returned)
        for known in (self.names.inputs, self.names.passed):
            for node, spec in known.items():
                if node in needed and node not in own:
                    self.inputs.append(spec)
                    self._copies[node] = self._unpacked(self.graph.placeholder(spec.name), node)

    def copy(self, node: Node) -> Node:
        """A node of the whole in this chunk, with the constants that it needs."""
        if node not in self._copies:
            if node.op == "get_attr":
                name = str(node.target)
                self._parameters[name] = self.network.parameter(name)
            self._copies[node] = self.graph.node_copy(node, self.copy)
        return self._copies[node]

    def finish(self, returned: Sequence[tuple[Node, TensorSpec]]) -> GraphModule:
        """The chunk's module, which returns these nodes."""
        values = tuple(self._packed(self.copy(node), node, spec) for node, spec in returned)
        self.graph.output(values[0] if len(values) == 1 else values)
        module = GraphModule(cast(dict[str, Any], self._parameters), self.graph)
        module.eval()
        return module

    def _packed(self, value: Node, original: Node, spec: TensorSpec) -> Node:
        """A value as it is passed: in a type and with axes that every format knows."""
        kept = original.meta["val"]
        if kept.dtype != (dtype := getattr(torch, spec.dtype)):
            value = self.graph.call_method("to", (value, dtype))
        if tuple(kept.shape) != spec.shape:
            value = self.graph.call_method("reshape", (value, spec.shape))
        return value

    def _unpacked(self, value: Node, original: Node) -> Node:
        """The inverse of `_packed`."""
        kept = original.meta["val"]
        if original in self.names.passed:
            spec = self.names.passed[original]
            if tuple(kept.shape) != spec.shape:
                value = self.graph.call_method("reshape", (value, tuple(kept.shape)))
            if kept.dtype != getattr(torch, spec.dtype):
                value = self.graph.call_method("to", (value, kept.dtype))
        return value
