"""Which cases an evaluation has: every style, every number of selfies, every skin tone and every
timestep of the sampler's tables occurs. The same arguments give the same cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, cycle, islice

from avatar.people import ATTRIBUTES, STYLES, can_draw, sample_identity
from avatar.selfies import MAX_SELFIES
from eval.cases import Ask, Cases, Mode, Shown

FIRST_PERSON = 50_000
"""People are looked for from this seed on; training draws nobody below 100,000."""

TONES = ATTRIBUTES["skin_tone"]
PEOPLE_IN_FULL, COPIES_IN_FULL = 170, 2
"""So many people, twice in each of six styles, are two thousand pictures: a Fréchet distance wants
thousands, and diversity is that of the two."""

SCATTERED = (7, 2, 9, 4)
"""Places of four selfies whose mask is no beginning of ones."""


def plan(mode: Mode, styles: Sequence[str], steps: Sequence[int]) -> Cases:
    """The cases of a mode.

    Args:
        mode: `quick`, `default` or `full`.
        styles: Of the checkpoint, by name.
        steps: Of its sampler's tables, the default's first.
    """
    default, *others = steps
    people = tuple(_one_a_tone()) if mode != "full" else tuple(_many())
    if mode == "quick":
        judged = tuple(
            _ask(people[i % len(people)], style, i, (3, 10, 1, 5, 7, 2)[i % 6], default)
            for i, style in enumerate(styles)
        )
    else:
        copies = COPIES_IN_FULL if mode == "full" else 1
        judged = tuple(
            _ask(person, style, i * len(styles) + j, (2 * i + j % 2) % MAX_SELFIES + 1, default)
            for i, person in enumerate(people * copies)
            for j, style in enumerate(styles)
        )
    if mode == "quick":
        more = tuple(
            _ask(
                people[-turn % len(TONES)], styles[turn % len(styles)], 1000 * turn, selfies, count
            )
            for turn, (count, selfies) in enumerate(zip(others, cycle((4, 6, 8, 9))), 1)
        )
    else:
        more = tuple(
            _ask(
                people[(i + turn) % len(TONES)], style, 1000 * turn + i, (i + turn) % 10 + 1, count
            )
            for turn, count in enumerate(others, 1)
            for i, style in enumerate(styles)
        )
    spread = _diagonal(judged, styles) + more
    return Cases(
        mode=mode,
        styles=tuple(styles),
        spread=spread,
        judged=judged,
        encoded=tuple(_encoded((*spread, *judged[: len(TONES) * len(styles)]), people[0])),
    )


def _diagonal(judged: tuple[Ask, ...], styles: Sequence[str]) -> tuple[Ask, ...]:
    """One run a style, of different people where there are."""
    if len(judged) == len(styles):
        return judged
    return tuple(judged[i * len(styles) + i % len(styles)] for i in range(len(styles)))


def _ask(person: int, style: str, number: int, selfies: int, steps: int) -> Ask:
    seed = 7919 * (number + 1)
    return Ask(shown=Shown.first(person, selfies), style=style, seed=seed, steps=steps)


def _encoded(runs: Sequence[Ask], person: int) -> Iterator[Shown]:
    """Each number of selfies, the null identity, and a mask with gaps."""
    shown = dict.fromkeys(ask.shown for ask in runs)
    yield from shown
    counts = {len(each.places) for each in shown}
    for count in range(1, MAX_SELFIES + 1):
        if count not in counts:
            yield Shown.first(person, count)
    yield Shown(person=person, places=SCATTERED)
    yield Shown(person=person, places=())


def _drawable() -> Iterator[tuple[int, str]]:
    """People, with their skin tone, whom every built-in style can draw."""
    seed = FIRST_PERSON
    while True:
        identity = sample_identity(seed)
        if all(can_draw(identity, style.name) for style in STYLES):
            yield seed, identity.skin_tone
        seed += 1


def _one_a_tone() -> Iterator[int]:
    found: dict[str, int] = {}
    for seed, tone in _drawable():
        found.setdefault(tone, seed)
        if len(found) == len(TONES):
            break
    return iter(found[tone] for tone in TONES)


def _many() -> Iterator[int]:
    """The eight of the other modes first, so that these runs are the same."""
    first = tuple(_one_a_tone())
    others = (seed for seed, _ in _drawable() if seed not in first)
    return islice(chain(first, others), PEOPLE_IN_FULL)
