"""Weights that no output of a component depends on, which exporters leave out.

A text encoder whose last layer is not read has some, in Stable Diffusion XL for one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from components import Component

MOST_CALLS = 32
"""After so many calls the weights that are left count as used."""


def unused(component: Component, names: Sequence[str]) -> set[str]:
    """Those of some parameters and buffers that no output depends on.

    Weights are set to NaN, which reaches every output that depends on them: all at once, and where
    an output is reached, each half of them.
    """
    found, waiting, calls = set[str](), [list(names)] if names else [], 0
    while waiting and calls < MOST_CALLS:
        group, calls = waiting.pop(), calls + 1
        if not _reach_an_output(component, group):
            found |= {*group}
        elif len(group) > 1:
            middle = len(group) // 2
            waiting += [group[:middle], group[middle:]]
    return found


def _reach_an_output(component: Component, names: Sequence[str]) -> bool:
    state = component.module.state_dict()
    kept = {name: state[name].clone() for name in names}
    with torch.no_grad():
        try:
            for name in names:
                state[name].fill_(math.nan)
            made = component.module(*component.example())
        finally:
            for name, value in kept.items():
                state[name].copy_(value)
    outputs = made if isinstance(made, tuple) else (made,)
    return not all(output.isfinite().all() for output in outputs)
