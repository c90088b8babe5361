"""`manifest.json`, the artifact's contract: what is in it, and how it is to be used.

Law: `Manifest.parse(manifest.dump()) == manifest`, and equal manifests give equal bytes.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any

from components import TensorSpec
from export.errors import ManifestError
from export.typed import check

SCHEMA_VERSION = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One file: path relative to the artifact with `/`, size in bytes, SHA-256 in hex."""

    path: str
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        check_path(self.path)
        if self.bytes < 0 or not _SHA256.fullmatch(self.sha256):
            raise ManifestError(f"the manifest's entry for {self.path} has no valid size and hash")


@dataclass(frozen=True, kw_only=True)
class ComponentEntry:
    """One exported component.

    Attributes:
        name: Its name.
        description: One line for people.
        models: For each kind of model file (`mlpackage`, `onnx`, `ort`) its path; a package is a
            folder.
        ops: Operations in the first of these models.
        inputs: What it takes, in order.
        outputs: What it gives, in order.
    """

    name: str
    description: str
    models: dict[str, str]
    ops: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def __post_init__(self) -> None:
        if not self.name.isprintable():
            raise ManifestError(f"the manifest names a component {self.name[:60]!r}")
        if not self.models:
            raise ManifestError(f"the manifest names no model of {self.name!r}")
        for path in self.models.values():
            check_path(path)


@dataclass(frozen=True, kw_only=True)
class GoldenEntry:
    """Where the golden vectors are: of one whole run, and of each component.

    `seed` is the recorded run's.
    """

    seed: int
    run: str
    components: dict[str, str]

    def __post_init__(self) -> None:
        for path in (self.run, *self.components.values()):
            check_path(path)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The whole contract.

    Attributes:
        format: `coreml` or `onnx`.
        version: Version of the software that exported it.
        pipeline: Pipeline class of the checkpoint.
        licence: SPDX identifier of the weights' licence.
        options: What the export was asked for (target, precision).
        checkpoint: SHA-256 of the checkpoint (`components.fingerprint`).
        recipe: SHA-256 of the quantization recipe, None where there was none.
        tools: Version of each library that shaped the files.
        styles: By style index: name, title, tier, licence, creator, source, each with its link.
        sampler: The sampling loop's constants.
        selfie_rules: What selfies must be like: name, min, max (None: no limit), about. Empty where
            the pipeline takes none, and in manifests that are older than the rules.
        components: In the order a run uses them.
        golden: Where the golden vectors are.
        files: Every file but the manifest itself, sorted by path.
    """

    format: str
    version: str
    pipeline: str
    licence: str
    options: dict[str, str]
    checkpoint: str
    recipe: str | None = None
    tools: dict[str, str]
    styles: tuple[dict[str, str], ...]
    sampler: dict[str, Any]
    components: tuple[ComponentEntry, ...]
    golden: GoldenEntry
    files: tuple[FileEntry, ...] = field(default=())
    selfie_rules: tuple[dict[str, Any], ...] = ()
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if not self.components:
            raise ManifestError("the manifest names no component")
        if any("name" not in style for style in self.styles):
            raise ManifestError("the manifest has a style without a name")
        for name, digest in (("checkpoint", self.checkpoint), ("recipe", self.recipe)):
            if digest is not None and not _SHA256.fullmatch(digest):
                raise ManifestError(f"the manifest's {name} is {digest[:60]!r}, expected a SHA-256")

    def component(self, name: str) -> ComponentEntry:
        """The entry of a component; raises `ManifestError` where there is none."""
        for entry in self.components:
            if entry.name == name:
                return entry
        known = ", ".join(entry.name for entry in self.components)
        raise ManifestError(f"the artifact has no component {name!r}; there are {known}")

    def dump(self) -> bytes:
        """As JSON: UTF-8, sorted keys, two spaces, a newline at the end."""
        text = json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False)
        return f"{text}\n".encode()

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """Read a manifest.

        Raises:
            ManifestError: Not JSON, another schema version, or a field is missing or malformed.
        """
        try:
            values = json.loads(data, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise ManifestError(f"manifest.json is not JSON: {error}") from None
        version = values.get("schema_version") if isinstance(values, dict) else None
        if version != SCHEMA_VERSION:
            held = repr(version)[:60]
            raise ManifestError(
                f"manifest.json has schema version {held}, this reads {SCHEMA_VERSION}"
            )
        try:
            made = cls(**{**values, **_parsed(values)})
            check(cls, made, "the manifest")
            made.dump()  # refuses what is no text: halves of characters
        except ManifestError:
            raise
        except KeyError as error:
            raise ManifestError(f"manifest.json is malformed: it has no {error}") from None
        except (TypeError, AttributeError, ValueError, RecursionError) as error:
            raise ManifestError(f"manifest.json is malformed: {error}") from None
        return made


def _refuse(constant: str) -> None:
    """Python reads NaN and Infinity; JSON has no such numbers."""
    raise ValueError(f"it has the number {constant}")


def check_path(path: str) -> None:
    """Raise `ManifestError` unless `path` stays inside the folder it is relative to."""
    pure = PurePosixPath(path)
    strange = "\\" in path or ":" in path or not path.isprintable()
    if not path or pure.is_absolute() or ".." in pure.parts or strange:
        raise ManifestError(f"the manifest holds a path that leads outside: {path!r}")


def _parsed(values: dict[str, Any]) -> dict[str, Any]:
    components = [
        ComponentEntry(
            **{**entry, "inputs": _specs(entry["inputs"]), "outputs": _specs(entry["outputs"])}
        )
        for entry in values["components"]
    ]
    return {
        "components": tuple(components),
        "golden": GoldenEntry(**values["golden"]),
        "files": tuple(FileEntry(**entry) for entry in values["files"]),
        "styles": tuple(values["styles"]),
        "selfie_rules": tuple(values.get("selfie_rules", ())),
    }


def _specs(entries: list[dict[str, Any]]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(
            **{
                **entry,
                "shape": tuple(entry["shape"]),
                "range": None if entry["range"] is None else tuple(entry["range"]),
            }
        )
        for entry in entries
    )
