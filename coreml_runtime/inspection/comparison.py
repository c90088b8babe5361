"""Compares two versions of a program value by value: where they first differ, and where most."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..models import CoreMLModel


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A value that both programs compute.

    ``index`` is its position among the values of the first program, ``snr`` its signal to noise in
    dB: inf where both are equal, nan where their shapes differ.
    """

    name: str
    index: int
    snr: float


def signal_to_noise(reference: Tensor, value: Tensor) -> float:
    """Return the signal to noise of ``value`` in dB.

    It is inf where both are equal, -inf where the noise is not finite or the signal is zero, and
    nan where the shapes differ.
    """
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
    """Compare every value that both programs name, in the order of the first program.

    Both run side by side, so only the values that one of them is ahead by are in memory. Values
    that a loop computes several times are compared one iteration at a time; the worst counts.

    Raises:
        InputError: The inputs do not fit, or no value has the same name in both programs.
        ExecutionError: An op failed.
    """
    differences: dict[str, Difference] = {}
    for index, (name, left, right) in enumerate(_pairs(first, second, inputs)):
        snr = signal_to_noise(left, right)
        before = differences.get(name)
        if before is None:
            differences[name] = Difference(name=name, index=index, snr=snr)
        elif not snr >= before.snr:
            differences[name] = Difference(name=name, index=before.index, snr=snr)
    if not differences:
        raise InputError("the two programs have no value of the same name")
    return list(differences.values())


def _pairs(
    first: CoreMLModel, second: CoreMLModel, inputs: Mapping[str, object]
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield (name, value of the first, value of the second) as soon as both are computed."""
    waiting: dict[tuple[str, int], Tensor] = {}
    traces = [_numbered_trace(model, inputs) for model in (first, second)]
    while traces:
        for trace in tuple(traces):
            step = next(trace, None)
            if step is None:
                traces.remove(trace)
                continue
            key, model, value = step
            other = waiting.pop(key, None)
            if other is None:
                waiting[key] = value
            else:
                yield key[0], *((value, other) if model is first else (other, value))


def _numbered_trace(
    model: CoreMLModel, inputs: Mapping[str, object]
) -> Iterator[tuple[tuple[str, int], CoreMLModel, Tensor]]:
    """Yield the tensors of a trace with their keys (name, iteration) and the model."""
    iterations: dict[str, int] = {}
    state = model.make_state() if model.states else None
    for name, value in model.trace(inputs, state):
        if isinstance(value, Tensor):
            iterations[name] = iterations.get(name, -1) + 1
            yield (name, iterations[name]), model, value
