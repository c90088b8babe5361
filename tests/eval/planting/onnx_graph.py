"""Edits of `.onnx` files: weights by their names, values by what makes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tests.eval.planting.files import rewrite


class Graph:
    """One component's graph, in memory."""

    def __init__(self, folder: Path, component: str) -> None:
        self.path = folder / f"{component}.onnx"
        self.model = onnx.load(self.path)
        self.graph = self.model.graph

    def save(self) -> None:
        rewrite(self.path, self.model.SerializeToString())

    def tensor(self, name: str) -> Any:
        return next(tensor for tensor in self.graph.initializer if tensor.name == name)

    def weight(self, name: str) -> np.ndarray:
        return numpy_helper.to_array(self.tensor(name)).copy()

    def store(self, name: str, array: np.ndarray) -> None:
        """Replace a weight's numbers, or add a constant."""
        if not any(tensor.name == name for tensor in self.graph.initializer):
            self.graph.initializer.add().name = name
        made = numpy_helper.from_array(np.ascontiguousarray(array), name)
        self.tensor(name).CopyFrom(made)

    def user(self, weight: str) -> Any:
        """The node that computes with a weight; a cast in between is passed over."""
        node = next(node for node in self.graph.node if weight in node.input)
        return self.user(node.output[0]) if node.op_type == "Cast" else node

    def nodes(self, kind: str) -> list[Any]:
        return [node for node in self.graph.node if node.op_type == kind]

    def maker(self, value: str) -> Any:
        return next(node for node in self.graph.node if value in node.output)

    def takers(self, value: str) -> list[Any]:
        return [node for node in self.graph.node if value in node.input]

    def put(self, value: str, *steps: tuple[str, list[Any], dict[str, Any]]) -> None:
        """Put operations behind a value or an input; what took the value takes their result.

        A step is (operation, further inputs, attributes); an array among the inputs becomes a
        constant, and its first input is what the step before gave. A step that starts with `^`
        takes its further inputs first.
        """
        inner = f"{value}.planted"
        makers = [node for node in self.graph.node if value in node.output]
        if makers:
            makers[0].output[list(makers[0].output).index(value)] = inner
            index = list(self.graph.node).index(makers[0]) + 1
            first, last = inner, value
        else:
            for node in self.takers(value):
                node.input[:] = [inner if name == value else name for name in node.input]
            index, first, last = 0, value, inner
        made = []
        for number, (kind, others, attributes) in enumerate(steps):
            names = [self._named(f"{value}.{number}.{i}", o) for i, o in enumerate(others)]
            output = last if number == len(steps) - 1 else f"{value}.step{number}"
            inputs = [*names, first] if kind.startswith("^") else [first, *names]
            made.append(helper.make_node(kind.lstrip("^"), inputs, [output], **attributes))
            first = output
        for node in reversed(made):
            self.graph.node.insert(index, node)

    def _named(self, name: str, what: Any) -> str:
        if isinstance(what, str):
            return what
        self.store(name, np.asarray(what))
        return name


Edit = Callable[[Graph], None]


def graph(component: str, edit: Edit) -> Callable[[Path], None]:
    """A planting in the graph of one component."""

    def plant(folder: Path) -> None:
        held = Graph(folder, component)
        edit(held)
        held.save()

    return plant


def weight(component: str, name: str, how: Callable[[np.ndarray], np.ndarray]) -> Any:
    """A planting in the numbers of one weight."""
    return graph(component, lambda held: held.store(name, how(held.weight(name))))


def every_weight(component: str, how: Callable[[np.ndarray], np.ndarray]) -> Any:
    """A planting in all stored floats of a component of two dimensions and more."""

    def edit(held: Graph) -> None:
        for tensor in list(held.graph.initializer):
            array = numpy_helper.to_array(tensor)
            if array.dtype.kind == "f" and array.ndim > 1 and array.size >= 256:
                held.store(tensor.name, how(array))

    return graph(component, edit)


def swap(component: str, one: str, other: str) -> Any:
    """A planting: two weights of the same shape are exchanged."""

    def edit(held: Graph) -> None:
        first, second = held.weight(one), held.weight(other)
        assert first.shape == second.shape
        held.store(one, second)
        held.store(other, first)

    return graph(component, edit)
