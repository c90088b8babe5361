"""`python -m avatar VERB`: draw avatars, check selfies, list styles, make people to train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    from avatar.selfies import Rule
    from components import PipelineComponents
    from export.runtimes import Runtime

app = new_app("Draw avatars of the person in a few selfies, in a designer's style.")

LAST_SEED = 2**64 - 1


PYTORCH = "pytorch"
"""The runtime of checkpoints; `export.runtimes` knows those of artifacts."""
ALIGNED = (
    "this model takes aligned faces, and no face is looked for here: give it pictures that are "
    "aligned to ArcFace's five landmarks already"
)


@app.command()
def create(
    style: Annotated[
        str, typer.Option(help="Name of a style that the model knows; `styles` lists them.")
    ],
    selfies: Annotated[
        list[Path] | None,
        typer.Option(
            help="Pictures of one person (JPEG, PNG, WebP or HEIC, any size), 1 to as many as the "
            "model takes, which are 10 where it is the one that ships. The face should fill the "
            "centre square, because the model sees nothing else."
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
    asked = _asked_of_selfies(checkpoint, artifact)
    if asked.aligned:
        say(ALIGNED)
    photos = read_photos(paths, detector(), size=asked.size, rules=asked.rules)
    refused = refusal_lines(paths, refusals_of(photos, asked.rules))
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
        list[Path], typer.Argument(metavar="SELFIE...", help="Pictures of one person.")
    ],
    checkpoint: Checkpoint = shipped.CHECKPOINT,
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

    find, asked = detector(), _asked_of_selfies(checkpoint, None)
    photos = read_photos(selfies, find, size=asked.size, rules=asked.rules)
    refusals = refusals_of(photos, asked.rules)
    print_tables(measures_table(selfies, photos, refusals, asked.rules))
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


@dataclass(frozen=True)
class _Asked:
    """What a model asks of selfies: their side in pixels, rules, whether faces are aligned."""

    size: int
    rules: Sequence[Rule]
    aligned: bool = False


def _asked_of_selfies(checkpoint: Path, artifact: Path | None) -> _Asked:
    """What the model asks of selfies, as the artifact says, or else the checkpoint."""
    from avatar.selfies import RULES, SELFIE_SIZE, rules_from_dicts
    from support.json_records import plain

    if artifact is None and checkpoint == shipped.CHECKPOINT:
        return _Asked(SELFIE_SIZE, RULES)  # known without reading it
    if artifact is not None:
        from export.artifact import open_artifact

        manifest = open_artifact(artifact).manifest
        found, rules = manifest.wholes, plain(manifest.selfie_rules)
        inputs, crop = manifest.whole(found[0]).inputs, manifest.selfie_crop
    else:
        pipeline = _opened(checkpoint)
        _require_avatars(checkpoint, pipeline.names)
        inputs, facts = pipeline.selfie_inputs, pipeline.facts()
        rules, crop = facts.selfie_rules, facts.selfie_crop
    rules = rules_from_dicts(rules) or RULES
    return _Asked(inputs[0].shape[-1], rules, crop is not None)


def _styles_of(checkpoint: Path) -> tuple[DesignerStyle, ...]:
    """The styles of a checkpoint; no weights are loaded."""
    from avatar.styles_file import styles_of
    from components.checkpoint import read_index

    read_index(checkpoint)  # raises where it is no checkpoint
    return styles_of(checkpoint)


def _open_quantized(checkpoint: Path, steps: int | None) -> Model:
    from avatar.model import Model, Networks, SamplerTable
    from components.reference import runner

    pipeline = _opened(checkpoint)
    _require_avatars(checkpoint, pipeline.names)
    facts = pipeline.facts()
    components = {name: pipeline.component(name) for name in pipeline.names}
    return Model(
        networks=Networks.of({name: runner(part) for name, part in components.items()}),
        table=SamplerTable.from_dict(facts.sampler, steps),
        latent_shape=components["decoder"].inputs[0].shape,
        styles=tuple(style["name"] for style in facts.styles),
        places=components["identity_encoder"].inputs[0].shape[0],
    )


def _opened(checkpoint: Path) -> PipelineComponents:
    """A checkpoint, quantized or not; no weights are loaded yet."""
    from components import load
    from quantization import is_quantized, open_quantized

    return open_quantized(checkpoint).pipeline if is_quantized(checkpoint) else load(checkpoint)


def _require_avatars(checkpoint: Path, names: Sequence[str]) -> None:
    from avatar.model import Networks

    if set(names) != set(Networks.names()):
        raise CheckpointError(f"{checkpoint} is not the checkpoint of an avatar model")


def _open_artifact(runtime: Runtime, folder: Path, steps: int | None) -> Model:
    from avatar.model import Model, Networks, SamplerTable
    from export.artifact import open_artifact
    from support.json_records import plain

    manifest = open_artifact(folder).manifest
    if manifest.format != runtime.format or not manifest.draws_avatars:
        held = f"{manifest.format} components of {manifest.pipeline}"
        fail(f"{folder} holds {held}, expected {runtime.format} components of an avatar model")
    names = manifest.wholes
    return Model(
        networks=Networks.of({name: runtime.load(folder, name) for name in names}),
        table=SamplerTable.from_dict(plain(manifest.sampler), steps),
        latent_shape=manifest.whole("decoder").inputs[0].shape,
        styles=tuple(style.name for style in manifest.styles),
        places=manifest.whole("identity_encoder").inputs[0].shape[0],
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
