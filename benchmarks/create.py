"""Seconds from three selfies to a set of four avatars: ONNX Runtime beside PyTorch.

Both draw in turn in one process; medians and their ratio are printed. The models are opened before
the clock starts.

    python -m benchmarks.create [--rounds N]
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from avatar import shipped
from avatar.__main__ import PYTORCH, open_model
from avatar.model import Model
from avatar.selfies import read_selfies
from support.command_line import new_app, run

SELFIES = sorted((Path(__file__).parents[1] / "docs" / "samples").glob("*.png"))
SET = 4
"""Avatars in a set."""

app = new_app("Measure the seconds that a set of avatars takes, by ONNX Runtime and by PyTorch.")


def seconds(model: Model) -> float:
    """Wall-clock seconds of one set; reading the selfies' files is included."""
    start = time.perf_counter()
    avatars = list(model.draw(read_selfies(SELFIES), 0, range(SET)))
    assert len(avatars) == SET
    return time.perf_counter() - start


@app.command()
def main(
    rounds: Annotated[int, typer.Option(min=1, help="Sets that each of them draws.")] = 15,
) -> None:
    """Measure the seconds that a set of four avatars takes, by ONNX Runtime and by PyTorch."""
    models = {
        runtime: open_model(runtime, shipped.CHECKPOINT, None) for runtime in (PYTORCH, "onnx")
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
    run(app, "python -m benchmarks.create", without_arguments=())
