"""Seconds from three selfies to a set of four avatars: ONNX Runtime beside PyTorch.

Alternating in one process, medians; prints the ratio. The models are open before the clock starts.

    python -m benchmarks.create [--rounds N]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median

from avatar import shipped
from avatar.__main__ import PYTORCH, open_model
from avatar.model import Model
from avatar.selfies import read_selfies

SELFIES = sorted((Path(__file__).parents[1] / "docs" / "samples").glob("*.png"))
SET = 4


def seconds(model: Model) -> float:
    """For one set, selfies read from their files included."""
    start = time.perf_counter()
    avatars = list(model.draw(read_selfies(SELFIES), 0, range(SET)))
    assert len(avatars) == SET
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="sets drawn by each")
    rounds = parser.parse_args().rounds
    models = {
        runtime: open_model(runtime, shipped.CHECKPOINT, None)
        for runtime in (PYTORCH, "onnx")
    }
    times: dict[str, list[float]] = {runtime: [] for runtime in models}
    for _ in range(rounds + 1):
        for runtime, model in models.items():
            times[runtime].append(seconds(model))
    found = {runtime: median(values[1:]) for runtime, values in times.items()}
    for runtime, value in found.items():
        print(f"{runtime.value:8} {value:.3f} s for {SET} avatars")
    print(f"PyTorch / ONNX Runtime: {found[PYTORCH] / found['onnx']:.2f}")


if __name__ == "__main__":
    main()
