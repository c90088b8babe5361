"""The choice of the cases.

Every style, every number of selfies, every skin tone and every timestep of the sampler's tables
occurs. The same arguments give the same cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, cycle, islice

from avatar.people import ATTRIBUTES, STYLES, can_draw, sample_identity
from avatar.selfies import MAX_SELFIES
from eval.cases import Mode
from eval.pipelines.avatar.cases import AvatarCase, AvatarCases, SelfieSet

FIRST_PERSON = 50_000
"""The seed from which people are searched; training uses no person below 100,000."""

TONES = ATTRIBUTES["skin_tone"]

SCATTERED = (7, 2, 9, 4)
"""Slots of four selfies whose mask does not begin with four ones."""


def plan(mode: Mode, styles: Sequence[str], steps: Sequence[int]) -> AvatarCases:
    """Choose the cases of a mode.

    Args:
        mode: How much to measure.
        styles: Names of the checkpoint's styles.
        steps: Numbers of steps of its sampler's tables, the default's first.
    """
    default, *others = steps
    people = tuple(_people(mode.people))
    if mode.copies:
        judged = _every_pair(people * mode.copies, styles, default)
        more = _every_style(people, styles, others)
    else:
        judged = tuple(
            _run(people[i % len(people)], style, i, (3, 10, 1, 5, 7, 2)[i % 6], default)
            for i, style in enumerate(styles)
        )
        more = _one_a_table(people, styles, others)
    spread = _diagonal(judged, styles) + more
    return AvatarCases(
        mode=mode,
        styles=tuple(styles),
        spread=spread,
        judged=judged,
        encoded=tuple(_encoded((*spread, *judged[: len(TONES) * len(styles)]), people[0])),
    )


def _every_pair(people: Sequence[int], styles: Sequence[str], steps: int) -> tuple[AvatarCase, ...]:
    """Each person in each style; the number of selfies goes through all there are."""
    return tuple(
        _run(person, style, i * len(styles) + j, (2 * i + j % 2) % MAX_SELFIES + 1, steps)
        for i, person in enumerate(people)
        for j, style in enumerate(styles)
    )


def _every_style(
    people: Sequence[int], styles: Sequence[str], tables: Sequence[int]
) -> tuple[AvatarCase, ...]:
    """Each style in each of the other sampler tables."""
    return tuple(
        _run(people[(i + turn) % len(TONES)], style, 1000 * turn + i, (i + turn) % 10 + 1, count)
        for turn, count in enumerate(tables, 1)
        for i, style in enumerate(styles)
    )


def _one_a_table(
    people: Sequence[int], styles: Sequence[str], tables: Sequence[int]
) -> tuple[AvatarCase, ...]:
    """One run in each of the other sampler tables."""
    return tuple(
        _run(people[-turn % len(TONES)], styles[turn % len(styles)], 1000 * turn, selfies, count)
        for turn, (count, selfies) in enumerate(zip(tables, cycle((4, 6, 8, 9))), 1)
    )


def _diagonal(judged: tuple[AvatarCase, ...], styles: Sequence[str]) -> tuple[AvatarCase, ...]:
    """One run for each style, of different people where there are several."""
    if len(judged) == len(styles):
        return judged
    return tuple(judged[i * len(styles) + i % len(styles)] for i in range(len(styles)))


def _run(person: int, style: str, number: int, selfies: int, steps: int) -> AvatarCase:
    seed = 7919 * (number + 1)
    return AvatarCase(selfies=SelfieSet.first(person, selfies), style=style, seed=seed, steps=steps)


def _encoded(runs: Sequence[AvatarCase], person: int) -> Iterator[SelfieSet]:
    """Each number of selfies, the null identity, and a mask with gaps."""
    known = dict.fromkeys(run.selfies for run in runs)
    yield from known
    counts = {len(selfies.slots) for selfies in known}
    for count in range(1, MAX_SELFIES + 1):
        if count not in counts:
            yield SelfieSet.first(person, count)
    yield SelfieSet(person=person, slots=SCATTERED)
    yield SelfieSet(person=person, slots=())


def _drawable() -> Iterator[tuple[int, str]]:
    """People whom every built-in style can draw, each with their skin tone."""
    seed = FIRST_PERSON
    while True:
        identity = sample_identity(seed)
        if all(can_draw(identity, style.name) for style in STYLES):
            yield seed, identity.skin_tone
        seed += 1


def _people(count: int) -> Iterator[int]:
    """The first person of each skin tone, then others: all modes begin with the same people."""
    first: dict[str, int] = {}
    for seed, tone in _drawable():
        first.setdefault(tone, seed)
        if len(first) == len(TONES):
            break
    chosen = tuple(first[tone] for tone in TONES)
    others = (seed for seed, _ in _drawable() if seed not in chosen)
    return islice(chain(chosen, others), count)
