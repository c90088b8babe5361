"""Defects in what a Core ML program computes."""

from __future__ import annotations

import struct

import numpy as np

from tests.eval.planting.changes import Defect
from tests.eval.planting.coreml_package import Edit, Package, package


def set_number(value, number: float) -> None:  # type: ignore[no-untyped-def]
    """A scalar constant, which stands in the program as fp16 or fp32."""
    tensor = value.immediateValue.tensor
    if tensor.WhichOneof("value") == "bytes":
        tensor.bytes.values = np.float16(number).tobytes()
    else:
        tensor.floats.values[0] = struct.unpack("f", struct.pack("f", number))[0]


def blue_first(held: Package) -> None:
    held.spec.description.output[0].type.imageType.colorSpace = 30  # BGR


def other_range(held: Package) -> None:
    """Pictures are multiplied by 254 instead of 255."""
    final = held.kinds("mul")[-1]
    set_number(held.constant(final, "y"), 254.0)


def other_epsilon(held: Package) -> None:
    set_number(held.constant(held.kinds("instance_norm")[2], "epsilon"), 1e-2)


def relu(held: Package) -> None:
    conv = held.user("p_module_layers_5_conv2_weight_to_fp16")
    held.maker(conv.inputs["x"].arguments[0].name).type = "relu"


def no_residual(held: Package) -> None:
    """A block's result is added to itself instead of to the block's input."""
    addition = held.kinds("add")[2]
    addition.inputs["x"].arguments[0].name = addition.inputs["y"].arguments[0].name


def swapped_phases(held: Package) -> None:
    sine, cosine = held.kinds("sin")[0], held.kinds("cos")[0]
    sine.type, cosine.type = "cos", "sin"


def no_padding_of_edges(held: Package) -> None:
    """A convolution is moved by one pixel: its padding is (0,2,0,2) instead of (1,1,1,1)."""
    conv = held.user("p_module_layers_4_weight_to_fp16")
    pads = held.constant(conv, "pad").immediateValue.tensor.ints.values
    pads[:] = [0, 2, 0, 2]


def all_selfies(held: Package) -> None:
    """Features are summed without their product with the mask."""
    total = held.kinds("reduce_sum")[-1].inputs["x"].arguments[0]
    total.name = held.maker(total.name).inputs["x"].arguments[0].name


EDITS: tuple[tuple[str, str, Edit, str], ...] = (
    ("red and blue swapped", "decoder", blue_first, ""),
    ("output × 254", "decoder", other_range, ""),
    ("SiLU replaced by ReLU", "decoder", relu, "layers.5.conv2"),
    ("a residual connection dropped", "decoder", no_residual, "layers.7"),
    ("convolution's window moved", "decoder", no_padding_of_edges, "layers.4"),
    (
        "another epsilon in a norm",
        "identity_encoder",
        other_epsilon,
        "blocks.1.norm1",
    ),
    ("sum over all selfies", "identity_encoder", all_selfies, ""),
    ("sine and cosine swapped", "denoiser", swapped_phases, "unet.time_embedding.linear_1"),
)

DEFECTS = tuple(
    Defect(
        name=name,
        base="coreml",
        plant=package(component, edit),
        components=(component,),
        layer=layer,
    )
    for name, component, edit, layer in EDITS
)
