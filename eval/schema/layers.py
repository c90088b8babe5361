"""The layers of a component, compared one by one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from eval.schema.numbers import refuse_nan
from eval.schema.row import Against, Where
from support.json_records import Number, record


@record
@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of a component in one call.

    Attributes:
        name: The layer's name in PyTorch.
        value: The name of the layer's result in the model file.
        snr: SNR of the result against PyTorch's, in dB.
        gain: The largest relative error of a channel's size: 0.05 where one channel is 5 % too
            large. 0 where channels have too few elements to tell it from noise.
    """

    name: str
    value: str
    snr: Number
    gain: Number = 0.0

    def __post_init__(self) -> None:
        refuse_nan(self)


@record
@dataclass(frozen=True, kw_only=True)
class LayerSearch:
    """The comparison of one call of a component, layer by layer, in the order of computation.

    Attributes:
        artifact, runtime, component, against: As in `Row`.
        where: The call, which is the component's worst case.
        layers: Every layer that was found in both PyTorch and the model file.
        first: The layer in which the component first goes wrong; empty where it is right.
        snr: SNR in that layer, in dB; inf where the component is right.
        note: Why layers are missing, such as a runtime that reveals no inner values.
    """

    artifact: str
    runtime: str
    component: str
    against: Against
    where: Where
    layers: tuple[Layer, ...]
    first: str = ""
    snr: Number = math.inf
    note: str = ""

    def __post_init__(self) -> None:
        refuse_nan(self)
