"""What a model file holds, whatever its format: operations in order, and constants unpacked.

One reader a format. They read with the format's own library, not with what runs the file, so that
a reader's mistake and a runtime's cannot hide each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation that is executed.

    Attributes:
        kind: Its type in the format, in lower case.
        inputs: Names of the computed values it takes.
        constants: Names of the constants it takes.
        outputs: Names of what it gives.
        added: Of a layer: the computed value, one of its inputs, that was fused into it to be added
            to its result, with nothing in between or after.
    """

    kind: str
    inputs: tuple[str, ...]
    constants: tuple[str, ...]
    outputs: tuple[str, ...]
    added: str = ""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One model file.

    Attributes:
        operations: In the order of the file, which is one in which they can be executed.
        constants: Every constant that an operation takes, unpacked, by name.
        stored_as: The name of the parameter that a constant was stored under, where that is known
            by the constant's name or by what it was unpacked from.
        steps: Of a constant that is stored in integers whose rounding no recipe decides (biases of
            layers in int8): the size of a step, to be broadcast.
    """

    operations: tuple[Operation, ...]
    constants: Mapping[str, np.ndarray]
    stored_as: Mapping[str, str]
    steps: Mapping[str, np.ndarray] = field(default_factory=dict)
