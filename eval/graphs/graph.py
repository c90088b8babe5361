"""The graph of one model file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation that is executed.

    Attributes:
        kind: Its type in the format, in lower case.
        inputs: Names of the computed values that it takes.
        constants: Names of the constants that it takes.
        outputs: Names of its results.
        added: For a layer, the computed value among its inputs that was fused into it, to be added
            to its result with nothing in between or after; otherwise empty.
    """

    kind: str
    inputs: tuple[str, ...]
    constants: tuple[str, ...]
    outputs: tuple[str, ...]
    added: str = ""


@dataclass(frozen=True, kw_only=True)
class Graph:
    """One model file.

    Attributes:
        operations: In the order of the file, in which they can be executed.
        constants: Every constant that an operation takes, unpacked, by name.
        stored_as: The parameter's name under which a constant was stored, where the constant's name
            or the name of what it was unpacked from tells it.
        steps: For a constant that is stored in integers whose rounding no recipe decides (biases of
            layers in int8), the size of a step, to be broadcast.
    """

    operations: tuple[Operation, ...]
    constants: Mapping[str, np.ndarray]
    stored_as: Mapping[str, str]
    steps: Mapping[str, np.ndarray] = field(default_factory=dict)
