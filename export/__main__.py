"""`python -m export coreml|onnx|verify`: the room's front door.

Results go to stdout, progress to stderr. Exit codes: 0 done, 1 a gate failed, 2 bad input or broken
integrity.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from avatar import shipped
from export.formats import Options
from quantization.targets import COREML_TARGETS, Target
from support.command_line import GATE_FAILED, new_app, run, say

if TYPE_CHECKING:
    from export.check import Row

WIDTH = 110


class Precision(StrEnum):
    """Precision of weights and arithmetic."""

    fp16 = "fp16"
    fp32 = "fp32"


app = new_app("Turn a checkpoint into an artifact that is proven to do what PyTorch does.")

Checkpoint = Annotated[
    Path | None,
    typer.Option(
        help="Folder of a diffusers checkpoint (safetensors; model_index.json says which "
        "pipeline it is). Default: the trained checkpoint that ships with this software, so that "
        "the command works as it stands.",
        show_default=False,
    ),
]


RecipeFile = Annotated[
    Path | None,
    typer.Option(
        help="Recipe that says which weight gets which bits, as `python -m quantization plan` "
        "writes it. Default: 16-bit weights, or what a quantized checkpoint brings along.",
        show_default=False,
    ),
]


class Ort(StrEnum):
    """What .ort files hold."""

    dense = "dense"
    packed = "packed"
    none = "none"


def _coreml_target(text: str) -> Target:
    if text not in COREML_TARGETS:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(COREML_TARGETS)}")
    return Target(text)


@app.command()
def coreml(
    checkpoint: Checkpoint = None,
    recipe: RecipeFile = None,
    target: Annotated[
        Target,
        typer.Option(
            parser=_coreml_target,
            metavar=f"<{'|'.join(COREML_TARGETS)}>",
            help="Oldest iOS that must run the models. ios16 is the default because every iPhone "
            "with a Neural Engine worth using has it; later ones allow more kinds of compression.",
        ),
    ] = Target.IOS16,
    precision: Annotated[
        Precision,
        typer.Option(
            help="fp16 is the default because the Neural Engine computes in nothing else and the "
            "download is half as large; fp32 is for finding out where a difference comes from."
        ),
    ] = Precision.fp16,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder of the artifact. Replaced in one step when the export succeeds, left as "
            "it is when not. Other commands look in the default."
        ),
    ] = Path("dist/coreml"),
) -> None:
    """Export to Core ML: an ML Program (.mlpackage) for each component."""
    options = Options(precision=precision.value, target=target)
    _export("coreml", checkpoint, recipe, out, options)


@app.command()
def onnx(
    checkpoint: Checkpoint = None,
    recipe: RecipeFile = None,
    precision: Annotated[
        Precision,
        typer.Option(
            help="How the .onnx files store weights; they always compute in fp32, and .ort files "
            "always hold fp32. fp16 is the default because it halves the download at the same "
            "speed; fp32 is for finding out where a difference comes from."
        ),
    ] = Precision.fp16,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder of the artifact. Replaced in one step when the export succeeds, left as "
            "it is when not. Other commands look in the default."
        ),
    ] = Path("dist/onnx"),
    ort: Annotated[
        Ort | None,
        typer.Option(
            help="The .ort files: dense fp32 weights (fast, large), packed ones (small, "
            "but unpacked anew in every call), or none. Default: dense, and none with a recipe, "
            "since neither is then what is wanted; .onnx files are small and fast.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Export to ONNX: an .onnx and an .ort file for each component."""
    from quantization import is_quantized

    small = recipe is not None or is_quantized(checkpoint or shipped.CHECKPOINT)
    kind = ort.value if ort else "none" if small else "dense"
    _export("onnx", checkpoint, recipe, out, Options(precision=precision.value, ort=kind))


@app.command()
def verify(
    artifact: Annotated[Path, typer.Argument(help="Folder of the artifact to check.")],
) -> None:
    """Check that an artifact is whole; names the first thing wrong (exit code 2)."""
    from export.artifact import verify as verify_artifact

    manifest = verify_artifact(artifact).manifest
    total = sum(entry.bytes for entry in manifest.files)
    names = ", ".join(entry.name for entry in manifest.components)
    typer.echo(
        f"{artifact} is whole: {manifest.format}, {names}; "
        f"{len(manifest.files)} files, {total / 1e6:.1f} MB"
    )


def _export(
    format_name: str,
    checkpoint: Path | None,
    recipe: Path | None,
    out: Path,
    options: Options,
) -> None:
    # Torch and the converters take seconds to import: `--help` should not.
    from export.exporter import GateError, Request, export

    request = Request(
        checkpoint=checkpoint or shipped.CHECKPOINT,
        format=format_name,
        out=out,
        options=options,
        recipe=recipe,
    )
    try:
        rows = export(request, say)
    except GateError as error:
        _print(error.rows)
        say(f"error: {error}")
        sys.exit(GATE_FAILED)
    _print(rows)
    typer.echo(f"published {out}")


def _print(rows: Sequence[Row]) -> None:
    from export.report import table

    # Into a file or a pipe there is no width to fit into: no name is cut there.
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    console.print(table(rows))


if __name__ == "__main__":
    run(app, "python -m export")
