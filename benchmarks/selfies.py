"""How fast selfies are rendered: seconds to compile, selfies a second after that.

    python -m benchmarks.selfies [--count 96] [--backend numba|torch] [--device cpu|cuda]

The target on two cores: at least 40 selfies/s after at most 15 s of compiling.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time


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

        def seconds(count: int, first_seed: int) -> float:
            seeds = range(first_seed, first_seed + count)
            start = time.perf_counter()
            render(people[:count], seeds, backend=options.backend, device=options.device)
            return time.perf_counter() - start

        one_cold, one_warm = seconds(1, 0), seconds(1, 0)
        print(f"compile: {one_cold - one_warm:.1f} s")
        rounds = [seconds(options.count, 1000 * (i + 1)) for i in range(options.rounds)]
        rate = options.count / statistics.median(rounds)
        print(f"{options.backend} on {options.device}: {rate:.1f} selfies/s", end="")
        print(f" ({options.count} a round, median of {options.rounds}, {os.cpu_count()} cores)")


if __name__ == "__main__":
    main()
