"""`python -m export coreml|onnx|multifunction|run|verify|schema`: the room's front door.

Results go to stdout, progress to stderr. Exit codes: 0 done, 1 a gate failed, 2 bad input or broken
integrity.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avatar import shipped
from components.overlay.options import takes_changes
from export.formats import Options
from quantization.targets import COREML_TARGETS, Target
from support.command_line import GATE_FAILED, new_app, print_tables, run, say
from support.options import ArtifactArgument, Checkpoint, RecipeOption
from support.progress import printed

if TYPE_CHECKING:
    import numpy as np


class Precision(StrEnum):
    """Precision of weights and arithmetic."""

    FP16 = "fp16"
    FP32 = "fp32"


class Ort(StrEnum):
    """What .ort files hold."""

    DENSE = "dense"
    PACKED = "packed"
    NONE = "none"


class Attention(StrEnum):
    """The form of attention."""

    ORIGINAL = "original"
    SPLIT_EINSUM = "split_einsum"
    SPLIT_EINSUM_V2 = "split_einsum_v2"


class CoreMLLayout(StrEnum):
    """Whose names Core ML packages have."""

    OWN = "own"
    APPLE = "apple"


class OnnxLayout(StrEnum):
    """Whose names ONNX files have."""

    OWN = "own"
    OPTIMUM = "optimum"


app = new_app("Turn a checkpoint into an artifact that is proven to do what PyTorch does.")

Out = Annotated[
    Path,
    typer.Option(
        help="Folder of the artifact. It is replaced in one step when the export succeeds, and "
        "left as it is when not. The default is where other commands look for it.",
        file_okay=False,
    ),
]


Chunks = Annotated[
    int,
    typer.Option(
        min=1,
        help="How many models the largest component is cut into, where the least has to be passed "
        "between them; others are cut so that theirs are not larger. The default is 1 because one "
        "model is quicker; devices that cannot load a large one need more.",
    ),
]
Components = Annotated[
    str,
    typer.Option(
        metavar="NAME,NAME",
        help="Export these components only, and compare them without a whole run. Default: all, "
        "because an app needs all.",
        show_default=False,
    ),
]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",")) if text else ()


def _coreml_target(text: str) -> Target:
    if text not in COREML_TARGETS:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(COREML_TARGETS)}")
    return Target(text)


@app.command()
@takes_changes
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
    attention: Annotated[
        Attention,
        typer.Option(
            help="The form of attention. original, the default, is diffusers' and suits GPUs; "
            "split_einsum is Apple's for the Neural Engine, head by head; split_einsum_v2 takes "
            "512 queries at a time, for large pictures."
        ),
    ] = Attention.ORIGINAL,
    chunks: Chunks = 1,
    components: Components = "",
    out: Out = Path("dist/coreml"),
    layout: Annotated[
        CoreMLLayout,
        typer.Option(
            help="Who reads the packages. own is the default because this project's evaluation, "
            "libraries and runtimes read it; apple is for Apple's Swift package, "
            "ml-stable-diffusion, after compile.sh ran on a Mac."
        ),
    ] = CoreMLLayout.OWN,
) -> None:
    """Export to Core ML: an ML Program (.mlpackage) for each component."""
    options = Options(
        precision=precision.value,
        target=target,
        attention=attention.value,
        chunks=chunks,
        components=_names(components),
        layout=layout.value,
    )
    _export("coreml", checkpoint, recipe, out, options)


@app.command()
@takes_changes
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
    chunks: Chunks = 1,
    components: Components = "",
    layout: Annotated[
        OnnxLayout,
        typer.Option(
            help="Who reads the files. own is the default because this project's evaluation, "
            "libraries and runtimes read it; optimum is for Hugging Face's ORTDiffusionPipeline, "
            "which takes no .ort files."
        ),
    ] = OnnxLayout.OWN,
) -> None:
    """Export to ONNX: an .onnx and an .ort file for each component."""
    from quantization import is_quantized

    small = recipe is not None or is_quantized(checkpoint)
    others = layout is not OnnxLayout.OWN
    if others and ort not in (None, Ort.NONE):
        raise typer.BadParameter(f"--layout {layout.value} has no .ort files; leave out --ort")
    files = ort.value if ort else "none" if small or others else "auto"
    options = Options(
        precision=precision.value,
        ort=files,
        chunks=chunks,
        components=_names(components),
        layout=layout.value,
    )
    _export("onnx", checkpoint, recipe, out, options)


@app.command()
def multifunction(
    artifacts: Annotated[
        list[Path],
        typer.Argument(
            metavar="ARTIFACT...",
            help="Folders of Core ML artifacts of one pipeline, exported with --target ios18: of "
            "other sizes, or of checkpoints that share most weights. Each folder's name becomes a "
            "function's.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder of the new artifact, replaced in one step.")
    ] = Path("dist/coreml-functions"),
    default: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The function that an app gets which names none. Default: the first artifact's.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Join Core ML artifacts into one whose packages have a function for each.

    Weights that they share are stored once. Needs iOS 18.
    """
    from export.multifunction import join

    joined = join(artifacts, out, default, printed)
    names = ", ".join(entry.name for entry in joined.manifest.functions)
    typer.echo(f"published {out}: {names}")


@app.command()
def verify(artifact: ArtifactArgument) -> None:
    """Check that an artifact is whole.

    Where it is not, the first thing wrong is named, and the exit code is 2.
    """
    from export.artifact import verify as verify_artifact

    manifest = verify_artifact(artifact).manifest
    total = sum(entry.bytes for entry in manifest.files)
    names = ", ".join(entry.name for entry in manifest.components)
    if manifest.functions:
        names += "; functions " + ", ".join(entry.name for entry in manifest.functions)
    typer.echo(
        f"{artifact} is whole: {manifest.format}, {names}; "
        f"{len(manifest.files)} files, {total / 1e6:.1f} MB"
    )


@app.command(name="run")
def draw(
    artifact: ArtifactArgument,
    prompt: Annotated[str, typer.Option(help="What to draw, in words.")],
    negative: Annotated[str, typer.Option(help="What the picture shall not be like.")] = "",
    seed: Annotated[
        int, typer.Option(min=0, max=2**64 - 1, help="Decides all noise: same seed, same picture.")
    ] = 0,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Steps of the sampler; the artifact's default otherwise."),
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="How strongly the prompt counts; 0 or 1 draws without guidance, as Turbo "
            "models want it. The artifact's default otherwise.",
        ),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="How much of a picture to draw anew, where the model begins with one.",
        ),
    ] = None,
    image: Annotated[
        Path | None, typer.Option(help="Picture that the model begins with.", dir_okay=False)
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(help="Picture that is white where the other is drawn anew.", dir_okay=False),
    ] = None,
    control: Annotated[
        Path | None,
        typer.Option(help="Picture that a ControlNet follows: edges, depth, a pose."),
    ] = None,
    runtime: Annotated[
        str | None,
        typer.Option(help="What executes the model; the first that the artifact has files for."),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="PNG or JPEG file; several pictures become NAME-1.png and so on.")
    ] = Path("picture.png"),
) -> None:
    """Draw a picture from text with an artifact alone, and print the names of the files.

    Pictures that it takes are cropped and scaled to the artifact's size. Each file that it writes
    says that it was made by AI.
    """
    from avatar.saving import output_files, save_avatars
    from components.diffusion.flow import Wish
    from export.drawing import Drawing, Loop
    from support.images import to_pixels

    drawing = Drawing(artifact, runtime)
    files = output_files(out, drawing.flow.picture[0])
    size = (drawing.flow.picture[3], drawing.flow.picture[2])
    wish = Wish(
        prompt=prompt,
        negative=negative,
        seed=seed,
        image=read_picture(image, size, "RGB"),
        mask=read_picture(mask, size, "L"),
        control_image=read_picture(control, size, "RGB"),
    )
    pictures = drawing.draw(wish, Loop(steps=steps, guidance=guidance, strength=strength), printed)
    waiting = f"another call writes {out}; waiting for it"
    save_avatars(map(to_pixels, pictures), files, lambda: say(waiting))
    for file in files:
        print(file, flush=True)


def read_picture(path: Path | None, size: tuple[int, int], mode: str) -> np.ndarray | None:
    """A picture file, cropped and scaled to a size, as (1,C,H,W) float32 in [0,1].

    Args:
        path: The file; None for none.
        size: Width and height.
        mode: `RGB` for three channels; `L` for one, 0 or 1.
    """
    if path is None:
        return None
    import numpy as np
    from PIL import Image, ImageOps

    from avatar.selfies.picture_file import open_upright, to_srgb

    fitted = ImageOps.fit(to_srgb(open_upright(path)), size, Image.Resampling.LANCZOS)
    pixels = np.asarray(fitted.convert(mode), np.float32) / np.float32(255)
    if mode == "L":
        return (pixels >= 0.5).astype(np.float32)[None, None]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]


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
