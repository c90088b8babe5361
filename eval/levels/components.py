"""Level `components`: each component by itself, on inputs recorded from the reference's runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from components import Arrays, Runner, TensorSpec
from components.metrics import peak_of
from eval.levels.figures import CaseFigures
from eval.metrics import METRICS, measure
from eval.reference import Call, Reference
from support.images import on_8_bit_grid


def measure_calls(
    collected: Sequence[CaseFigures],
    references: Sequence[Reference],
    calls: Sequence[Call],
    runner: Runner,
    translated: Callable[[Call], Arrays],
    *,
    byte_images: bool,
) -> None:
    """Run a component on every call and compare its outputs.

    Args:
        collected: Where the figures go, one for each reference.
        references: What the outputs are compared with; the calls are the first one's.
        calls: Calls of this component.
        runner: The artifact's component.
        translated: Gives the inputs of a call as the artifact takes them.
        byte_images: Whether pictures come in steps of 1/255.
    """
    specs = references[0].components.facts(calls[0].component).outputs
    for call in calls:
        got = runner(translated(call))
        for figures, reference in zip(collected, references, strict=True):
            expected = reference.output(call)
            figures.add(call.where, compare(specs, expected, got, byte_images=byte_images))


def compare(
    specs: Sequence[TensorSpec],
    expected: Arrays,
    got: Mapping[str, np.ndarray],
    *,
    byte_images: bool,
) -> dict[str, float]:
    """Every metric of one call; of several outputs, the worst value."""
    found: dict[str, float] = {}
    for spec in specs:
        right = expected[spec.name]
        if byte_images and spec.image:
            right = on_8_bit_grid(right)
        measured = measure(right, got[spec.name], peak=peak_of(spec, right), picture=spec.image)
        for name, value in measured.items():
            found[name] = METRICS[name].worst_of(found.get(name, value), value)
    return found
