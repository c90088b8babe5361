"""How fast selfies are rendered: seconds to compile, selfies a second after that.

    python -m benchmarks.selfies [--count 96] [--backend numba|torch] [--device cpu|cuda]

The target on two cores: at least 40 selfies/s after at most 20 s of compiling. Processor seconds
are printed beside, which other programs on the machine disturb less.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Seconds:
    """What something took: on the clock, and of all processors of this process."""

    wall: float
    processor: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--count", type=int, default=96, help="selfies a round (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds; the median is printed")
    parser.add_argument("--backend", choices=("numba", "torch"), default="numba")
    parser.add_argument("--device", default="cpu", help="a torch device, for --backend torch")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        # An empty cache, set before numba is imported, so that compiling is really measured.
        os.environ["NUMBA_CACHE_DIR"] = cache
        from avatar.people import sample_identity
        from avatar.people.renderer import render

        people = [sample_identity(seed) for seed in range(options.count)]

        def measure(count: int, first_seed: int) -> Seconds:
            seeds = range(first_seed, first_seed + count)
            wall, processor = time.perf_counter(), time.process_time()
            render(people[:count], seeds, backend=options.backend, device=options.device)
            return Seconds(time.perf_counter() - wall, time.process_time() - processor)

        cold, warm = measure(1, 0), measure(1, 0)
        print(f"compile: {cold.wall - warm.wall:.1f} s", end="")
        print(f" ({cold.processor - warm.processor:.1f} processor seconds)")
        rounds = [measure(options.count, 1000 * (i + 1)) for i in range(options.rounds)]
        rate = options.count / statistics.median(seconds.wall for seconds in rounds)
        busy = options.count / statistics.median(seconds.processor for seconds in rounds)
        print(f"{options.backend} on {options.device}: {rate:.1f} selfies/s", end="")
        print(f" ({options.count} a round, median of {options.rounds}, {os.cpu_count()} cores)")
        print(f"one processor second: {busy:.1f} selfies")


if __name__ == "__main__":
    main()
