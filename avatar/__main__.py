"""`python -m avatar VERB`: draw avatars, check selfies, list styles, make people to train on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from avatar import shipped
from avatar.errors import CheckpointError, OutputError
from support.command_line import (
    export_where_missing,
    fail,
    new_app,
    print_tables,
    run,
    say,
)
from support.options import Checkpoint
from support.progress import printed

if TYPE_CHECKING:
    from avatar.model import Model
    from avatar.people import DesignerStyle
    from export.runtimes import Runtime

app = new_app("Draw avatars of the person in a few selfies, in a designer's style.")

LAST_SEED = 2**64 - 1


PYTORCH = "pytorch"
"""The runtime of checkpoints; `export.runtimes` knows those of artifacts."""


@app.command()
def create(
    style: Annotated[
        str, typer.Option(help="Name of a style that the model knows; `styles` lists them.")
    ],
    selfies: Annotated[
        list[Path] | None,
        typer.Option(
            help="1 to 10 pictures of one person (JPEG, PNG, WebP or HEIC, any size). The face "
            "should fill the centre square, because the model sees nothing else."
        ),
    ] = None,
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[SELFIE]...", help="Further selfies.")
    ] = None,
    count: Annotated[
        int, typer.Option(min=1, max=1000, help="Number of avatars, drawn with consecutive seeds.")
    ] = 1,
    seed: Annotated[
        int,
        typer.Option(
            min=0, max=LAST_SEED, help="Seed of the noise: the same seed gives the same avatar."
        ),
    ] = 0,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Steps of the sampler, one of the numbers that the model was trained for: fewer "
            "are quicker, more are finer. The model's default otherwise.",
            show_default=False,
        ),
    ] = None,
    runtime: Annotated[
        str,
        typer.Option(
            help="What executes the model: pytorch reads the checkpoint; onnx, ort, coreml_runtime "
            "and on macOS apple-cpu, apple-gpu, apple-ne and apple-all read the artifact in dist/, "
            "exported first where missing. All draw the same picture."
        ),
    ] = PYTORCH,
    out: Annotated[
        Path,
        typer.Option(help="PNG or JPEG file; with --count 2 me.png becomes me-1.png and me-2.png."),
    ] = Path("avatar.png"),
    checkpoint: Checkpoint = shipped.CHECKPOINT,
    artifact: Annotated[
        Path | None,
        typer.Option(
            help="Artifact folder for all runtimes but pytorch, instead of the checkpoint's own in "
            "dist/."
        ),
    ] = None,
    any_selfie: Annotated[
        bool,
        typer.Option(
            "--any-selfie",
            help="Draw from selfies that break a rule too (`check` lists them). Without this "
            "option they are refused, because the avatar might not look like the person.",
        ),
    ] = False,
) -> None:
    """Draw avatars of the person in the selfies, and print the names of the files.

    Each file says that it was made by AI, in the XMP property that the IPTC defines for that.
    """
    from avatar.saving import output_files, save_avatars
    from avatar.selfies import (
        detector,
        read_photos,
        refusal_lines,
        refusals_of,
        stack_photos,
    )
    from avatar.styles_file import style_index
    from support.images import to_pixels

    # Mistakes are reported before a model is loaded; an artifact must be opened to know its styles.
    files = output_files(out, count)
    if artifact is None:
        style_index([known.name for known in _styles_of(checkpoint)], style)
    paths = [*(selfies or []), *(more or [])]
    photos = read_photos(paths, detector())
    refused = refusal_lines(paths, refusals_of(photos))
    if refused and not any_selfie:
        fail(*refused, "no avatar was drawn; --any-selfie draws one from such selfies too")
    for line in refused:
        say(f"drawing nevertheless from {line}")
    model = open_model(runtime, checkpoint, artifact, steps)
    index = style_index(model.styles, style)
    seeds = [(seed + offset) % (LAST_SEED + 1) for offset in range(count)]
    avatars = model.draw(stack_photos(photos), index, seeds)
    waiting = f"another call writes {out}; waiting for it"
    save_avatars(map(to_pixels, avatars), files, lambda: say(waiting))
    for file in files:
        print(file, flush=True)


@app.command()
def check(
    selfies: Annotated[
        list[Path], typer.Argument(metavar="SELFIE...", help="1 to 10 pictures of one person.")
    ],
) -> None:
    """Check selfies against the rules, and print each measure beside its limits.

    The exit code is 2 where a selfie is refused.
    """
    from avatar.selfies import (
        detector,
        measures_table,
        read_photos,
        refusal_lines,
        refusals_of,
    )

    find = detector()
    photos = read_photos(selfies, find)
    refusals = refusals_of(photos)
    print_tables(measures_table(selfies, photos, refusals))
    if find is None:
        say("faces were not looked for; pip install 'pocket-avatar[faces]' installs the detector")
    if refusals:
        fail(*refusal_lines(selfies, refusals))


def open_model(
    runtime: str, checkpoint: Path, artifact: Path | None, steps: int | None = None
) -> Model:
    """Open a checkpoint in PyTorch, or an artifact in another runtime.

    Args:
        runtime: The runtime.
        checkpoint: Folder of the checkpoint.
        artifact: Folder of the artifact; `dist/FORMAT` by default, exported first if missing.
        steps: Number of steps that the model was trained for; its default otherwise.
    """
    if runtime == PYTORCH:
        if artifact is not None:
            fail("pytorch reads a checkpoint; --artifact is for the other runtimes")
        return _open_quantized(checkpoint, steps)
    from export import runtimes

    if runtime not in runtimes.known():
        fail(f"runtime {runtime!r} is not one of {', '.join([PYTORCH, *runtimes.known()])}")
    chosen = runtimes.named(runtime)
    chosen.require()
    if artifact is not None:
        return _open_artifact(chosen, artifact, steps)
    folder = Path("dist") / chosen.format
    export_where_missing(chosen.format, checkpoint, folder)
    from components import fingerprint
    from export.artifact import open_artifact

    if open_artifact(folder).manifest.checkpoint != fingerprint(checkpoint):
        fail(
            f"{folder} was not exported from {checkpoint}; "
            f"run: python -m export {chosen.format} --checkpoint {checkpoint}"
        )
    return _open_artifact(chosen, folder, steps)


def _styles_of(checkpoint: Path) -> tuple[DesignerStyle, ...]:
    """The styles of a checkpoint; no weights are loaded."""
    from avatar.styles_file import styles_of
    from components.checkpoint import read_index

    read_index(checkpoint)  # raises where it is no checkpoint
    return styles_of(checkpoint)


def _open_quantized(checkpoint: Path, steps: int | None) -> Model:
    from avatar.model import Model, Networks, SamplerTable
    from components import load
    from components.reference import runner
    from quantization import is_quantized, open_quantized

    quantized = is_quantized(checkpoint)
    pipeline = open_quantized(checkpoint).pipeline if quantized else load(checkpoint)
    if set(pipeline.names) != set(Networks.names()):
        raise CheckpointError(f"{checkpoint} is not the checkpoint of an avatar model")
    facts = pipeline.facts()
    components = {name: pipeline.component(name) for name in pipeline.names}
    return Model(
        networks=Networks.of({name: runner(part) for name, part in components.items()}),
        table=SamplerTable.from_dict(facts.sampler, steps),
        latent_shape=components["decoder"].inputs[0].shape,
        styles=tuple(style["name"] for style in facts.styles),
    )


def _open_artifact(runtime: Runtime, folder: Path, steps: int | None) -> Model:
    from avatar.model import Model, Networks, SamplerTable
    from export.artifact import open_artifact
    from support.json_records import plain

    manifest = open_artifact(folder).manifest
    if manifest.format != runtime.format or manifest.pipeline != "AvatarPipeline":
        held = f"{manifest.format} components of {manifest.pipeline}"
        fail(f"{folder} holds {held}, expected {runtime.format} components of AvatarPipeline")
    names = manifest.wholes
    return Model(
        networks=Networks.of({name: runtime.load(folder, name) for name in names}),
        table=SamplerTable.from_dict(plain(manifest.sampler), steps),
        latent_shape=manifest.whole("decoder").inputs[0].shape,
        styles=tuple(style.name for style in manifest.styles),
    )


@app.command()
def people(
    out: Annotated[
        Path | None,
        typer.Option(
            help="Picture of the contact sheet (default: people.png), or with --count the folder "
            "of the shards (default: people).",
            show_default=False,
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Write this number of people to train on, as shards; a killed run is resumed. "
            "Without this option a contact sheet of eight people is drawn.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The first person's seed.")] = 0,
    selfies: Annotated[
        int, typer.Option(min=0, max=1000, help="Selfies of each person, in shards.")
    ] = 5,
    avatars: Annotated[
        int, typer.Option(min=0, help="Drawings of each person in each style, in shards.")
    ] = 1,
) -> None:
    """Make up people: a sheet of their selfies and drawings to look at, or shards to train on."""
    if count is not None:
        _write_people(out or Path("people"), count, seed=seed, selfies=selfies, avatars=avatars)
        return
    import numpy as np

    from avatar.people.contact_sheet import contact_sheet
    from avatar.saving import output_files, save_picture

    (file,) = output_files(out or Path("people.png"), 1)
    say("rendering eight people; the first time the renderer is compiled, which takes a while")
    save_picture(np.asarray(contact_sheet(seed)), file)
    print(file)


def _write_people(folder: Path, count: int, *, seed: int, selfies: int, avatars: int) -> None:
    from avatar.people import write_shards

    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; with --count people are written into a folder")

    write_shards(folder, count, seed=seed, selfies=selfies, avatars=avatars, progress=printed)
    print(folder)


@app.command()
def assemble(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="AVATAR.TOML",
            help="Names the parts: Stable Diffusion, image encoder, IP-Adapter, LoRAs, sampler, "
            "styles. docs/your_model.md describes it.",
            dir_okay=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Folder of the checkpoint. It is replaced in one step when all is done, and left "
            "as it is when not.",
            file_okay=False,
        ),
    ] = Path("checkpoint"),
) -> None:
    """Put your own avatar model together, and print its folder.

    Export, evaluation, quantization and the libraries for apps then take it with --checkpoint.
    """
    from components.adapted.assembly import assemble as put_together

    print(put_together(file, out, printed))


@app.command()
def styles(checkpoint: Checkpoint = shipped.CHECKPOINT) -> None:
    """List a checkpoint's styles with tier, licence, creator and source."""
    rows = [("NAME", "TIER", "LICENCE", "CREATOR", "SOURCE")]
    known = _styles_of(checkpoint)
    rows += [(s.name, s.tier, s.licence, s.creator, s.source_url) for s in known]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


if __name__ == "__main__":
    run(app, "python -m avatar")
