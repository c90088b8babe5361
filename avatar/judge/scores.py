"""One function for each score of avatars, computed from the judge's readings.

The Fréchet distance is in the judge's features and not comparable with one in Inception's. Every
figure is to be compared with the same figure of the designers' drawings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from avatar.judge.network import Judgement
from avatar.people import ATTRIBUTES, DISTRIBUTIONS, STYLES, Identity, drawn_labels, merged_classes

Float = NDArray[np.float64]
_NOT_SHOWN = -1


def attributes_right(
    seen: Judgement, people: Sequence[Identity], styles: NDArray[np.integer]
) -> dict[str, Float]:
    """Whether the most probable class is the right one.

    Classes that a style draws alike count as one: their probabilities are added first.

    Args:
        seen: The judgement of n avatars.
        people: The person of each avatar.
        styles: The style index of each avatar, (n,).

    Returns:
        For "kind" and each attribute (n,): 1 where the class is right, 0 where it is wrong, NaN
        where the style does not show this person's attribute.
    """
    shown = [
        drawn_labels(person, STYLES[style].name)
        for person, style in zip(people, styles, strict=True)
    ]
    right = {"kind": (seen.probabilities["kind"].argmax(1) == styles).astype(np.float64)}
    for name in ATTRIBUTES:
        labels = np.array([known.get(name, _NOT_SHOWN) for known in shown])
        guessed = _guess(seen.probabilities[name], styles, name)
        right[name] = np.where(labels == _NOT_SHOWN, np.nan, guessed == labels)
    return right


def _guess(table: NDArray[np.floating], styles: NDArray[np.integer], name: str) -> NDArray:
    """The most probable class of each row; classes that the row's style draws alike are added."""
    merged = np.zeros_like(table)
    for style in np.unique(styles):
        rows = np.flatnonzero(styles == style)
        for index, first in enumerate(merged_classes(STYLES[style].name, name) or ()):
            merged[rows, first] += table[rows, index]
    return merged.argmax(axis=1)


def same_person(first: Judgement, second: Judgement) -> Float:
    """Logarithm of how much likelier it is that two pictures show one person than two.

    The result is (len(first), len(second)). With independent attributes and a prior p the ratio is
    sum_c P1(c)·P2(c)/p(c) for each attribute, and their product for all (Bayes). It is 1 for an
    attribute that one of the pictures does not show.
    """
    total = np.zeros((len(first), len(second)))
    for name in ATTRIBUTES:
        prior = np.array(list(DISTRIBUTIONS[name].values()))
        likely: Float = first.probabilities[name] / prior
        other: Float = second.probabilities[name].astype(np.float64)
        total += np.log(likely @ other.T + 1e-9)
    return total


def retrieval(queries: Judgement, gallery: Judgement, among: int = 100) -> Float:
    """Whether each query's own person is the most similar one, (n,) 1 or 0.

    Row i of queries and gallery shows the same person. Each query is compared with `among` people:
    its own and those that follow in the gallery, which continues at its start. Ties count as
    misses.
    """
    scores = same_person(queries, gallery)
    count = len(queries)
    ring = (np.arange(count)[:, None] + np.arange(min(among, count))[None, :]) % count
    found = np.take_along_axis(scores, ring, axis=1)
    return (found[:, 0] > found[:, 1:].max(axis=1, initial=-np.inf)).astype(np.float64)


def frechet_distance(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Fréchet distance of two sets of features (n,F) and (m,F), taken as normal distributions.

    Heusel et al., arXiv 1706.08500, equation 6.
    """
    means = [np.mean(part, axis=0, dtype=np.float64) for part in (first, second)]
    spreads = [np.cov(part.astype(np.float64), rowvar=False) for part in (first, second)]
    # The trace of the square root of A·B is the sum of the roots of its eigenvalues, and those are
    # the eigenvalues of the symmetric matrix root(A)·B·root(A).
    values, vectors = np.linalg.eigh(spreads[0])
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    product: Float = root @ spreads[1] @ root
    common = float(np.sqrt(np.linalg.eigvalsh(product).clip(0)).sum())
    shift: Float = np.asarray(means[0] - means[1], np.float64)
    return max(0.0, float(shift @ shift + np.trace(spreads[0]) + np.trace(spreads[1]) - 2 * common))


def diversity(features: NDArray[np.floating], sets: NDArray[np.integer]) -> float:
    """Mean distance between features (n,F) of two avatars of one set; `sets` (n,) numbers them."""
    distances = []
    for number in np.unique(sets):
        mine = features[sets == number].astype(np.float64)
        upper = np.triu_indices(len(mine), 1)
        distances.append(np.linalg.norm(mine[:, None] - mine[None], axis=2)[upper])
    return float(np.concatenate(distances).mean())
