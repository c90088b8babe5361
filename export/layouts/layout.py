"""What a layout must be able to do, and the module that stands between two sets of names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from components import Arrays, Component, PipelineComponents, Runner, TensorSpec
from export.formats import Place


@dataclass(frozen=True, kw_only=True)
class Translation:
    """How a component's calls become calls of the file that other software reads, and back.

    Attributes:
        inputs: From the component's inputs to the file's.
        outputs: From the file's outputs to the component's.
    """

    inputs: Callable[[Arrays], dict[str, np.ndarray]]
    outputs: Callable[[Arrays], dict[str, np.ndarray]]

    def runner(self, run: Runner) -> Runner:
        """A runner of the file as a runner of the component."""
        return lambda arrays: self.outputs(run(self.inputs(arrays)))


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A component as other software expects it.

    Attributes:
        component: The same network with the other inputs and outputs. Its name and the names of
            its parameters are those of the component, so that recipes apply to it.
        place: Where its file lies.
        translation: How its calls are translated. It keeps no weights alive.
    """

    component: Component
    place: Place
    translation: Translation


class Layout(ABC):
    """How one kind of software wants the files of a pipeline."""

    options: ClassVar[Mapping[str, Any]] = {}
    """Options of the export that the layout decides."""
    most_chunks: ClassVar[int] = 1
    """Into how many chunks the software takes a component."""

    def __init__(self, pipeline: PipelineComponents) -> None:
        """
        Args:
            pipeline: The pipeline that is exported.

        Raises:
            ExportError: The software cannot run this pipeline.
        """
        self.pipeline = pipeline

    @abstractmethod
    def place(self, component: Component) -> Placed:
        """A component as the software expects it."""

    @abstractmethod
    def finish(self, folder: Path) -> None:
        """Write the files that lie beside the networks, but for tokenizers."""


class Adapted(nn.Module):
    """A network behind other inputs and outputs; its parameters keep their names.

    Args:
        network: The module of a component, whose children hold all of its parameters.
        forward: From the other inputs to the other outputs, a tensor or a tuple; it calls
            `network` or its children.
    """

    def __init__(self, network: nn.Module, forward: Callable[..., Any]) -> None:
        super().__init__()
        assert not [*network.parameters(recurse=False), *network.buffers(recurse=False)]
        for name, child in network.named_children():
            self.add_module(name, child)
        self._forward = forward

    def forward(self, *inputs: Tensor) -> Any:
        return self._forward(*inputs)


def adapted(
    component: Component,
    forward: Callable[..., Any],
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
) -> Component:
    """A component with other inputs and outputs, which `forward` takes and gives in this order."""
    module = Adapted(component.module, forward).eval()
    return replace(component, module=module, inputs=tuple(inputs), outputs=tuple(outputs))


def on_tensors(function: Callable[[Tensor], Tensor], array: np.ndarray) -> np.ndarray:
    """A function of tensors, computed for an array."""
    with torch.inference_mode():
        made: np.ndarray = function(torch.tensor(array)).numpy()
    return made
