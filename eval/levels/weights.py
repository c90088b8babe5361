"""Level `weights`: weights read back from a model file, against those of the checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from eval.graphs import Graph

NEAR = 0.5
"""Relative error below which a nameless constant of the right size counts as a damaged weight and
not as something else."""


@dataclass(frozen=True, kw_only=True)
class ReadBack:
    """The weights of one component.

    Attributes:
        right: Names of parameters and buffers that the file holds, number for number.
        wrong: Names of those that differ, with the relative error of each, the worst first.
        missing: Names of those that were not found, because they were folded into others or are
            gone.
    """

    right: tuple[str, ...]
    wrong: tuple[tuple[str, float], ...]
    missing: tuple[str, ...]


def read_back(graph: Graph, state: Mapping[str, np.ndarray], *, half: bool) -> ReadBack:
    """Compare a model file with a component's state.

    A weight is searched under its own name, and by its numbers where exporters rename it, as they
    do with transposed and reshaped weights. Exporters store equal weights once, under the name of
    one of them, and leave out an addition of zeros and a multiplication by ones.

    Args:
        graph: The file's graph.
        state: Every parameter and floating-point buffer, as the checkpoint and the recipe have it.
        half: Whether the file may hold the nearest fp16 number instead of the number itself.
    """
    named = parameters(graph, tuple(state))
    nameless = _nameless(graph, named)
    right, wrong, missing = [], [], []
    for name, expected in state.items():
        accepted = [expected, _halved(expected)] if half else [expected]
        held = named.get(name)
        if held is None:
            error = _search(nameless, accepted, list(state.values()))
            if error is None and (_changes_nothing(expected) or _is_shared(graph, accepted)):
                error = 0.0
        else:
            error = max(_error(graph, constant, accepted) for constant in held)
        if error is None:
            missing.append(name)
        elif error > 0:
            wrong.append((name, error))
        else:
            right.append(name)
    wrong.sort(key=lambda entry: -entry[1])
    return ReadBack(right=tuple(right), wrong=tuple(wrong), missing=tuple(missing))


def parameters(graph: Graph, names: tuple[str, ...]) -> dict[str, list[str]]:
    """The constants that hold a parameter, by the parameter's name."""
    flat = {name.replace(".", "_"): name for name in names}
    found: dict[str, list[str]] = {}
    for constant, stored in graph.stored_as.items():
        parameter = flat.get(stored) or next(_prefixes(stored, names), None)
        if parameter is not None:
            found.setdefault(parameter, []).append(constant)
    return found


def _prefixes(stored: str, names: tuple[str, ...]) -> Iterator[str]:
    """Parameters that a stored name begins with: `x.weight` for `x.weight.indices`."""
    parts = stored.split(".")
    for count in range(len(parts), 0, -1):
        candidate = ".".join(parts[:count])
        if candidate in names:
            yield candidate


def _nameless(graph: Graph, named: Mapping[str, list[str]]) -> dict[int, list[np.ndarray]]:
    """Constants named after no parameter, flat, by size; those of rank 2 also transposed."""
    known = {constant for held in named.values() for constant in held}
    found: dict[int, list[np.ndarray]] = {}
    for name, value in graph.constants.items():
        if name not in known:
            forms = [value, value.T] if value.ndim == 2 else [value]
            found.setdefault(value.size, []).extend(form.reshape(-1) for form in forms)
    return found


def _search(
    nameless: Mapping[int, list[np.ndarray]],
    accepted: list[np.ndarray],
    others: list[np.ndarray],
) -> float | None:
    """The error of the nameless constant with these numbers: 0 where they are equal.

    None where no constant has nearly these numbers.
    """
    size = accepted[0].size
    candidates = nameless.get(size, [])
    if any(np.array_equal(a.reshape(-1), value) for value in candidates for a in accepted):
        return 0.0
    errors = [min(relative(a, value) for a in accepted) for value in candidates]
    if not errors or min(errors) >= NEAR:
        return None
    if min(errors) > 0:
        nearest = candidates[int(np.argmin(errors))]
        # The nearest constant is another parameter's, and right there.
        rest = (other for other in others if other.size == size and other is not accepted[0])
        if any(relative(form, nearest) < 1e-3 for other in rest for form in (other, other.T)):
            return None
    return min(errors)


def _is_shared(graph: Graph, accepted: list[np.ndarray]) -> bool:
    """Whether the numbers are there under the name of another parameter, which has them too."""
    return any(
        value.shape == one.shape and np.array_equal(value, one)
        for value in graph.constants.values()
        for one in accepted
    )


def _changes_nothing(expected: np.ndarray) -> bool:
    return expected.ndim == 1 and (not expected.any() or bool(np.all(expected == 1)))


def _error(graph: Graph, constant: str, accepted: list[np.ndarray]) -> float:
    """The relative error of a constant; 0 where it is as exact as its storage allows."""
    value = graph.constants[constant]
    if value.size != accepted[0].size:
        return float("inf")
    step = graph.steps.get(constant)
    if step is not None and np.all(np.abs(value - accepted[0]) <= 0.5001 * step):
        return 0.0
    forms = [value, value.T] if value.ndim == 2 else [value]
    return min(relative(a, form.reshape(-1)) for a in accepted for form in forms)


def relative(expected: np.ndarray, value: np.ndarray) -> float:
    """The length of the difference in units of the expected array's; 0 only for equal arrays."""
    a, b = expected.astype(np.float64).reshape(-1), value.astype(np.float64).reshape(-1)
    if np.array_equal(a, b):
        return 0.0
    if not np.all(np.isfinite(b)):
        return float("inf")
    return _length(a - b) / (_length(a) or 1.0)


def _length(values: np.ndarray) -> float:
    """The length of a vector, without BLAS, which may start threads for each of thousands."""
    return float(np.sqrt(np.square(values).sum()))


def _halved(array: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return array.astype(np.float16).astype(np.float32)
