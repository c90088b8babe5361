"""One component of a checkpoint converted by itself, in this process, and nothing checked.

    python -m benchmarks.one_component coreml|onnx CHECKPOINT COMPONENT OUT [--bits 6]

`benchmarks.checkpoints` runs it in a process of its own to know its seconds and peak memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from support.command_line import fail, new_app, run

app = new_app("Convert one component of a checkpoint.")


@app.command()
def main(
    format_: Annotated[str, typer.Argument(metavar="FORMAT", help="coreml or onnx.")],
    checkpoint: Annotated[Path, typer.Argument(help="Folder of the checkpoint.")],
    component: Annotated[str, typer.Argument(help="Name of the component.")],
    out: Annotated[Path, typer.Argument(help="Folder for its model files; made where missing.")],
    bits: Annotated[
        int | None, typer.Option(help="Palettes of so many bits instead of fp16.", min=1, max=8)
    ] = None,
) -> None:
    """Convert one component, in fp16 or palettes; an ONNX model gets no .ort file."""
    import components
    from components.checkpoint import read_index
    from export.formats import Options, format_named
    from quantization import Recipe, apply, parse

    if out.is_dir() and any(out.iterdir()):
        fail(f"{out} is not empty, expected a new or an empty folder")
    out.mkdir(parents=True, exist_ok=True)
    pipeline, packed = components.load(checkpoint), None
    if bits is not None:
        scheme = parse(f"palette-{bits}")
        kind = read_index(checkpoint)["_class_name"]
        packed = apply(checkpoint, Recipe(pipeline=kind, patterns=((f"{component}.*", scheme),)))
        pipeline = packed.pipeline
    exporter = format_named(format_)
    options = Options(ort="none")
    exporter.write(pipeline.component(component), out, pipeline.facts(), options, packed)


if __name__ == "__main__":
    run(app, "python -m benchmarks.one_component")
