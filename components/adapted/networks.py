"""The networks that may look at selfies, by what a checkpoint's configuration says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch import nn

from components.adapted.onnx_network import OnnxNetwork
from components.adapted.selfie_encoder import OF_VECTORS, clip_vision


def network(config: Mapping[str, Any]) -> nn.Module:
    """The image network of a `SelfieEncoder`, with any numbers as weights.

    Args:
        config: The parsed `config.json` of the identity encoder.
    """
    if "graph" in config:
        return OnnxNetwork(config["graph"], config["preprocessing"])
    return clip_vision(config["vision"], states=config["projection"]["class"] not in OF_VECTORS)


def side_of(config: Mapping[str, Any]) -> int:
    """Width and height in pixels of the selfies that it takes."""
    return int(config["graph"]["side"] if "graph" in config else config["vision"]["image_size"])


def crop_of(config: Mapping[str, Any]) -> Literal["arcface"] | None:
    """How selfies are cropped: to ArcFace's template for face networks; None: the centre square."""
    return "arcface" if "graph" in config else None
