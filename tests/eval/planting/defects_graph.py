"""Defects in what is computed: the weights are right, but the operations are not."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from tests.eval.planting.changes import BY_ITSELF, RUNS, Defect
from tests.eval.planting.onnx_graph import Edit, Graph, graph

ONES = np.ones(10, np.float32)
MANY = (*BY_ITSELF, *RUNS)


def behind(value: str, *steps) -> Edit:  # type: ignore[no-untyped-def]
    """An edit that puts operations behind a value."""
    return lambda held: held.put(value, *steps)


def number(value: float) -> np.ndarray:
    return np.array(value, np.float32)


def mirrored(held: Graph) -> None:
    turned = np.arange(256)[::-1].copy()
    held.put("avatar", ("Gather", [turned], {"axis": 3}))


def mean_of_all(held: Graph) -> None:
    """The mean is taken over all ten selfies, absent ones too."""
    pooled = held.nodes("ReduceSum")[-1]
    held.maker(pooled.input[0]).input[1] = _constant(held, "one", ONES[:1].reshape(1, 1, 1))
    division = held.takers(pooled.output[0])[0]
    division.input[1] = _constant(held, "ten", np.full((1, 1), 10, np.float32))


def by_place(held: Graph) -> None:
    """Earlier selfies count more: the pooled features are weighted by position."""
    pooled = held.nodes("ReduceSum")[-1]
    product = held.maker(pooled.input[0])
    falling = np.linspace(1.2, 0.8, 10, dtype=np.float32).reshape(1, 10, 1)
    held.put(product.output[0], ("Mul", [falling], {}))


def nan_in_one_style(held: Graph) -> None:
    """One latent becomes NaN if the style is the third."""
    spoilt = np.zeros((1, 1, 32, 32), np.float32)
    spoilt[..., 5, 5] = np.nan
    clean = np.zeros_like(spoilt)
    third = _constant(held, "third", np.array([2], np.int32))
    both = _constant(held, "spoilt", spoilt), _constant(held, "clean", clean)
    nodes = [
        helper.make_node("Equal", ["style", third], ["is_third"]),
        helper.make_node("Where", ["is_third", *both], ["spoiling"]),
    ]
    held.put("prediction", ("Add", ["spoiling"], {}))
    index = next(i for i, n in enumerate(held.graph.node) if "spoiling" in n.input)
    for node in reversed(nodes):
        held.graph.node.insert(index, node)


def lighter_skin(held: Graph) -> None:
    """Pictures that are dark in the middle come out lighter."""
    middle = "avatar.planted"
    held.put("avatar", ("Add", ["lightening"], {}), ("Clip", [number(0), number(1)], {}))
    wanted = (
        np.array([96, 96], np.int64),
        np.array([160, 160], np.int64),
        np.array([2, 3], np.int64),
    )
    names = [_constant(held, f"cut{i}", array) for i, array in enumerate(wanted)]
    much = _constant(held, "much", number(0.35))
    axes = _constant(held, "axes", np.array([1, 2, 3], np.int64))
    nodes = [
        helper.make_node("Slice", [middle, *names], ["face"]),
        helper.make_node("ReduceMean", ["face", axes], ["light"], keepdims=1),
        helper.make_node("Less", ["light", _constant(held, "dark", number(0.5))], ["is_dark"]),
        helper.make_node("Cast", ["is_dark"], ["darkness"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["darkness", much], ["lightening"]),
    ]
    index = next(i for i, n in enumerate(held.graph.node) if "lightening" in n.input)
    for node in reversed(nodes):
        held.graph.node.insert(index, node)


def _constant(held: Graph, name: str, array: np.ndarray) -> str:
    held.store(f"planted.{name}", array)
    return f"planted.{name}"


def other_epsilon(held: Graph) -> None:
    norm = held.nodes("InstanceNormalization")[2]
    next(a for a in norm.attribute if a.name == "epsilon").f = 1e-3


def relu(held: Graph) -> None:
    """The activation before the second convolution of a block is SiLU."""
    activation = held.maker(held.user("layers.5.conv2.weight").input[0])
    activation.op_type = "Relu"
    del activation.input[1:]


def bilinear(held: Graph) -> None:
    resize = held.nodes("Resize")[0]
    set_text(resize, "mode", "linear")
    set_text(resize, "coordinate_transformation_mode", "half_pixel")


def set_text(node, name: str, text: str) -> None:  # type: ignore[no-untyped-def]
    next(a for a in node.attribute if a.name == name).s = text.encode()


def repeated_edges(held: Graph) -> None:
    """A convolution is padded with edges instead of zeros."""
    conv = held.user("layers.4.weight")
    del next(a for a in conv.attribute if a.name == "pads").ints[:]
    next(a for a in conv.attribute if a.name == "pads").ints.extend([0, 0, 0, 0])
    pads = np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
    held.put(conv.input[0], ("Pad", [pads], {"mode": "edge"}))


def attention_scale(held: Graph) -> None:
    held.put(held.nodes("Softmax")[2].input[0], ("Mul", [number(0.7)], {}))


def no_residual(held: Graph) -> None:
    """The input of a block is not added to its result."""
    second = held.user("layers.5.conv2.weight").output[0]
    addition = held.takers(second)[0]
    addition.op_type = "Identity"
    addition.input[:] = [second]


def cosine_first(held: Graph) -> None:
    both = next(n for n in held.nodes("Concat") if held.nodes("Sin")[0].output[0] in n.input)
    both.input[:] = list(both.input)[::-1]


def unscaled(held: Graph) -> None:
    """The decoder takes latents without scaling them."""
    held.user("layers.0.weight").input[0] = "latents"
    unused = [n for n in held.takers("latents") if n.op_type == "Mul"]
    for node in (*held.takers(unused[0].output[0]), *unused):
        held.graph.node.remove(node)


def no_clip(held: Graph) -> None:
    clip = held.nodes("Clip")[0]
    clip.op_type = "Identity"
    del clip.input[1:]


def other_shuffle(held: Graph) -> None:
    set_text(held.nodes("DepthToSpace")[0], "mode", "DCR")


def raw_selfies(held: Graph) -> None:
    """Selfies come in [0,1] where [-1,1] is expected."""
    held.user("stem.weight").input[0] = "selfies"


def swapped_heads(held: Graph) -> None:
    product = held.takers(held.nodes("Softmax")[0].output[0])[0]
    shape = held.weight(held.maker(held.maker(product.input[1]).input[0]).input[1])
    order = np.roll(np.arange(int(shape[2])), 1)
    held.put(product.input[1], ("Gather", [order], {"axis": 1}))


def half(value: str) -> Edit:
    to = {"to": TensorProto.FLOAT16}
    return behind(value, ("Cast", [], to), ("Cast", [], {"to": TensorProto.FLOAT}))


def in_bytes() -> Edit:
    return behind(
        "avatar",
        ("Mul", [number(255)], {}),
        ("Round", [], {}),
        ("Div", [number(255)], {}),
    )


FIRST = np.eye(1, 10, dtype=np.float32)[0]
SHUFFLED = np.array([1, 2, 3, 4, 5, 0], np.int32)

blue_first = behind("avatar", ("Gather", [np.array([2, 1, 0])], {"axis": 1}))
in_both_signs = behind("avatar", ("Mul", [number(2)], {}), ("Sub", [number(1)], {}))
first_only = behind("selfie_mask", ("Mul", [FIRST], {}))
everybody = behind("selfie_mask", ("Mul", [number(0)], {}), ("Add", [ONES], {}))
other_style = behind("style", ("^Gather", [SHUFFLED], {"axis": 0}))

EDITS: tuple[tuple[str, str, Edit, str], ...] = (
    # name, component, edit, layer that must be named
    ("red and blue swapped", "decoder", blue_first, ""),
    ("gamma applied twice", "decoder", behind("avatar", ("Pow", [number(1 / 2.2)], {})), ""),
    ("output in [-1,1]", "decoder", in_both_signs, ""),
    ("picture mirrored", "decoder", mirrored, ""),
    ("picture rounded to 8 bits", "decoder", in_bytes(), ""),
    ("picture not clamped", "decoder", no_clip, ""),
    ("latents rounded to fp16", "decoder", half("latents"), "layers.0"),
    ("SiLU replaced by ReLU", "decoder", relu, "layers.5.conv2"),
    ("upsampled bilinearly", "decoder", bilinear, "layers.4"),
    ("convolution padded with its edges", "decoder", repeated_edges, "layers.4"),
    ("a residual connection dropped", "decoder", no_residual, "layers.7"),
    ("pixel shuffle in the other order", "decoder", other_shuffle, "layers.12"),
    ("another epsilon in a norm", "identity_encoder", other_epsilon, "blocks.1.norm1"),
    ("selfies not shifted to [-1,1]", "identity_encoder", raw_selfies, "stem"),
    ("mean pooling instead of masked", "identity_encoder", mean_of_all, ""),
    ("only the first selfie used", "identity_encoder", first_only, ""),
    ("attention scale wrong", "denoiser", attention_scale, ""),
    ("attention heads in another order", "denoiser", swapped_heads, ""),
    ("sine and cosine swapped", "denoiser", cosine_first, "unet.time_embedding.linear_1"),
    ("timestep divided by 1000", "denoiser", behind("timestep", ("Div", [number(1000)], {})), ""),
    ("styles shifted by one", "denoiser", other_style, ""),
    ("identity ignored", "denoiser", behind("identity_tokens", ("Mul", [number(0)], {})), ""),
    ("NaN in one latent of one style", "denoiser", nan_in_one_style, ""),
)


def edited(name: str, component: str, edit: Edit, layer: str) -> Defect:
    return Defect(
        name=name,
        base="onnx",
        plant=graph(component, edit),
        components=(component,),
        layer=layer,
    )


DEFECTS = (
    *(edited(*entry) for entry in EDITS),
    Defect(
        name="mask ignored",
        base="onnx",
        plant=graph("identity_encoder", everybody),
        components=("identity_encoder",),
        also=("image",),
        levels=MANY,
    ),
    Defect(
        name="the order of selfies matters",
        base="onnx",
        plant=graph("identity_encoder", by_place),
        components=("identity_encoder",),
        also=("image",),
        levels=MANY,
    ),
    Defect(
        name="seed ignored",
        base="onnx",
        plant=graph("denoiser", behind("latents", ("Mul", [number(0)], {}))),
        components=("denoiser",),
        also=("image",),
        levels=MANY,
    ),
    Defect(
        name="latents' scale left out",
        base="onnx",
        plant=graph("decoder", unscaled),
        level="weights",
        components=("decoder",),
        layer="layers.0",
    ),
    Defect(
        name="dark skin lightened",
        base="onnx",
        plant=graph("decoder", lighter_skin),
        components=("decoder",),
        also=("set",),
        levels=("components", "image", "set", "size"),
        mode="default",
    ),
)
