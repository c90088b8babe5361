"""Weights read back from a model file, against what the checkpoint and the recipe say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from eval.programs import Program

NEAR = 0.5
"""Relative error below which a nameless constant of the right size is taken for a damaged weight
rather than for something else."""


@dataclass(frozen=True, kw_only=True)
class ReadBack:
    """What came of a component's weights.

    Attributes:
        right: Names of parameters and buffers that are in the file, number for number.
        wrong: Those that are there, but differ, with the relative error of each, worst first.
        missing: Those that were not found: folded into others, or gone.
    """

    right: tuple[str, ...]
    wrong: tuple[tuple[str, float], ...]
    missing: tuple[str, ...]


def read_back(program: Program, state: Mapping[str, np.ndarray], *, half: bool) -> ReadBack:
    """Compare a model file with a component's state.

    A weight is looked for under its own name; where exporters rename (transposed or reshaped
    weights), by its numbers.

    Args:
        program: The file.
        state: Every parameter and buffer of floats, as the checkpoint and the recipe have it.
        half: Whether the file may hold the nearest fp16 instead of the number itself.
    """
    named = parameters(program, tuple(state))
    nameless = _nameless(program, named)
    right, wrong, missing = [], [], []
    for name, expected in state.items():
        accepted = [expected, _halved(expected)] if half else [expected]
        held = named.get(name)
        if held is None:
            error = _search(nameless, accepted, list(state.values()))
        else:
            error = max(_error(program, constant, accepted) for constant in held)
        if error is None:
            missing.append(name)
        elif error > 0:
            wrong.append((name, error))
        else:
            right.append(name)
    wrong.sort(key=lambda entry: -entry[1])
    return ReadBack(right=tuple(right), wrong=tuple(wrong), missing=tuple(missing))


def parameters(program: Program, names: tuple[str, ...]) -> dict[str, list[str]]:
    """Which constants hold a parameter, by the parameter's name."""
    flat = {name.replace(".", "_"): name for name in names}
    found: dict[str, list[str]] = {}
    for constant, stored in program.stored_as.items():
        parameter = flat.get(stored) or next(_prefixes(stored, names), None)
        if parameter is not None:
            found.setdefault(parameter, []).append(constant)
    return found


def _prefixes(stored: str, names: tuple[str, ...]) -> Iterator[str]:
    """`x.weight` of `x.weight.indices`."""
    parts = stored.split(".")
    for count in range(len(parts), 0, -1):
        candidate = ".".join(parts[:count])
        if candidate in names:
            yield candidate


def _nameless(program: Program, named: Mapping[str, list[str]]) -> dict[int, list[np.ndarray]]:
    """Constants that no name gives away, flat, by size; those of rank 2 transposed too."""
    known = {constant for held in named.values() for constant in held}
    found: dict[int, list[np.ndarray]] = {}
    for name, value in program.constants.items():
        if name not in known:
            forms = [value, value.T] if value.ndim == 2 else [value]
            found.setdefault(value.size, []).extend(form.reshape(-1) for form in forms)
    return found


def _search(
    nameless: Mapping[int, list[np.ndarray]],
    accepted: list[np.ndarray],
    others: list[np.ndarray],
) -> float | None:
    """0 where a nameless constant has these numbers, the error of one that nearly has them, or
    None."""
    size = accepted[0].size
    candidates = nameless.get(size, [])
    if any(np.array_equal(a.reshape(-1), value) for value in candidates for a in accepted):
        return 0.0
    errors = [min(relative(a, value) for a in accepted) for value in candidates]
    if not errors or min(errors) >= NEAR:
        return None
    if min(errors) > 0:
        nearest = candidates[int(np.argmin(errors))]
        # It is another parameter's, and right there.
        rest = (other for other in others if other.size == size and other is not accepted[0])
        if any(relative(form, nearest) < 1e-3 for other in rest for form in (other, other.T)):
            return None
    return min(errors)


def _error(program: Program, constant: str, accepted: list[np.ndarray]) -> float:
    """Relative error of a constant; 0 where it is as good as it is stored."""
    value = program.constants[constant]
    if value.size != accepted[0].size:
        return float("inf")
    step = program.steps.get(constant)
    if step is not None and np.all(np.abs(value - accepted[0]) <= 0.5001 * step):
        return 0.0
    forms = [value, value.T] if value.ndim == 2 else [value]
    return min(relative(a, form.reshape(-1)) for a in accepted for form in forms)


def relative(expected: np.ndarray, value: np.ndarray) -> float:
    """Length of the difference in units of the expected array's; 0 only where they are equal."""
    a, b = expected.astype(np.float64).reshape(-1), value.astype(np.float64).reshape(-1)
    if np.array_equal(a, b):
        return 0.0
    if not np.all(np.isfinite(b)):
        return float("inf")
    return _length(a - b) / (_length(a) or 1.0)


def _length(values: np.ndarray) -> float:
    """As `numpy.linalg.norm`, but without BLAS, which may start threads for each of thousands."""
    return float(np.sqrt(np.square(values).sum()))


def _halved(array: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return array.astype(np.float16).astype(np.float32)
