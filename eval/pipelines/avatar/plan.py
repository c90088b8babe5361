"""The choice of the cases.

Every style, every number of selfies, every skin tone (or everybody in the user's own selfies) and
every timestep of the sampler's tables occurs. The same arguments give the same cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, cycle, islice

from avatar.people import ATTRIBUTES, STYLES, can_draw, sample_identity
from avatar.selfies import MAX_SELFIES
from eval.cases import Mode
from eval.pipelines.avatar.cases import AvatarCase, AvatarCases, SelfieSet

FIRST_PERSON = 50_000
"""The seed from which people are searched; training uses no person below 100,000."""

TONES = ATTRIBUTES["skin_tone"]

SCATTERED = (7, 2, 9, 4)
"""Slots of four selfies whose mask does not begin with four ones, where there are ten slots."""


def made_up(count: int, places: int = MAX_SELFIES) -> tuple[SelfieSet, ...]:
    """So many people who don't exist, each with a selfie in each of `places` slots."""
    return tuple(SelfieSet.first(person, places) for person in _people(count))


def plan(
    mode: Mode,
    styles: Sequence[str],
    steps: Sequence[int],
    *,
    people: Sequence[SelfieSet] = (),
    places: int = MAX_SELFIES,
    calls: int = 0,
) -> AvatarCases:
    """Choose the cases of a mode.

    Args:
        mode: How much to measure.
        styles: Names of the checkpoint's styles.
        steps: Numbers of steps of its sampler's tables, the default's first.
        people: Everybody whose avatars are drawn, each with all of their selfies; by default people
            who don't exist.
        places: Slots that the identity encoder has for selfies.
        calls: As in `AvatarCases`.
    """
    default, *others = steps
    people = tuple(people) or made_up(mode.people, places)
    first = people[: len(TONES)]
    if mode.copies:
        judged = _every_pair(people * mode.copies, styles, default, places)
        more = _every_style(first, styles, others, places)
    else:
        judged = _each_style_once(people, styles, default, places)
        more = _one_a_table(first, styles, others, places)
    spread = _diagonal(judged, styles) + more
    shown = [run.selfies for run in (*spread, *judged[: len(TONES) * len(styles)])]
    return AvatarCases(
        mode=mode,
        styles=tuple(styles),
        spread=spread,
        judged=judged,
        encoded=tuple(dict.fromkeys(_encoded(shown, people[0], places))),
        calls=calls,
    )


def several_of(places: int) -> int:
    """Selfies that have an order and leave a slot free: three, or as many as there can be."""
    return max(1, min(3, places - 1))


def _each_style_once(
    people: Sequence[SelfieSet], styles: Sequence[str], steps: int, places: int
) -> tuple[AvatarCase, ...]:
    counts = (several_of(places), 10, 1, 5, 7, 2)
    return tuple(
        _run(people[i % len(people)], style, i, min(counts[i % 6], places), steps)
        for i, style in enumerate(styles)
    )


def _every_pair(
    people: Sequence[SelfieSet], styles: Sequence[str], steps: int, places: int
) -> tuple[AvatarCase, ...]:
    """Each person in each style; the number of selfies goes through all there are."""
    return tuple(
        _run(person, style, i * len(styles) + j, (2 * i + j % 2) % places + 1, steps)
        for i, person in enumerate(people)
        for j, style in enumerate(styles)
    )


def _every_style(
    people: Sequence[SelfieSet], styles: Sequence[str], tables: Sequence[int], places: int
) -> tuple[AvatarCase, ...]:
    """Each style in each of the other sampler tables."""
    return tuple(
        _run(
            people[(i + turn) % len(people)], style, 1000 * turn + i, (i + turn) % places + 1, count
        )
        for turn, count in enumerate(tables, 1)
        for i, style in enumerate(styles)
    )


def _one_a_table(
    people: Sequence[SelfieSet], styles: Sequence[str], tables: Sequence[int], places: int
) -> tuple[AvatarCase, ...]:
    """One run in each of the other sampler tables."""
    return tuple(
        _run(
            people[-turn % len(people)],
            styles[turn % len(styles)],
            1000 * turn,
            min(selfies, places),
            count,
        )
        for turn, (count, selfies) in enumerate(zip(tables, cycle((4, 6, 8, 9))), 1)
    )


def _diagonal(judged: tuple[AvatarCase, ...], styles: Sequence[str]) -> tuple[AvatarCase, ...]:
    """One run for each style, of different people where there are several."""
    if len(judged) == len(styles):
        return judged
    return tuple(judged[i * len(styles) + i % len(styles)] for i in range(len(styles)))


def _run(person: SelfieSet, style: str, number: int, selfies: int, steps: int) -> AvatarCase:
    """One run with so many of a person's selfies, or all where there are fewer."""
    seed = 7919 * (number + 1)
    return AvatarCase(selfies=_some(person, selfies), style=style, seed=seed, steps=steps)


def _some(person: SelfieSet, count: int) -> SelfieSet:
    return replace(person, slots=person.slots[:count])


def _encoded(shown: Sequence[SelfieSet], person: SelfieSet, places: int) -> Iterator[SelfieSet]:
    """Each number of selfies, the null identity, and a mask with gaps."""
    known = dict.fromkeys(shown)
    yield from known
    counts = {len(selfies.slots) for selfies in known}
    for count in range(1, places + 1):
        if count not in counts:
            yield _some(person, count)
    scattered = SCATTERED if places > max(SCATTERED) else tuple(range(places))[::-2]
    yield replace(person, slots=scattered[: len(person.slots)])
    yield replace(person, slots=())


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
