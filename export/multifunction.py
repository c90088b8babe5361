"""Several Core ML artifacts of one pipeline as one, for sizes or fine-tunings that share weights.

Each component's package gets a function for each artifact, named like its folder. What is equal is
stored once, so that the result is hardly larger than one of them where only sizes differ.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from components import Runner
from export import artifact, card, golden
from export.artifact import MANIFEST, Artifact
from export.coreml import functions
from export.coreml.run import load
from export.entries import FunctionEntry, GoldenEntry, ShapesEntry
from export.errors import ExportError
from export.manifest import Manifest
from quantization import Target
from support.progress import Progress, silent
from support.publish import publish

SHARED = (
    *("format", "pipeline", "licence", "styles", "sampler", "tokenizer"),
    *("selfie_rules", "selfie_crop"),
)
"""Fields of the manifest that artifacts must have in common to be joined."""
KIND = "mlpackage"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def join(
    sources: Sequence[Path], out: Path, default: str | None = None, progress: Progress = silent
) -> Artifact:
    """Join artifacts and publish the result in one atomic step.

    Before that, every function is run by `coreml_runtime` on its golden vectors, and must give
    exactly what the package that it was taken from gives.

    Args:
        sources: Folders of Core ML artifacts for iOS 18, whose names the functions get.
        out: Folder of the new artifact.
        default: The function that apps get which name none; None for the first.
        progress: Hears of each step.

    Raises:
        ArtifactError: A source is not a whole artifact.
        ExportError: The sources cannot be joined; the message says which, and why.
        PublishError: The artifact cannot be put in its place.
    """
    opened = {_function_name(source): artifact.verify(source) for source in sources}
    if len(opened) < 2 or len(opened) != len(sources):
        raise ExportError("a package of several functions needs artifacts in folders of two names")
    default = default or next(iter(opened))
    if default not in opened:
        raise ExportError(f"no function {default!r}; there are {', '.join(opened)}")
    for name, source in opened.items():
        _require_joinable(name, source.manifest, opened[default].manifest)
    with publish(out, marker=MANIFEST, kind="an artifact") as folder:
        _copy_files(opened[default], folder)
        for entry in opened[default].manifest.components:
            progress(f"joining {entry.name}")
            packages = {name: each.model(entry.name, KIND) for name, each in opened.items()}
            functions.write(packages, default, folder / entry.models[KIND])
        _close(folder, opened, default)
        for name, source in opened.items():
            progress(f"comparing {name} with {source.folder}")
            _require_equal(folder, name, source)
        return artifact.verify(folder)


def _function_name(source: Path) -> str:
    name = source.resolve().name
    if not _NAME.fullmatch(name):
        raise ExportError(
            f"{source} cannot give a function its name, expected letters, digits and _, a letter "
            f"first; rename the folder"
        )
    return name


def _require_joinable(name: str, manifest: Manifest, first: Manifest) -> None:
    """Raise `ExportError` unless an artifact can be joined with the default one."""
    if manifest.format != "coreml" or manifest.options.get("target") != Target.IOS18:
        target = manifest.options.get("target", "no iOS")
        raise ExportError(
            f"{name} is of format {manifest.format} for {target}, functions need coreml for ios18; "
            f"export it with --target ios18"
        )
    if manifest.chunked or manifest.functions:
        what = "chunks" if manifest.chunked else "functions"
        raise ExportError(f"{name} has {what} already, expected an artifact of whole components")
    for field in SHARED:
        if getattr(manifest, field) != getattr(first, field):
            raise ExportError(f"{name} differs in its {field} from the default, expected the same")
    names = [[entry.name for entry in each.components] for each in (manifest, first)]
    if names[0] != names[1]:
        raise ExportError(
            f"{name} has the components {', '.join(names[0])}, expected {', '.join(names[1])}"
        )


def _copy_files(source: Artifact, folder: Path) -> None:
    """Copy what lies beside the models, golden vectors included."""
    models = {entry.models[KIND] for entry in source.manifest.components}
    for file in source.manifest.files:
        if file.path.partition("/")[0] not in models:
            (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.folder / file.path, folder / file.path)


def _close(folder: Path, opened: dict[str, Artifact], default: str) -> None:
    entries = []
    for name, source in opened.items():
        vectors = source.manifest.golden
        if name != default:
            vectors = _copy_golden(source, folder, name)
        entries.append(_entry(name, source.manifest, vectors))
    entries.sort(key=lambda entry: entry.name != default)
    manifest = replace(opened[default].manifest, functions=tuple(entries), files=())
    card.append_functions(folder, manifest)
    artifact.close(folder, manifest)


def _copy_golden(source: Artifact, folder: Path, name: str) -> GoldenEntry:
    """Copy an artifact's golden vectors into a folder of their own."""
    vectors = source.manifest.golden
    (folder / golden.FOLDER / name).mkdir()

    def copied(path: str) -> str:
        target = f"{golden.FOLDER}/{name}/{Path(path).name}"
        shutil.copyfile(source.folder / path, folder / target)
        return target

    calls = {component: copied(path) for component, path in vectors.components.items()}
    return replace(vectors, run=copied(vectors.run), components=calls)


def _entry(name: str, manifest: Manifest, vectors: GoldenEntry) -> FunctionEntry:
    return FunctionEntry(
        name=name,
        checkpoint=manifest.checkpoint,
        recipe=manifest.recipe,
        options=manifest.options,
        components=tuple(
            ShapesEntry(name=entry.name, inputs=entry.inputs, outputs=entry.outputs)
            for entry in manifest.components
        ),
        golden=vectors,
    )


def _require_equal(folder: Path, name: str, source: Artifact) -> None:
    """Raise `ExportError` unless a function computes exactly what its source does."""
    for component, path in source.manifest.golden.components.items():
        inputs = golden.read(source.folder / path)[0].inputs
        runners: tuple[Runner, ...] = (
            load(source.folder, component),
            load(folder, component, function=name),
        )
        expected, got = (runner(inputs) for runner in runners)
        for output, array in expected.items():
            if not np.array_equal(array, got[output], equal_nan=True):
                raise ExportError(
                    f"{output} of {component} differs in the function {name} from {source.folder}; "
                    f"nothing was published"
                )
