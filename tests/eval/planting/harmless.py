"""Changes that alter nothing an app could see, or no more than rounding does."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from safetensors.numpy import load_file, save_file

from export.artifact import MANIFEST
from export.onnx.package import write_ort
from tests.eval.planting.changes import BY_ITSELF, RUNS, Harmless
from tests.eval.planting.coreml_package import Package, package
from tests.eval.planting.files import edit_manifest, rewrite
from tests.eval.planting.onnx_graph import Graph, graph

NAMES = ("identity_encoder", "denoiser", "decoder")
PACKED = ("onnx-palette", "onnx-int8", "coreml-palette", "coreml-int8")
ALL_LEVELS = (*BY_ITSELF, *RUNS)


def nothing(folder: Path) -> None:
    """Nothing changes but that the hashes are computed anew."""


def reordered(held: Graph) -> None:
    """The operations are put into another valid order, by a seeded choice."""
    rng = random.Random(0)
    waiting = list(held.graph.node)
    known = {"", *(t.name for t in held.graph.initializer), *(i.name for i in held.graph.input)}
    ordered = []
    while waiting:
        ready = [node for node in waiting if set(node.input) <= known]
        node = rng.choice(ready)
        waiting.remove(node)
        known |= set(node.output)
        ordered.append(node)
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ordered]
    del held.graph.node[:]
    held.graph.node.extend(copies)


def renamed(held: Graph) -> None:
    """Every computed value has another name; those of weights and of the boundary stay."""
    kept = {t.name for t in held.graph.initializer} | {
        v.name for v in (*held.graph.input, *held.graph.output)
    }
    computed = [name for node in held.graph.node for name in node.output if name not in kept]
    names = {name: f"t{index}" for index, name in enumerate(computed)}
    for node in held.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    del held.graph.value_info[:]


def identity(held: Graph) -> None:
    for node in list(held.graph.node)[-40:-20]:
        if node.op_type in ("Conv", "Add", "Mul"):
            held.put(node.output[0], ("Identity", [], {}))


def split_bias(held: Graph) -> None:
    """Convolutions have no bias; an addition follows them instead."""
    for conv in held.nodes("Conv")[:4]:
        bias = held.weight(conv.input[2])
        name = conv.input[2]
        del conv.input[2:]
        held.store(name, bias.reshape(1, -1, 1, 1))
        held.put(conv.output[0], ("Add", [name], {}))


def commuted(held: Graph) -> None:
    for node in (*held.nodes("Add"), *held.nodes("Mul")):
        node.input[:] = list(node.input)[::-1]


def by_product(held: Graph) -> None:
    """Gemm is written as Transpose, MatMul and Add."""
    for gemm in held.nodes("Gemm"):
        taken, weight, bias = gemm.input
        (result,) = gemm.output
        index = list(held.graph.node).index(gemm)
        held.graph.node.remove(gemm)
        made = [
            helper.make_node("Transpose", [weight], [f"{result}.t"], perm=[1, 0]),
            helper.make_node("MatMul", [taken, f"{result}.t"], [f"{result}.p"]),
            helper.make_node("Add", [f"{result}.p", bias], [result]),
        ]
        for node in reversed(made):
            held.graph.node.insert(index, node)


def stored_as_integers(held: Graph) -> None:
    """Small tensors of halves in the field of 32-bit integers, as older writers have them, and not
    as raw bytes. They take more room there, and a large one's would be a fault of its own."""
    for tensor in held.graph.initializer:
        few = math.prod(tensor.dims) < 5000
        if few and tensor.data_type == onnx.TensorProto.FLOAT16:
            bits = numpy_helper.to_array(tensor).view(np.uint16).reshape(-1)
            tensor.ClearField("raw_data")
            tensor.int32_data.extend(map(int, bits))


def casts_folded(held: Graph) -> None:
    """Biases and weights of small layers are stored in fp32, with their casts already done."""
    for cast in [n for n in held.nodes("Cast") if n.input[0].endswith("skip.weight")]:
        held.store(cast.input[0], held.weight(cast.input[0]).astype(np.float32))
        for node in held.takers(cast.output[0]):
            node.input[:] = [cast.input[0] if n == cast.output[0] else n for n in node.input]
        held.graph.node.remove(cast)


def other_tensors_first(held: Graph) -> None:
    tensors = [onnx.TensorProto.FromString(t.SerializeToString()) for t in held.graph.initializer]
    del held.graph.initializer[:]
    held.graph.initializer.extend(reversed(tensors))


def another_producer(held: Graph) -> None:
    held.model.producer_name, held.model.producer_version = "another", "9.9"


def more_words(held: Graph) -> None:
    held.graph.doc_string = held.model.doc_string = "words"
    for node in held.graph.node:
        node.doc_string = "more words"
    entry = held.model.metadata_props.add()
    entry.key, entry.value = "added", "later"


def unused_constant(held: Graph) -> None:
    held.store("unused", np.ones((3, 3), np.float32))


def external(folder: Path) -> None:
    """Weights are stored in a file of their own beside the graph."""
    path = folder / "decoder.onnx"
    model = onnx.load(path)
    path.unlink()
    onnx.save_model(
        model, path, save_as_external_data=True, location="decoder.data", size_threshold=512
    )


def less_fused(folder: Path) -> None:
    """`.ort` without optimisation: nothing is fused before ONNX Runtime loads it."""
    import onnx_ir

    for name in NAMES:
        source = folder.parent / f"{name}.onnx"
        model = onnx_ir.load(source)
        (folder / f"{name}.ort").unlink()
        write_ort(model, folder / f"{name}.ort", optimise=False)


def golden_changed(folder: Path) -> None:
    """Golden vectors are for tests of other languages: an evaluation computes its own."""
    path = folder / "golden" / "decoder.safetensors"
    arrays = {name: array + 1 for name, array in load_file(path).items()}
    path.unlink()
    save_file(arrays, path)


def other_readme(folder: Path) -> None:
    rewrite(folder / "README.md", b"# Something else\n")


def compact_manifest(folder: Path) -> None:
    values = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    turned = dict(reversed(values.items()))
    (folder / MANIFEST).write_text(json.dumps(turned), encoding="utf-8")


def files_turned(values: dict) -> None:
    values["files"].reverse()


def other_tools(values: dict) -> None:
    values["tools"]["torch"] = "9.9"
    values["version"] = "9.9"


def moved_model(folder: Path) -> None:
    """A model file under another name, which the manifest has too."""
    (folder / "decoder.onnx").rename(folder / "models-decoder.onnx")
    edit_manifest(lambda v: v["components"][2]["models"].update(onnx="models-decoder.onnx"))(folder)


def padded_and_turned(held: Package) -> None:
    """The weight file's entries in the other order, with room between them."""
    from coreml_runtime.package.weight_file import HEADER, METADATA

    values = [
        attribute.blobFileValue
        for operation in held.block.operations
        for attribute in operation.attributes.values()
        if attribute.WhichOneof("value") == "blobFileValue"
    ]
    offsets = sorted({value.offset for value in values}, reverse=True)
    made = bytearray(held.bytes[: HEADER.size])
    moved = {}
    for offset in offsets:
        sentinel, dtype, size, start, padding = METADATA.unpack_from(held.bytes, offset)
        made += bytes(128)
        moved[offset] = len(made)
        begin = len(made) + METADATA.size
        made += METADATA.pack(sentinel, dtype, size, begin, padding)
        made += held.bytes[start : start + size]
        made += bytes(-len(made) % 64)
    for value in values:
        value.offset = moved[value.offset]
    held.bytes = made


def renamed_program(held: Package) -> None:
    """Every computed value has another name; weights keep theirs."""
    outside = {f.name for f in (*held.spec.description.input, *held.spec.description.output)}
    names = {
        value.name: f"t{index}_{number}"
        for index, operation in enumerate(held.block.operations)
        if operation.type != "const"
        for number, value in enumerate(operation.outputs)
        if value.name not in outside
    }
    for operation in held.block.operations:
        for value in operation.outputs:
            value.name = names.get(value.name, value.name)
        for held_inputs in operation.inputs.values():
            for argument in held_inputs.arguments:
                if argument.name in names:
                    argument.name = names[argument.name]


def constants_first(held: Package) -> None:
    """All constants come before all operations."""
    kind = type(held.block.operations[0])
    copies = [kind.FromString(o.SerializeToString()) for o in held.block.operations]
    copies.sort(key=lambda operation: operation.type != "const")
    del held.block.operations[:]
    held.block.operations.extend(copies)


def identity_operation(held: Package) -> None:
    """An identity before the first convolution of the decoder's last block."""
    conv = held.user("p_module_layers_5_conv2_weight_to_fp16")
    argument = conv.inputs["x"].arguments[0]
    before = held.maker(argument.name)
    kind = type(conv)
    made = kind(type="identity")
    made.inputs["x"].arguments.add().name = argument.name
    output = made.outputs.add()
    output.CopyFrom(before.outputs[0])
    output.name = "put_between"
    argument.name = "put_between"
    held.block.operations.insert(list(held.block.operations).index(before) + 1, made)


def other_words(held: Package) -> None:
    held.spec.description.metadata.author = "another"
    held.spec.description.metadata.userDefined["added"] = "later"


def manifest_order(folder: Path) -> None:
    """Apple's own manifest with its entries the other way round."""
    path = folder / "decoder.mlpackage" / "Manifest.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    values["itemInfoEntries"] = dict(reversed(values["itemInfoEntries"].items()))
    rewrite(path, json.dumps(dict(reversed(values.items()))).encode())


def everywhere(edit: Callable[[Graph], None]) -> Callable[[Path], None]:
    """The same edit in all three graphs."""

    def plant(folder: Path) -> None:
        for name in NAMES:
            graph(name, edit)(folder)

    return plant


def put(name: str, base: str, plant: Callable[[Path], None]) -> Harmless:
    return Harmless(name=name, base=base, plant=plant)


CHANGES = (
    Harmless(name="signed anew", base="onnx", plant=nothing, levels=ALL_LEVELS),
    Harmless(name="two threads", base="onnx", plant=nothing, levels=ALL_LEVELS, threads=2),
    put("operations in another order", "onnx", everywhere(reordered)),
    put("computed values renamed", "onnx", everywhere(renamed)),
    put("identities put in", "onnx", everywhere(identity)),
    put("biases as additions", "onnx", graph("decoder", split_bias)),
    put("operands commuted", "onnx", everywhere(commuted)),
    put("Gemm as a product and an addition", "onnx", graph("identity_encoder", by_product)),
    put("halves stored as integers", "onnx", everywhere(stored_as_integers)),
    put("casts folded beforehand", "onnx", graph("identity_encoder", casts_folded)),
    put("tensors in another order", "onnx", everywhere(other_tensors_first)),
    put("another producer", "onnx", graph("decoder", another_producer)),
    put("more metadata", "onnx", graph("decoder", more_words)),
    put("a constant that nothing uses", "onnx", graph("decoder", unused_constant)),
    put("weights in a file of their own", "onnx", external),
    put("golden vectors changed", "onnx", golden_changed),
    put("another README", "onnx", other_readme),
    put("manifest's keys in another order", "onnx", compact_manifest),
    put("files listed in another order", "onnx", edit_manifest(files_turned)),
    put("other versions of tools", "onnx", edit_manifest(other_tools)),
    put("a model file under another name", "onnx", moved_model),
    put("unoptimised .ort", "ort", less_fused),
    *(put("signed anew", base, nothing) for base in ("ort", *PACKED)),
    Harmless(name="signed anew", base="coreml", plant=nothing, levels=ALL_LEVELS),
    put("weight file padded, in another order", "coreml", package("decoder", padded_and_turned)),
    put("computed values renamed", "coreml", package("decoder", renamed_program)),
    put("constants before operations", "coreml", package("denoiser", constants_first)),
    put("an identity put in", "coreml", package("decoder", identity_operation)),
    put("more metadata", "coreml", package("denoiser", other_words)),
    put("package's entries in another order", "coreml", manifest_order),
)
