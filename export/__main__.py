"""`python -m export coreml|onnx|verify|schema`: the room's front door.

Results go to stdout, progress to stderr. Exit codes: 0 done, 1 a gate failed, 2 bad input or broken
integrity.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from avatar import shipped
from export.formats import Options
from quantization.targets import COREML_TARGETS, Target
from support.command_line import GATE_FAILED, new_app, print_tables, run, say
from support.options import ArtifactArgument, Checkpoint, RecipeOption
from support.progress import printed


class Precision(StrEnum):
    """Precision of weights and arithmetic."""

    FP16 = "fp16"
    FP32 = "fp32"


class Ort(StrEnum):
    """What .ort files hold."""

    DENSE = "dense"
    PACKED = "packed"
    NONE = "none"


app = new_app("Turn a checkpoint into an artifact that is proven to do what PyTorch does.")

Out = Annotated[
    Path,
    typer.Option(
        help="Folder of the artifact. It is replaced in one step when the export succeeds, and "
        "left as it is when not. The default is where other commands look for it.",
        file_okay=False,
    ),
]


def _coreml_target(text: str) -> Target:
    if text not in COREML_TARGETS:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(COREML_TARGETS)}")
    return Target(text)


@app.command()
def coreml(
    checkpoint: Checkpoint = shipped.CHECKPOINT,
    recipe: RecipeOption = None,
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
    ] = Precision.FP16,
    out: Out = Path("dist/coreml"),
) -> None:
    """Export to Core ML: an ML Program (.mlpackage) for each component."""
    options = Options(precision=precision.value, target=target)
    _export("coreml", checkpoint, recipe, out, options)


@app.command()
def onnx(
    checkpoint: Checkpoint = shipped.CHECKPOINT,
    recipe: RecipeOption = None,
    precision: Annotated[
        Precision,
        typer.Option(
            help="How the .onnx files store weights; they always compute in fp32, and .ort files "
            "always hold fp32. fp16 is the default because it halves the download at the same "
            "speed; fp32 is for finding out where a difference comes from."
        ),
    ] = Precision.FP16,
    out: Out = Path("dist/onnx"),
    ort: Annotated[
        Ort | None,
        typer.Option(
            help="The .ort files: dense fp32 weights (fast, large), packed ones (small, "
            "but unpacked anew in every call), or none. Default: dense for every component below "
            "2 GB, and none with a recipe, since neither is then what is wanted; .onnx files are "
            "small and fast.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Export to ONNX: an .onnx and an .ort file for each component."""
    from quantization import is_quantized

    small = recipe is not None or is_quantized(checkpoint)
    files = ort.value if ort else "none" if small else "auto"
    options = Options(precision=precision.value, ort=files)
    _export("onnx", checkpoint, recipe, out, options)


@app.command()
def verify(artifact: ArtifactArgument) -> None:
    """Check that an artifact is whole.

    Where it is not, the first thing wrong is named, and the exit code is 2.
    """
    from export.artifact import verify as verify_artifact

    manifest = verify_artifact(artifact).manifest
    total = sum(entry.bytes for entry in manifest.files)
    names = ", ".join(entry.name for entry in manifest.components)
    typer.echo(
        f"{artifact} is whole: {manifest.format}, {names}; "
        f"{len(manifest.files)} files, {total / 1e6:.1f} MB"
    )


@app.command()
def schema(
    out: Annotated[
        Path,
        typer.Option(
            dir_okay=False,
            help="File of the schema. The default is where this project publishes it.",
        ),
    ] = Path("docs/schemas/manifest.schema.json"),
) -> None:
    """Write the JSON Schema of manifest.json.

    Other tools can validate an artifact's manifest with it.
    """
    from export.manifest import json_schema
    from support import atomic

    atomic.write(out, json_schema())
    typer.echo(out)


def _export(
    format_name: str, checkpoint: Path, recipe: Path | None, out: Path, options: Options
) -> None:
    # Torch and the converters take seconds to import: `--help` should not.
    from export.errors import GateError
    from export.exporter import Request, export
    from export.report import table

    request = Request(
        checkpoint=checkpoint, format=format_name, out=out, options=options, recipe=recipe
    )
    try:
        rows = export(request, printed)
    except GateError as error:
        print_tables(table(error.rows))
        say(f"error: {error}")
        raise typer.Exit(GATE_FAILED) from None
    print_tables(table(rows))
    typer.echo(f"published {out}")


if __name__ == "__main__":
    run(app, "python -m export")
