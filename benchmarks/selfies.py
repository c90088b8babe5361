"""How fast selfies are rendered: seconds to compile, and selfies a second after that.

    python -m benchmarks.selfies [--count 96] [--backend numba|torch] [--device cpu|cuda]

The target on two cores: at least 40 selfies/s after at most 20 s of compiling. Processor seconds
are printed beside, which other programs on the machine disturb less.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from support.command_line import new_app, run

app = new_app("Measure how fast selfies are rendered.")


class Backend(StrEnum):
    """What executes the renderer."""

    NUMBA = "numba"
    TORCH = "torch"


@dataclass(frozen=True)
class Seconds:
    """Wall-clock seconds of some work, and processor seconds of this process."""

    wall: float
    processor: float


@app.command()
def main(
    count: Annotated[int, typer.Option(min=1, help="Selfies in each round.")] = 96,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; their median is printed.")] = 3,
    backend: Annotated[
        Backend, typer.Option(help="numba is the default because it is the one for processors.")
    ] = Backend.NUMBA,
    device: Annotated[str, typer.Option(help="A torch device, for --backend torch.")] = "cpu",
) -> None:
    """Measure how fast selfies are rendered: seconds to compile, and selfies a second after."""
    with tempfile.TemporaryDirectory() as cache:
        # An empty cache, set before numba is imported, so that compiling is really measured.
        os.environ["NUMBA_CACHE_DIR"] = cache
        from avatar.people import sample_identity
        from avatar.people.renderer import render

        people = [sample_identity(seed) for seed in range(count)]

        def measure(selfies: int, first_seed: int) -> Seconds:
            seeds = range(first_seed, first_seed + selfies)
            wall, processor = time.perf_counter(), time.process_time()
            render(people[:selfies], seeds, backend=backend.value, device=device)
            return Seconds(time.perf_counter() - wall, time.process_time() - processor)

        cold, warm = measure(1, 0), measure(1, 0)
        print(f"compile: {cold.wall - warm.wall:.1f} s", end="")
        print(f" ({cold.processor - warm.processor:.1f} processor seconds)")
        measured = [measure(count, 1000 * (index + 1)) for index in range(rounds)]
        rate = count / statistics.median(seconds.wall for seconds in measured)
        busy = count / statistics.median(seconds.processor for seconds in measured)
        print(f"{backend} on {device}: {rate:.1f} selfies/s", end="")
        print(f" ({count} a round, median of {rounds}, {os.cpu_count()} cores)")
        print(f"one processor second: {busy:.1f} selfies")


if __name__ == "__main__":
    run(app, "python -m benchmarks.selfies", without_arguments=())
