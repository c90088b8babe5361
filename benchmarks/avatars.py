"""How many avatars designers' styles draw in a second, beside the goal.

    python -m benchmarks.avatars [--count N] [--processes N]

Every style draws the same people, shared out to worker processes; starting them, checking the
definition files and storing the pictures are not counted. Wall-clock seconds are what a user waits;
processor seconds depend less on what else the machine is doing. Exit code 1 below the goal.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Annotated

import typer
from rich.table import Table

from avatar.people import STYLES, can_draw, draw, sample_identity
from support.command_line import GATE_FAILED, new_app, print_tables, run

GOAL = 80.0
"""Avatars a second, on two cores."""

app = new_app("Measure how many avatars designers' styles draw in a second.")


def _draw_all(style: str, seeds: Sequence[int]) -> tuple[int, float]:
    """Draw people in one style; returns how many it drew, and the processor seconds that took."""
    people = [person for person in map(sample_identity, seeds) if can_draw(person, style)]
    started = time.process_time()
    for seed, person in enumerate(people):
        draw(person, style, seed)
    return len(people), time.process_time() - started


def _warm_up(_: int) -> None:
    for style in STYLES:
        _draw_all(style.name, range(3))


def measure(pool: ProcessPoolExecutor, style: str, count: int, processes: int) -> tuple[int, float]:
    """Draw `count` people; returns how many were drawn, and processor seconds of all processes."""
    parts = [range(first, count, processes) for first in range(processes)]
    results = list(pool.map(_draw_all, [style] * processes, parts))
    return sum(drawn for drawn, _ in results), sum(seconds for _, seconds in results)


@app.command()
def main(
    count: Annotated[int, typer.Option(min=1, help="People that each style draws.")] = 60,
    processes: Annotated[
        int, typer.Option(min=1, help="Worker processes; 2 because the goal is that of two cores.")
    ] = 2,
) -> int:
    """Measure how many avatars designers' styles draw in a second; exit code 1 below the goal."""
    table = Table("style", "avatars", "processor ms each", "avatars/s, wall-clock")
    drawn, busy, clock = 0, 0.0, 0.0
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        list(pool.map(_warm_up, range(4 * processes)))
        for style in STYLES:
            started = time.perf_counter()
            number, seconds = measure(pool, style.name, count, processes)
            passed = time.perf_counter() - started
            table.add_row(
                style.name, str(number), f"{1e3 * seconds / number:.1f}", f"{number / passed:.0f}"
            )
            drawn, busy, clock = drawn + number, busy + seconds, clock + passed
    table.add_row("all", str(drawn), f"{1e3 * busy / drawn:.1f}", f"{drawn / clock:.0f}")
    print_tables(table)
    print(f"{drawn / clock:.0f} avatars/s, the goal is {GOAL:.0f}")
    print(f"{processes * drawn / busy:.0f} avatars/s, if processor time alone counted")
    return 0 if drawn / clock >= GOAL else GATE_FAILED


if __name__ == "__main__":
    run(app, "python -m benchmarks.avatars", without_arguments=())
