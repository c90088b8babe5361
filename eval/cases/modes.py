"""How much an evaluation measures: one record for each mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One mode.

    Attributes:
        name: As the command line and reports name it.
        about: What the mode is for, in a line for people.
        people: Number of people; the first eight have one skin tone each.
        copies: How many avatars each person gets in each style; 0 where each style, or one prompt,
            is drawn once.
        prompt_seeds: With how many seeds each prompt is drawn.
        prompt_calls: Calls that a component of a pipeline with prompts is tried on at most, evenly
            spread over its runs; 0 for all.
        batch: Runs in one task: few where there are few runs, so that no worker waits long for the
            last task.
        warm_calls: Calls of a component that are timed after the first one.
        timed_sets: Sets of avatars that are timed after the first one; 0 to time components only.
        invariance_runs: Runs on which it is tested what must not change the picture.
        searched_weights: The most weights of a component whose layers are compared one by one; 0
            for any number.
        full: Whether there are runs enough for figures of a whole distribution (retrieval, Fréchet
            distance, diversity). Their results are kept in the cache, so that an evaluation that
            was stopped continues, and the gates have limits of their own for them.
    """

    name: str
    about: str
    people: int = 8
    copies: int = 1
    prompt_seeds: int = 1
    prompt_calls: int = 32
    batch: int = 24
    warm_calls: int
    timed_sets: int
    invariance_runs: int
    searched_weights: int = 0
    full: bool = False


MODES: Mapping[str, Mode] = {
    mode.name: mode
    for mode in (
        Mode(
            name="quick",
            about="fewer cases: every style, number of selfies and timestep, once",
            copies=0,
            prompt_calls=6,
            batch=2,
            warm_calls=2,
            timed_sets=0,
            invariance_runs=1,
            searched_weights=50_000_000,
        ),
        Mode(
            name="default",
            about="eight people, one for each skin tone, in every style",
            warm_calls=4,
            timed_sets=1,
            invariance_runs=2,
        ),
        # 170 people, twice in each of six styles, are two thousand pictures: a Fréchet distance
        # needs thousands, and diversity is the distance between the two.
        Mode(
            name="full",
            about="two thousand pictures, with the figures that need so many",
            people=170,
            copies=2,
            prompt_seeds=8,
            prompt_calls=0,
            warm_calls=20,
            timed_sets=5,
            invariance_runs=4,
            full=True,
        ),
    )
}
"""Every mode by its name."""
