"""A full-size avatar model, assembled from parts and exported: seconds, memory, sizes.

    python -m benchmarks.assembled [--folder FOLDER] [--only STEP]...

The parts have random weights and are made on the spot (3.5 GB): Stable Diffusion 1.5, an IP-Adapter
Plus that reads ViT-H, TAESD, and places for four selfies. Each step is a process of its own, whose
peak memory is its largest resident set; exports include their check. Exit code 1 where a step
fails, or where seconds of all steps together or the memory of one exceed the limits.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from benchmarks.checkpoints import Result, measure
from support.command_line import GATE_FAILED, fail, new_app, print_tables, run, say

SECONDS = 15 * 60.0
"""Of the clock for all steps together, on two idle cores."""
MEMORY = 12.0
"""Gigabytes of each step."""
STEPS = ("assemble", "coreml", "coreml-6-bits", "onnx")
app = new_app("Assemble and export a full-size avatar model.")


def steps(folder: Path, only: tuple[str, ...]) -> Iterator[Result]:
    """The steps, each measured; their results stay in the folder.

    Args:
        folder: Where the parts are, and where everything is written.
        only: Names of the steps to do.
    """
    from quantization import Recipe, parse

    checkpoint, recipe = folder / "checkpoint", folder / "recipe.json"
    patterns = (("*", parse("palette-6")),)
    recipe.write_bytes(Recipe(pipeline="AdaptedAvatarPipeline", patterns=patterns).dump())
    assemble = ["avatar", "assemble", str(folder / "parts" / "avatar.toml")]
    export = ("--checkpoint", str(checkpoint))
    commands = {
        "assemble": (assemble, checkpoint),
        "coreml": (["export", "coreml", *export], folder / "coreml"),
        "coreml-6-bits": (
            ["export", "coreml", *export, "--recipe", str(recipe)],
            folder / "coreml-6-bits",
        ),
        # In fp32, which .ort files hold, a denoiser of this size is over their limit of 2 GB.
        "onnx": (["export", "onnx", *export, "--ort", "none"], folder / "onnx"),
    }
    for step in only:
        command, out = commands[step]
        whole = [sys.executable, "-m", *command, "--out", str(out)]
        yield measure(step, "ours", whole, out, (SECONDS, MEMORY))


def table(results: list[Result]) -> Table:
    """The results, and their sum."""
    cores = os.cpu_count()
    made = Table(title=f"A full-size avatar model on {cores} cores", title_justify="left")
    for name in ("step", "seconds", "CPU seconds", "peak", "written", ""):
        made.add_column(name, justify="left" if name in ("step", "") else "right")
    for result in results:
        made.add_row(
            result.what,
            f"{result.seconds:.0f}",
            f"{result.cpu:.0f}",
            f"{result.peak / 1e9:.2f} GB",
            f"{result.size / 1e9:.2f} GB",
            result.problem or ("" if result.within else "exceeded"),
        )
    seconds, cpu = (sum(getattr(each, name) for each in results) for name in ("seconds", "cpu"))
    peak = max(result.peak for result in results)
    over = "" if seconds <= SECONDS else "exceeded"
    made.add_section()
    made.add_row("together", f"{seconds:.0f}", f"{cpu:.0f}", f"{peak / 1e9:.2f} GB", "", over)
    made.add_row("limit", f"{SECONDS:.0f}", "", f"{MEMORY:.2f} GB", "", "")
    return made


@app.command()
def main(
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Folder for parts and results, which stay there; parts are made where there are "
            "none. The default is a temporary one.",
            show_default=False,
            file_okay=False,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help=f"A step to do, of {', '.join(STEPS)}; may be given several times. Default: all.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Assemble a full-size avatar model, and export it three times."""
    wanted = tuple(only or STEPS)
    if unknown := [step for step in wanted if step not in STEPS]:
        fail(f"there is no step {unknown[0]!r}, only {', '.join(STEPS)}")
    with tempfile.TemporaryDirectory() as scratch:
        at = folder or Path(scratch)
        _make_parts(at / "parts")
        results = list(steps(at, wanted))
    print_tables(table(results))
    within = sum(result.seconds for result in results) <= SECONDS
    return 0 if within and all(result.within for result in results) else GATE_FAILED


def _make_parts(folder: Path) -> None:
    """Make the parts in another process: this one's memory stays small."""
    if (folder / "avatar.toml").exists():
        return
    say("making parts with random weights")
    shutil.rmtree(folder, ignore_errors=True)
    code = (
        "import sys; from pathlib import Path; from benchmarks import full_size; "
        "full_size.save_avatar_parts(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)


if __name__ == "__main__":
    run(app, "python -m benchmarks.assembled", without_arguments=())
