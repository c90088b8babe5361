"""Defects in stored numbers: of `.onnx`, `.ort` and `.mlpackage` files, packed and not."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.eval.planting import coreml_package, numbers, onnx_graph, ort_file
from tests.eval.planting.changes import Defect
from tests.eval.planting.coreml_package import Package, package
from tests.eval.planting.onnx_graph import Graph, graph

MID = "unet.mid_block.resnets.1.conv2"
QUERY = "unet.mid_block.attentions.0.transformer_blocks.0.attn1"
EVERYTHING = ("identity_encoder", "denoiser", "decoder")

TARGETS = (
    # name, component, layer, parameter, what happens to its numbers
    ("one channel scaled by 1.05", "denoiser", MID, "weight", numbers.scaled_channel),
    ("a bias's sign flipped", "identity_encoder", "blocks.1.conv1", "bias", numbers.negated),
    ("fp16 overflow in a weight", "decoder", "layers.5.conv1", "weight", numbers.overflown),
    ("a layer rounded to 4 bits", "denoiser", MID, "weight", numbers.four_bits),
    ("two style embeddings swapped", "denoiser", "style", "weight", numbers.swapped_rows),
    ("null tokens are zero", "identity_encoder", "", "null_tokens", numbers.zeroed),
)
WAYS = {"onnx": onnx_graph, "coreml": coreml_package}


def in_places() -> list[Defect]:
    """The same defects in both formats."""
    return [
        Defect(
            name=name,
            base=base,
            plant=way.weight(component, f"{layer}.{end}".lstrip("."), how),
            level="weights",
            components=(component,),
            weight=f"{layer}.{end}".lstrip("."),
            layer=layer,
        )
        for name, component, layer, end, how in TARGETS
        for base, way in WAYS.items()
    ]


def in_whole_components() -> list[Defect]:
    found = []
    for base, way in WAYS.items():
        one, other = "layers.1.conv1.weight", "layers.1.conv2.weight"
        found += [
            Defect(
                name="two weights swapped",
                base=base,
                plant=way.swap("decoder", one, other),
                level="weights",
                components=("decoder",),
                weight="layers.1.conv",
                layer="layers.1.conv1",
            ),
            Defect(
                name="stale decoder of another checkpoint",
                base=base,
                plant=way.every_weight("decoder", numbers.stale(0.05)),
                level="weights",
                components=("decoder",),
            ),
        ]
    return found


def everywhere(folder: Path) -> None:
    for component in EVERYTHING:
        onnx_graph.every_weight(component, numbers.bfloat16)(folder)


def in_ort() -> list[Defect]:
    """Inner values are those of the same operations as an ONNX model."""
    return [
        Defect(
            name=name,
            base="ort",
            plant=ort_file.weight(component, f"{layer}.{end}", how),
            level="weights",
            components=(component,),
            weight=f"{layer}.{end}",
            layer=layer,
        )
        for name, component, layer, end, how in (TARGETS[0], TARGETS[1], TARGETS[3])
    ]


def shifted_indices(held: Graph) -> None:
    """Every 6-bit index is increased by one."""
    name = "layers.1.conv1.weight.indices"
    packed = held.weight(name)
    bits = np.unpackbits(packed.reshape(-1), bitorder="little").reshape(-1, 6)
    index = (bits @ (1 << np.arange(6)) + 1) % 64
    again = (index[:, None] >> np.arange(6)) & 1
    moved = np.packbits(again.astype(np.uint8).reshape(-1), bitorder="little")
    held.store(name, moved.reshape(packed.shape))


def wrong_entry(table: np.ndarray) -> np.ndarray:
    """The middle entry of the table equals its neighbour."""
    table = table.copy()
    flat = table.reshape(-1)
    flat[flat.size // 2] = flat[flat.size // 2 + 1]
    return table


def larger_steps(scale: np.ndarray) -> np.ndarray:
    """The scale that results if the range is divided by 126 instead of 127."""
    return (scale * (127 / 126)).astype(scale.dtype)


def _attribute(kind: str, attribute: str, how):  # type: ignore[no-untyped-def]
    """Change a packed weight's table or scale in a package: the second one's."""

    def edit(held: Package) -> None:
        array = held.numbers(held.kinds(kind)[1].attributes[attribute])
        array[...] = how(array.copy())

    return package("decoder", edit)


def in_packed() -> list[Defect]:
    """Defects that only an artifact with a recipe can have; its `decoder` is packed."""
    table, scale = "layers.1.conv1.weight.table", "layers.1.conv1.weight.scale"
    lut, affine = "constexpr_lut_to_dense", "constexpr_affine_dequantize"
    targets = (
        (
            "a palette entry off by one",
            "onnx-palette",
            onnx_graph.weight("decoder", table, wrong_entry),
        ),
        ("palette indices shifted by one", "onnx-palette", graph("decoder", shifted_indices)),
        ("int8 steps off by 1/127", "onnx-int8", onnx_graph.weight("decoder", scale, larger_steps)),
        ("a palette entry off by one", "coreml-palette", _attribute(lut, "lut", wrong_entry)),
        ("int8 steps off by 1/127", "coreml-int8", _attribute(affine, "scale", larger_steps)),
    )
    return [
        Defect(
            name=name,
            base=base,
            plant=plant,
            level="weights",
            components=("decoder",),
            weight="layers.1.conv1.weight",
            layer="layers.1.conv1",
        )
        for name, base, plant in targets
    ]


def swapped_numbers(held: Graph) -> None:
    """The first layer normalisation's first two products, to_q and to_k, have each other's numbers:
    the constants have no names of their own."""
    norm = held.user(f"{QUERY.removesuffix('.attn1')}.norm1.weight")
    products = [node for node in held.takers(norm.output[0]) if node.op_type == "MatMul"]
    one, other = (held.maker(node.input[1]).input[0] for node in products[:2])
    first, second = held.weight(one), held.weight(other)
    held.store(one, second)
    held.store(other, first)


def in_attention() -> list[Defect]:
    return [
        # Their names are lost in ONNX, and all numbers are there: each product gives what its
        # numbers say, and wrong is what comes of them.
        Defect(
            name="query and key weights swapped",
            base="onnx",
            plant=graph("denoiser", swapped_numbers),
            components=("denoiser",),
            layer=f"{QUERY}.to_out.0",
        ),
        Defect(
            name="query and key weights swapped",
            base="coreml",
            plant=coreml_package.swap("denoiser", f"{QUERY}.to_q.weight", f"{QUERY}.to_k.weight"),
            level="weights",
            components=("denoiser",),
            weight=f"{QUERY}.to_",
            layer=f"{QUERY}.to_q",
        ),
    ]


DEFECTS = (
    *in_places(),
    *in_whole_components(),
    *in_ort(),
    *in_packed(),
    *in_attention(),
    Defect(
        name="stale denoiser",
        base="onnx",
        plant=onnx_graph.every_weight("denoiser", numbers.stale(0.02)),
        level="weights",
        components=("denoiser",),
    ),
    Defect(
        name="all weights rounded to bfloat16",
        base="onnx",
        plant=everywhere,
        level="weights",
        components=EVERYTHING,
    ),
)
