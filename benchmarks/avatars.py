"""Avatars drawn in a second, beside what is wanted.

    python -m benchmarks.avatars [--count N] [--processes N]

Every style draws the same people, shared out to processes; starting them, checking the definition
files and storing the pictures are not counted. Seconds by the clock are what a user waits; seconds
of processor time do not depend on what else the machine is doing. Exit code 1 below the goal.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from rich.console import Console
from rich.table import Table

from avatar.people import STYLES, can_draw, draw, sample_identity

GOAL = 80.0


def _draw_all(style: str, seeds: Sequence[int]) -> tuple[int, float]:
    """How many of these people the style drew, and the processor time it took, in seconds."""
    people = [person for person in map(sample_identity, seeds) if can_draw(person, style)]
    started = time.process_time()
    for seed, person in enumerate(people):
        draw(person, style, seed)
    return len(people), time.process_time() - started


def _warm_up(_: int) -> None:
    for style in STYLES:
        _draw_all(style.name, range(3))


def measure(pool: ProcessPoolExecutor, style: str, count: int, processes: int) -> tuple[int, float]:
    """Avatars drawn, and seconds of processor time of all processes together."""
    parts = [range(first, count, processes) for first in range(processes)]
    results = list(pool.map(_draw_all, [style] * processes, parts))
    return sum(drawn for drawn, _ in results), sum(seconds for _, seconds in results)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=60, help="people a style (default: 60)")
    parser.add_argument("--processes", type=int, default=2, help="(default: 2)")
    arguments = parser.parse_args()
    table = Table("style", "avatars", "ms of processor each", "avatars/s by the clock")
    drawn, busy, clock = 0, 0.0, 0.0
    with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool:
        list(pool.map(_warm_up, range(4 * arguments.processes)))
        for style in STYLES:
            started = time.perf_counter()
            number, seconds = measure(pool, style.name, arguments.count, arguments.processes)
            passed = time.perf_counter() - started
            table.add_row(
                style.name, str(number), f"{1e3 * seconds / number:.1f}", f"{number / passed:.0f}"
            )
            drawn, busy, clock = drawn + number, busy + seconds, clock + passed
    table.add_row("all", str(drawn), f"{1e3 * busy / drawn:.1f}", f"{drawn / clock:.0f}")
    Console().print(table)
    print(f"{drawn / clock:.0f} avatars/s, wanted {GOAL:.0f}")
    print(f"{arguments.processes * drawn / busy:.0f} avatars/s of processor time alone")
    return 0 if drawn / clock >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
