"""The same program twice, value by value: where two packages begin to differ, and where most."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .errors import InputError
from .features import Feature
from .model import CoreMLModel


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One value of both programs: the ``place`` in the first one, and signal to noise in dB."""

    name: str
    place: int
    snr: float


def snr(reference: Tensor, value: Tensor) -> float:
    """Signal to noise of ``value``, in dB; inf where equal, nan where they cannot be compared."""
    want, have = reference.detach().double(), value.detach().double()
    if want.shape != have.shape:
        return float("nan")
    same = (want == have) | (want.isnan() & have.isnan())
    noise = torch.where(same, torch.zeros_like(want), want - have).square().sum()
    signal = torch.where(want.isfinite(), want, torch.zeros_like(want)).square().sum()
    if noise == 0:
        return float("inf")
    if not noise.isfinite() or signal == 0:
        return float("-inf")
    return float(10 * torch.log10(signal / noise))


def compare(
    first: CoreMLModel, second: CoreMLModel, inputs: Mapping[str, object]
) -> list[Difference]:
    """Every value that both programs name, in the first one's order.

    Both run side by side, so only what one of them is ahead by is held. Values that a loop makes
    more than once are compared turn by turn, and the worst turn is told.

    Raises:
        InputError: no value has the same name in both.
    """
    found: dict[str, Difference] = {}
    for place, (name, left, right) in enumerate(_pairs(first, second, inputs)):
        reached = snr(left, right)
        before = found.get(name)
        if before is None:
            found[name] = Difference(name=name, place=place, snr=reached)
        elif not reached >= before.snr:
            found[name] = Difference(name=name, place=before.place, snr=reached)
    if not found:
        raise InputError("the two programs have no value of the same name")
    return list(found.values())


def _pairs(
    first: CoreMLModel, second: CoreMLModel, inputs: Mapping[str, object]
) -> Iterator[tuple[str, Tensor, Tensor]]:
    waiting: dict[tuple[str, int], Tensor] = {}
    traces = [_numbered(model, inputs) for model in (first, second)]
    while traces:
        for trace in tuple(traces):
            step = next(trace, None)
            if step is None:
                traces.remove(trace)
                continue
            key, is_first, value = step
            other = waiting.pop(key, None)
            if other is None:
                waiting[key] = value
            else:
                yield key[0], *((value, other) if is_first is first else (other, value))


def _numbered(
    model: CoreMLModel, inputs: Mapping[str, object]
) -> Iterator[tuple[tuple[str, int], CoreMLModel, Tensor]]:
    """Tensors of a trace by (name, which time), with the model they are of."""
    times: dict[str, int] = {}
    state = model.make_state() if model.states else None
    for name, value in model.trace(inputs, state):
        if isinstance(value, Tensor):
            times[name] = times.get(name, -1) + 1
            yield (name, times[name]), model, value


def random_inputs(features: tuple[Feature, ...], seed: int) -> dict[str, Any]:
    """Something for every input: normal floats, zeros and ones, pictures of noise."""
    generator = np.random.default_rng(seed)
    given: dict[str, Any] = {}
    for feature in features:
        if feature.kind == "image":
            given[feature.name] = _picture(feature, generator)
        elif np.dtype(feature.dtype).kind == "f":
            given[feature.name] = generator.standard_normal(feature.shape).astype(feature.dtype)
        else:
            given[feature.name] = generator.integers(0, 2, feature.shape).astype(feature.dtype)
    return given


def _picture(feature: Feature, generator: np.random.Generator) -> Image.Image:
    _, channels, height, width = feature.shape
    if feature.color == "grayscale_fp16":
        return Image.fromarray(255 * generator.random((height, width), np.float32))
    shape = (height, width, 3) if channels == 3 else (height, width)
    return Image.fromarray(generator.integers(0, 256, shape, np.uint8))
