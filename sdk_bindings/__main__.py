"""`python -m sdk_bindings swift|kotlin|refresh|golden`: the room's front door.

Results go to stdout, progress to stderr. Exit codes: 0 done, 1 an artifact had to be exported first
and failed its gates, 2 bad input or broken integrity.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from avatar import shipped
from support.command_line import export_where_missing, new_app, print_tables, run, say

if TYPE_CHECKING:
    from sdk_bindings.bundle import Bundle
    from sdk_bindings.languages import Language

DIST = Path("dist")

app = new_app("Join the Swift and Kotlin libraries with an artifact, into a package for apps.")


class Library(StrEnum):
    """The languages that have a library."""

    SWIFT = "swift"
    KOTLIN = "kotlin"


class Kind(StrEnum):
    """The kinds of ONNX model files."""

    ONNX = "onnx"
    ORT = "ort"


Model = Annotated[
    Kind | None,
    typer.Option(
        help="Which files of an ONNX artifact the app carries: .onnx, the default because they are "
        "half as large, or .ort, which smaller builds of ONNX Runtime can open.",
        show_default=False,
    ),
]


Out = Annotated[
    Path, typer.Option(help="Folder of the package; it is replaced in one step.", file_okay=False)
]


@app.command()
def swift(
    artifact: Annotated[
        Path,
        typer.Option(
            help="Artifact that the package carries. The default is Core ML, because that runs on "
            "the Neural Engine and is part of iOS; name an ONNX one for ONNX Runtime. The default "
            "is exported first where it is missing."
        ),
    ] = DIST / "coreml",
    out: Out = DIST / "swift",
    model: Model = None,
) -> None:
    """Publish the Swift package: library, artifact, generated file and golden vectors."""
    _publish("swift", artifact, out, model)


@app.command()
def kotlin(
    artifact: Annotated[
        Path,
        typer.Option(
            help="ONNX artifact that the package carries. The default is exported first where it "
            "is missing."
        ),
    ] = DIST / "onnx",
    out: Out = DIST / "kotlin",
    model: Model = None,
) -> None:
    """Publish the Kotlin package: library, artifact, generated file and golden vectors."""
    _publish("kotlin", artifact, out, model)


@app.command()
def refresh(
    libraries: Annotated[
        list[Library] | None,
        typer.Argument(metavar="[LIBRARY]...", help="swift, kotlin; both where none is named."),
    ] = None,
    artifact: Annotated[
        Path,
        typer.Option(
            help="ONNX artifact of the shipped checkpoint; exported first where it is missing."
        ),
    ] = DIST / "onnx",
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit code 2 where a file is out of date."),
    ] = False,
) -> None:
    """Write the generated files in the source tree again, for tests in place."""
    from sdk_bindings.bundle import open_bundle, render
    from sdk_bindings.errors import StaleError
    from sdk_bindings.languages import LANGUAGES
    from support import atomic

    _export_default(artifact)
    for name in libraries or list(Library):
        language = LANGUAGES[name]
        file = language.library / language.generated
        fresh = render(open_bundle(artifact, language), language)
        if not check:
            atomic.write(file, fresh)
        elif not file.is_file() or file.read_bytes() != fresh:
            raise StaleError(f"{file} is out of date; run: python -m sdk_bindings refresh")
        print(file)


@app.command()
def golden() -> None:
    """Write the golden vectors in the source tree again, after a change of a law."""
    from sdk_bindings.languages import GOLDEN
    from sdk_bindings.vectors import write_golden
    from support.publish import publish

    readme = (GOLDEN / "README.md").read_text(encoding="utf-8")
    with publish(GOLDEN, marker="noise.safetensors", kind="golden vectors") as folder:
        write_golden(folder, readme)
    print(GOLDEN)


def _publish(name: str, artifact: Path, out: Path, model: Kind | None) -> None:
    from sdk_bindings.bundle import open_bundle
    from sdk_bindings.languages import LANGUAGES
    from sdk_bindings.package import publish_package

    language = LANGUAGES[name]
    _export_default(artifact)
    bundle = open_bundle(artifact, language, model)
    say(f"{artifact} is whole; joining it with the {language.title}")
    total = publish_package(bundle, language, out)
    print_tables(_growth(bundle, language))
    print(f"published {out}: {language.title}, {total / 1e6:.1f} MB with tests and golden vectors")


def _export_default(artifact: Path) -> None:
    if artifact.parent == DIST and artifact.name in ("coreml", "onnx"):
        export_where_missing(artifact.name, shipped.CHECKPOINT, artifact)


def _growth(bundle: Bundle, language: Language) -> Table:
    from sdk_bindings.size import growth

    table = Table(title=f"What an app grows by ({language.title})", title_justify="left")
    table.add_column("part")
    table.add_column("MB", justify="right")
    table.add_column("how it was measured", overflow="fold")
    for part in growth(bundle, language):
        size = "unknown" if part.bytes is None else f"{part.bytes / 1e6:.2f}"
        table.add_row(part.name, size, part.about)
    return table


if __name__ == "__main__":
    run(app, "python -m sdk_bindings")
