"""Face networks that are published as ONNX files, as PyTorch modules: convolutional nets only.

FaceID adapters were trained with such a network. Its graph becomes a list of layers, which a
checkpoint's configuration holds, and its weights are stored like all others: no code of strangers
runs, and every exporter and recipe sees convolutions and linear layers as it knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from components.checkpoint import understood
from components.errors import AssemblyError

Graph = dict[str, Any]
"""A graph as JSON holds it: `input`, `output`, `side`, `width`, and `layers`, each with `op`,
`inputs`, `output` and `options`."""

Weights = Sequence[np.ndarray]
State = dict[str, np.ndarray]


class Affine(nn.Module):
    """`x·weight + bias` for each channel: what a batch normalisation is after training."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1, *(1 for _ in x.shape[2:]))
        return x * self.weight.reshape(shape) + self.bias.reshape(shape)


class Sum(nn.Module):
    """The sum of two tensors."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class Product(nn.Module):
    """The product of two tensors, element by element."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x * y


LAYERS: dict[str, Callable[..., nn.Module]] = {
    "Add": Sum,
    "BatchNormalization": Affine,
    "Conv": nn.Conv2d,
    "Dropout": nn.Identity,
    "Flatten": nn.Flatten,
    "Gemm": nn.Linear,
    "GlobalAveragePool": lambda: nn.AdaptiveAvgPool2d(1),
    "Identity": nn.Identity,
    "MaxPool": nn.MaxPool2d,
    "Mul": Product,
    "PRelu": nn.PReLU,
    "Relu": nn.ReLU,
    "Sigmoid": nn.Sigmoid,
}
"""For each operation of ONNX that is read what makes its layer of `options`."""


class OnnxNetwork(nn.Module):
    """Pictures (n,3,S,S) in [0,1] to embeddings (n,E), by a graph."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, graph: Graph, preprocessing: Mapping[str, Any]) -> None:
        """Make the layers, with any numbers as weights.

        Args:
            graph: As `read_network` gives it.
            preprocessing: `mean` and `deviation` of each channel, `order` (`rgb` or `bgr`), and
                `unit`: whether embeddings are divided by their length.
        """
        super().__init__()
        self.graph, self.unit = graph, bool(preprocessing["unit"])
        self.reversed = preprocessing["order"] == "bgr"
        self.layers = nn.ModuleList(
            LAYERS[layer["op"]](**layer["options"]) for layer in graph["layers"]
        )
        for name in ("mean", "deviation"):
            values = torch.tensor(preprocessing[name])[:, None, None]
            self.register_buffer(name, values, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        if self.reversed:
            pictures = pictures.flip(1)
        held = {self.graph["input"]: (pictures - self.mean) / self.deviation}
        for layer, module in zip(self.graph["layers"], self.layers, strict=True):
            held[layer["output"]] = module(*(held[name] for name in layer["inputs"]))
        found = held[self.graph["output"]]
        return found / found.square().sum(dim=1, keepdim=True).sqrt() if self.unit else found


@dataclass(frozen=True, kw_only=True)
class ReadNetwork:
    """A graph, and the weights of its layers by their names in `OnnxNetwork`."""

    graph: Graph
    state: dict[str, Tensor]


def read_network(file: Path) -> ReadNetwork:
    """Read an ONNX file.

    Raises:
        AssemblyError: It is no convolutional network from one picture to one vector.
    """
    with understood(file):
        model = onnx.load(file)
        model = onnx.shape_inference.infer_shapes(model)
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    side = _side(file, inputs)
    layers: list[dict[str, Any]] = []
    state: dict[str, Tensor] = {}
    for node in graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Constant" and "value" in attributes:
            constants[node.output[0]] = numpy_helper.to_array(attributes["value"])
            continue
        weights = [constants[name] for name in node.input if name in constants]
        options, held = _layer(file, node.op_type, attributes, weights)
        for name, array in held.items():
            # As in PyTorch; files have them read-only.
            state[f"layers.{len(layers)}.{name}"] = torch.tensor(array, dtype=torch.float32)
        data = [name for name in node.input if name and name not in constants]
        layers.append(
            {"op": node.op_type, "inputs": data, "output": node.output[0], "options": options}
        )
    made = {
        "input": inputs[0].name,
        "output": graph.output[0].name,
        "side": side,
        "layers": layers,
    }
    return ReadNetwork(graph={**made, "width": _width(file, made, state)}, state=state)


def _side(file: Path, inputs: Sequence[Any]) -> int:
    if len(inputs) == 1:
        sides = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim]
        if len(sides) == 4 and sides[1] == 3 and sides[2] == sides[3] > 0:
            return int(sides[2])
    raise AssemblyError(
        f"image_encoder: {file} does not take one picture (n,3,S,S) of a fixed size, as a face "
        f"network does"
    )


def _width(file: Path, graph: Graph, state: Mapping[str, Tensor]) -> int:
    """The width of what a graph gives, from a run of it."""
    plain = {"mean": [0.0] * 3, "deviation": [1.0] * 3, "order": "rgb", "unit": False}
    with understood(file), torch.no_grad():
        network = OnnxNetwork(graph, plain).eval()
        network.load_state_dict(dict(state))
        found = network(torch.zeros(1, 3, graph["side"], graph["side"]))
    if found.ndim != 2:
        raise AssemblyError(f"image_encoder: {file} gives {found.ndim} dimensions, expected (n,E)")
    return int(found.shape[1])


def _layer(
    file: Path, op: str, attributes: Mapping[str, Any], weights: Weights
) -> tuple[dict[str, Any], State]:
    """The options and the weights of a layer.

    Raises:
        AssemblyError: No layer is known that computes this.
    """
    if op not in LAYERS:
        raise AssemblyError(
            f"image_encoder: {file} has an operation {op}, expected only {', '.join(LAYERS)}"
        )
    try:
        return _OPTIONS.get(op, _without_weights)(attributes, weights)
    except (IndexError, KeyError, ValueError) as error:
        raise AssemblyError(f"image_encoder: {file} has a {op} with {error}") from None


def _without_weights(
    attributes: Mapping[str, Any], weights: Weights
) -> tuple[dict[str, Any], State]:
    if weights and any(array.dtype.kind == "f" and array.size > 1 for array in weights):
        raise ValueError("weights, expected none")
    return {}, {}


def _padding(attributes: Mapping[str, Any]) -> list[int]:
    pads = [int(pad) for pad in attributes.get("pads", (0, 0, 0, 0))]
    if pads[:2] != pads[2:] or attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise ValueError(f"pads {pads}, expected the same on both sides")
    return pads[:2]


def _conv(attributes: Mapping[str, Any], weights: Weights) -> tuple[dict[str, Any], State]:
    weight, *bias = weights
    groups = int(attributes.get("group", 1))
    options = {
        "in_channels": int(weight.shape[1]) * groups,
        "out_channels": int(weight.shape[0]),
        "kernel_size": [int(size) for size in weight.shape[2:]],
        "stride": [int(size) for size in attributes.get("strides", (1, 1))],
        "padding": _padding(attributes),
        "dilation": [int(size) for size in attributes.get("dilations", (1, 1))],
        "groups": groups,
        "bias": bool(bias),
    }
    return options, {"weight": weight, **({"bias": bias[0]} if bias else {})}


def _max_pool(attributes: Mapping[str, Any], weights: Weights) -> tuple[dict[str, Any], State]:
    options = {
        "kernel_size": [int(size) for size in attributes["kernel_shape"]],
        "stride": [int(size) for size in attributes.get("strides", (1, 1))],
        "padding": _padding(attributes),
        "ceil_mode": bool(attributes.get("ceil_mode", 0)),
    }
    return options, {}


def _batch_norm(attributes: Mapping[str, Any], weights: Weights) -> tuple[dict[str, Any], State]:
    scale, shift, mean, variance = (array.astype(np.float64) for array in weights)
    factor = scale / np.sqrt(variance + attributes.get("epsilon", 1e-5))
    state = {"weight": factor, "bias": shift - mean * factor}
    return {"channels": len(scale)}, state


def _linear(attributes: Mapping[str, Any], weights: Weights) -> tuple[dict[str, Any], State]:
    weight, *bias = weights
    plain = attributes.get("alpha", 1.0) == attributes.get("beta", 1.0) == 1.0
    if not plain or attributes.get("transA", 0):
        raise ValueError("alpha, beta or transA, expected a plain linear layer")
    weight = weight if attributes.get("transB", 0) else weight.T
    options = {"in_features": int(weight.shape[1]), "out_features": int(weight.shape[0])}
    state = {"weight": weight, **({"bias": bias[0]} if bias else {})}
    return {**options, "bias": bool(bias)}, state


def _prelu(attributes: Mapping[str, Any], weights: Weights) -> tuple[dict[str, Any], State]:
    (slope,) = weights
    return {"num_parameters": int(slope.size)}, {"weight": slope.reshape(-1)}


def _flatten(attributes: Mapping[str, Any], weights: Weights) -> tuple[dict[str, Any], State]:
    return {"start_dim": int(attributes.get("axis", 1))}, {}


_OPTIONS: dict[str, Callable[[Mapping[str, Any], Weights], tuple[dict[str, Any], State]]] = {
    "BatchNormalization": _batch_norm,
    "Conv": _conv,
    "Flatten": _flatten,
    "Gemm": _linear,
    "MaxPool": _max_pool,
    "PRelu": _prelu,
}
