"""`manifest.json`, the artifact's contract: what is in it, and how it is to be used.

Laws: `Manifest.parse(manifest.dump()) == manifest`, and equal manifests give equal bytes. The same
records are published as JSON Schema in `docs/schemas/manifest.schema.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from components.overlay.record import Change
from export.entries import (
    ChunkedEntry,
    ComponentEntry,
    FileEntry,
    FunctionEntry,
    GoldenEntry,
    PreviewEntry,
    SamplerEntry,
    SelfieRuleEntry,
    Sha256,
    StyleEntry,
    TokenizerEntry,
    check_sha256,
)
from export.errors import ManifestError
from support import json_records
from support.json_records import Exact, Keywords, optional, record

Constants = dict[str, Exact | str | tuple[Exact, ...]]
"""Constants of a run by their names."""

SCHEMA_VERSION: Literal[2] = 2
READ_VERSIONS = (1, 2)
"""Schema versions that are read. Version 1 has no `preview`, `selfie_crop` and `downs`."""
SCHEMA_ADDRESS = f"urn:pocket-avatar:schema:manifest:{SCHEMA_VERSION}"
AVATAR_COMPONENTS = ("identity_encoder", "denoiser", "decoder")
"""The components of every pipeline that draws avatars from selfies."""


@record
@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an artifact holds, and everything an app needs to run it.

    Attributes:
        format: `coreml` or `onnx`.
        version: Version of the software that exported it.
        pipeline: Pipeline class of the checkpoint.
        licence: SPDX identifier of the weights' licence.
        options: What the export was asked for (target, precision).
        checkpoint: SHA-256 of the checkpoint.
        changes: What the user had changed in the checkpoint: LoRAs, parts, size; absent for
            nothing.
        recipe: SHA-256 of the quantization recipe; null where there was none.
        tools: Version of each library that shaped the files.
        styles: The styles by index; empty where the pipeline has none.
        sampler: The sampling loop's constants; absent where the pipeline has no sampler.
        tokenizer: How text becomes token ids of the component `text_encoder`; absent where there is
            none.
        tokenizer_2: The same for `text_encoder_2`.
        settings: Other constants of a run, such as the numbers that a UNet of Stable Diffusion XL
            takes; absent where there are none.
        selfie_rules: What selfies must be like. Empty where the pipeline takes none, and absent
            in manifests that are older than the rules.
        selfie_crop: `arcface` where selfies are faces that are aligned to ArcFace's five landmarks;
            absent where they are centre squares.
        preview: How latents become an approximate picture during a run; absent where the pipeline
            draws no avatars.
        components: The components, in the order a run uses them.
        chunked: Components that are exported as chunks; these are among `components`.
        functions: The functions of every component's package, the default one first; absent where
            a package has one function. `components` and `golden` are those of the default one.
        golden: Where the golden vectors are.
        files: Every file but the manifest itself, sorted by path.
        schema_version: Version of this schema.
    """

    format: str
    version: str
    pipeline: str
    licence: str
    options: dict[str, str]
    checkpoint: Sha256
    changes: tuple[Change, ...] = optional(())
    recipe: Sha256 | None = None
    tools: dict[str, str]
    styles: tuple[StyleEntry, ...]
    sampler: SamplerEntry | None = optional(None)
    tokenizer: TokenizerEntry | None = optional(None)
    tokenizer_2: TokenizerEntry | None = optional(None)
    settings: Constants | None = optional(None)
    preview: PreviewEntry | None = optional(None)
    components: Annotated[tuple[ComponentEntry, ...], Keywords(minItems=1)]
    chunked: tuple[ChunkedEntry, ...] = optional(())
    functions: tuple[FunctionEntry, ...] = optional(())
    golden: GoldenEntry
    files: tuple[FileEntry, ...]
    selfie_rules: tuple[SelfieRuleEntry, ...] = ()
    selfie_crop: Literal["arcface"] | None = optional(None)
    schema_version: Literal[1, 2] = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if not self.components:
            raise ManifestError("the manifest names no component")
        check_sha256("checkpoint", self.checkpoint)
        if self.recipe is not None:
            check_sha256("recipe", self.recipe)
        for whole in self.chunked:
            whole.require({entry.name: entry for entry in self.components})

    def component(self, name: str) -> ComponentEntry:
        """The entry of a component; raises `ManifestError` where there is none."""
        for entry in self.components:
            if entry.name == name:
                return entry
        known = ", ".join(entry.name for entry in self.components)
        raise ManifestError(f"the artifact has no component {name!r}; there are {known}")

    def function(self, name: str) -> FunctionEntry:
        """The entry of a function; raises `ManifestError` where there is none."""
        for entry in self.functions:
            if entry.name == name:
                return entry
        known = ", ".join(entry.name for entry in self.functions) or "none"
        raise ManifestError(f"the artifact has no function {name!r}; there are {known}")

    def whole(self, name: str) -> ComponentEntry | ChunkedEntry:
        """A component of the pipeline, be it exported in one piece or in chunks.

        Raises:
            ManifestError: There is no such component.
        """
        return self.cut(name) or self.component(name)

    def cut(self, name: str) -> ChunkedEntry | None:
        """The entry of a component that is exported in chunks; None for any other name."""
        return next((entry for entry in self.chunked if entry.name == name), None)

    def parts(self, name: str) -> tuple[ComponentEntry, ...]:
        """The exported components that make up a component of the pipeline, in order."""
        whole = self.cut(name)
        return tuple(self.component(part) for part in (whole.chunks if whole else (name,)))

    @property
    def draws_avatars(self) -> bool:
        """Whether its components are those of an avatar model: selfies in, an avatar out."""
        return self.wholes == AVATAR_COMPONENTS

    @property
    def wholes(self) -> tuple[str, ...]:
        """Names of the pipeline's components that are here, in the order a run uses them."""
        later = {chunk for entry in self.chunked for chunk in entry.chunks[1:]}
        first = {entry.chunks[0]: entry.name for entry in self.chunked}
        names = (entry.name for entry in self.components if entry.name not in later)
        return tuple(first.get(name, name) for name in names)

    def exported(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of a pipeline's components that it says were exported, in the pipeline's order."""
        chosen = self.options.get("components")
        return tuple(name for name in names if chosen is None or name in chosen.split(","))

    def dump(self) -> bytes:
        """The manifest as JSON: UTF-8, sorted keys, two spaces, a newline at the end."""
        return json_records.dump(self, sort_keys=True)

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """Read a manifest.

        Raises:
            ManifestError: Not JSON, another schema version, or a field that is missing, unknown or
                malformed, which the message names.
        """
        values = json_records.parse(data, _error)
        version = values.get("schema_version") if isinstance(values, dict) else None
        if type(version) is not int or version not in READ_VERSIONS:
            known = " and ".join(map(str, READ_VERSIONS))
            raise _error(f"has schema version {repr(version)[:60]}, this reads {known}")
        return json_records.read(cls, data, _error)


def json_schema() -> bytes:
    """The JSON Schema (draft 2020-12) of `manifest.json`, as a file holds it."""
    title = f"Manifest of a Pocket Avatar artifact, schema version {SCHEMA_VERSION}"
    return json_records.dump(json_records.schema(Manifest, title=title, address=SCHEMA_ADDRESS))


def _error(message: str) -> ManifestError:
    return ManifestError(f"manifest.json: {message}")
