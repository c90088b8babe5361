"""Each component by itself, on inputs recorded from the reference's runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from components import Arrays, Runner, TensorSpec
from components.metrics import peak_of
from eval.drawing import Model
from eval.metrics import METRICS, measure
from eval.subject import translated
from eval.tally import Tally
from eval.truth import Call, Truth
from support.images import on_8_bit_grid


def run(
    tallies: Sequence[Tally],
    truths: Sequence[Truth],
    calls: Sequence[Call],
    runner: Runner,
    model: Model,
    *,
    byte_images: bool,
) -> None:
    """Try a component on every call.

    Args:
        tallies: One for each truth, to be filled.
        truths: What it is compared with; the first one's calls they are.
        calls: Of this component.
        runner: The artifact's component.
        model: The artifact, whose manifest says what index a style has.
        byte_images: Whether pictures come in steps of 1/255.
    """
    specs = truths[0].components[calls[0].component].outputs
    for call in calls:
        got = runner(translated(call.inputs, truths[0].styles, model))
        for tally, truth in zip(tallies, truths, strict=True):
            expected = truth.output(call)
            tally.add(call.where, compare(specs, expected, got, byte_images=byte_images))


def compare(
    specs: Sequence[TensorSpec],
    expected: Arrays,
    got: Mapping[str, np.ndarray],
    *,
    byte_images: bool,
) -> dict[str, float]:
    """Every metric, the worst of all outputs."""
    found: dict[str, float] = {}
    for spec in specs:
        reference = expected[spec.name]
        if byte_images and spec.image:
            reference = on_8_bit_grid(reference)
        peak = peak_of(spec, reference)
        measured = measure(reference, got[spec.name], peak=peak, picture=spec.image)
        for name, value in measured.items():
            worse = min if METRICS[name].at_least else max
            found[name] = worse(found.get(name, value), value)
    return found
