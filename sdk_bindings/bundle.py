"""The part of an artifact that an app carries, and the source file generated from it.

The facts of a generated file are the same on every machine that exports the same checkpoint:
neither golden vectors, whose last bits differ between machines, nor their hashes are among them.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export import Artifact, FileEntry, PreviewEntry, verify
from export.artifact import files_of
from export.manifest import Manifest
from sdk_bindings.contract import require_avatar_model
from sdk_bindings.errors import LibraryError, UnsuitableArtifactError
from sdk_bindings.languages import TEMPLATES, Language
from sdk_bindings.naming import FILTERS, camel
from support.json_records import plain
from support.render import render as fill_in

CARD = "README.md"
"""The model card, which an app carries for its licences and credits."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A verified artifact, and the part of it that an app carries.

    Attributes:
        artifact: The artifact; all its hashes were right when it was opened.
        kind: The kind of model file that the app carries: `mlpackage`, `onnx` or `ort`.
        files: The files that the app carries, sorted by path: models of that kind, and the card.
    """

    artifact: Artifact
    kind: str
    files: tuple[FileEntry, ...]

    @property
    def manifest(self) -> Manifest:
        """The manifest of the whole artifact."""
        return self.artifact.manifest

    def facts(self) -> dict[str, Any]:
        """Everything that a template may use, by name.

        `manifest` is the app's part of the manifest as plain values: without golden vectors, with
        the models of this kind and with `files` only. `manifest_sha256` is the SHA-256 of that part
        as JSON. `rules`, `files` and `version` are parts of it, `model_kind` is `kind`.
        """
        part = self._part()
        text = json.dumps(part, sort_keys=True, ensure_ascii=False)
        return {
            "manifest": part,
            "manifest_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "rules": part["selfie_rules"],
            "model_kind": self.kind,
            "files": part["files"],
            "version": self.manifest.version,
        }

    def _part(self) -> dict[str, Any]:
        whole = plain(self.manifest)
        del whole["golden"]
        for component in whole["components"]:
            component["models"] = {self.kind: component["models"][self.kind]}
        if self.manifest.preview is not None:
            whole["preview"] = _cut(self.manifest.preview)
        return {**whole, "files": plain(self.files)}


def open_bundle(folder: Path, language: Language, kind: str | None = None) -> Bundle:
    """Verify an artifact and choose the part of it that an app carries.

    Args:
        folder: The artifact.
        language: The language of the app.
        kind: The kind of model file; None chooses the first kind that the components have.

    Raises:
        ArtifactError: The folder is no artifact, of another schema version, or not whole.
        UnsuitableArtifactError: The artifact is whole, but no app of that language can use it.
    """
    artifact = verify(folder)
    artifact.require_own_layout()
    manifest = artifact.manifest
    _require_whole(folder, manifest)
    require_avatar_model(folder, manifest)
    _require_constants(folder, manifest)
    _require_names(folder, manifest)
    kind = kind or next(iter(manifest.components[0].models))
    if kind not in language.kinds:
        can = ", ".join(language.kinds)
        raise UnsuitableArtifactError(
            f"{folder} has {kind} models, the {language.title} runs {can}; "
            "export another format, or name it with --artifact"
        )
    return Bundle(artifact=artifact, kind=kind, files=_files(folder, manifest, kind))


def render(bundle: Bundle, language: Language, templates: Path = TEMPLATES) -> bytes:
    """The generated source file. Law: equal facts give equal bytes.

    Raises:
        LibraryError: There is no template for the language.
    """
    if not (templates / language.template).is_file():
        raise LibraryError(f"there is no {templates / language.template}")
    return fill_in(templates, language.template, FILTERS, **bundle.facts()).encode()


def _cut(preview: PreviewEntry) -> dict[str, Any]:
    """The preview with what digits 8-bit colours need, because machines differ in later ones."""
    largest = max(abs(value) for row in preview.matrix for value in row)
    digits = 3 - math.ceil(math.log10(largest or 1.0))
    rows = [[round(value, digits) + 0.0 for value in row] for row in preview.matrix]  # no -0.0
    return {"matrix": rows, "offset": [round(value, 3) + 0.0 for value in preview.offset]}


def _require_constants(folder: Path, manifest: Manifest) -> None:
    """Raise `UnsuitableArtifactError` where the manifest lacks what an app runs the model by."""
    if manifest.sampler is None:
        raise UnsuitableArtifactError(f"{folder} names no sampler: no app can draw with it")
    for table in (manifest.sampler, *manifest.sampler.also):
        if manifest.sampler.kind or not table.sigmas or table.prediction != "velocity":
            raise UnsuitableArtifactError(
                f"{folder} has a sampler that predicts {table.prediction}, expected Euler steps of "
                "a velocity along sigmas"
            )
    if not manifest.selfie_rules:
        raise UnsuitableArtifactError(
            f"{folder} names no selfie rules: it is older than they are; "
            f"run: python -m export {manifest.format} --out {folder}"
        )


def _require_names(folder: Path, manifest: Manifest) -> None:
    """Raise `UnsuitableArtifactError` where two styles would have one name in code."""
    known: dict[str, str] = {}
    for style in manifest.styles:
        name = style.name
        other = known.setdefault(camel(name).lower(), name)
        if other != name:
            raise UnsuitableArtifactError(
                f"{folder} has styles {other!r} and {name!r}, which are one name in code; "
                "rename one in the checkpoint's styles.json"
            )


def _require_whole(folder: Path, manifest: Manifest) -> None:
    """Raise `UnsuitableArtifactError` where components are in pieces, missing or several."""
    found = {
        "components in chunks": bool(manifest.chunked),
        "several functions": bool(manifest.functions),
        "only some components": "components" in manifest.options,
    }
    for what, is_so in found.items():
        if is_so:
            raise UnsuitableArtifactError(
                f"{folder} has {what}, which the libraries cannot run, expected each component as "
                f"one model; export it again without --chunks and --components"
            )


def _files(folder: Path, manifest: Manifest, kind: str) -> tuple[FileEntry, ...]:
    chosen = list(files_of(manifest, CARD))
    for component in manifest.components:
        if kind not in component.models:
            has = ", ".join(component.models)
            raise UnsuitableArtifactError(
                f"{folder} has no {kind} model of {component.name}, it has {has}"
            )
        chosen += files_of(manifest, component.models[kind])
    return tuple(sorted(chosen, key=lambda entry: entry.path))
