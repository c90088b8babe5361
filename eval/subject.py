"""An artifact that is to be evaluated: whole, of the right checkpoint, and of a known tier."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

import components
from avatar.errors import SamplerError
from avatar.model import SamplerTable
from components import Arrays, Runner
from eval import gates, runtimes
from eval.drawing import Model, Photos
from eval.errors import StrangerError, SubjectError
from eval.gates import Gates
from eval.results import Subject
from export import Artifact, artifact
from export.artifact import MANIFEST, files_of
from export.manifest import Manifest
from quantization import (
    QuantizedPipeline,
    Recipe,
    apply,
    is_quantized,
    open_quantized,
    quantizable,
)
from support.json_records import plain

PIPELINE = "AvatarPipeline"


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A subject, opened.

    Attributes:
        artifact: The folder and its manifest.
        facts: What the report says of it.
        gates: Its limits against the reference.
        strict: Its limits against the quantized checkpoint; None where there is none.
        quantized: The quantized checkpoint it was made from; None where there is none.
    """

    artifact: Artifact
    facts: Subject
    gates: Gates
    strict: Gates | None
    quantized: QuantizedPipeline | None

    def in_full(self) -> Opened:
        """The same with the limits of a full evaluation."""
        strict = self.strict and self.strict.in_full()
        return replace(self, gates=self.gates.in_full(), strict=strict)


def open_subject(
    folder: Path,
    checkpoint: Path,
    recipes: Sequence[Path],
    own_gates: Gates | None,
    *,
    name: str,
) -> Opened:
    """Open an artifact and everything that it is compared with.

    Args:
        folder: The artifact.
        checkpoint: The unquantized checkpoint.
        recipes: Files of recipes and quantized checkpoints that it may have been exported with.
        own_gates: Limits instead of the tier's.
        name: What the report calls it.

    Raises:
        ExportError: It is not whole: a file is missing, foreign, changed, or of another version.
        StrangerError: It was made from another checkpoint or recipe.
        SubjectError: It holds no avatar pipeline, or nothing that a runtime takes.
        GatesError: The tier has no gates.
    """
    opened = artifact.verify(folder)
    manifest = opened.manifest
    if manifest.pipeline != PIPELINE:
        held = manifest.pipeline[:60]
        raise SubjectError(f"{name} holds a {held!r}; only a {PIPELINE} can be drawn")
    _require_runs(name, manifest)
    quantized = _quantized(name, manifest, checkpoint, recipes)
    tier = _tier(manifest, quantized, checkpoint)
    chosen = own_gates or gates.of_tier(tier)
    return Opened(
        artifact=opened,
        facts=_facts(name, opened, tier, chosen),
        gates=chosen,
        strict=gates.of_tier(chosen.checkpoint) if quantized else None,
        quantized=quantized,
    )


def model(
    manifest: Manifest, loaded: Mapping[str, Runner], photos: Photos, *, keep: bool = False
) -> Model:
    """An artifact as an app uses it: constants and styles are what its manifest says."""
    names = tuple(style.name for style in manifest.styles)
    return Model(loaded, plain(manifest.sampler), names, photos, keep=keep)


def translated(inputs: Arrays, ours: tuple[str, ...], theirs: Model) -> dict[str, np.ndarray]:
    """A recorded call's inputs as an artifact takes them: a style has the index of its name."""
    if "style" not in inputs:
        return dict(inputs)
    return {**inputs, "style": theirs.style(ours[int(inputs["style"][0])])}


def size(manifest: Manifest, component: str, kind: str) -> int:
    """Bytes of a component's model files of a kind."""
    models = manifest.component(component).models
    return sum(entry.bytes for entry in files_of(manifest, models[kind]))


def _quantized(
    name: str, manifest: Manifest, checkpoint: Path, recipes: Sequence[Path]
) -> QuantizedPipeline | None:
    """The quantized checkpoint that an artifact was made from; None where it has no recipe."""
    own = components.fingerprint(checkpoint)
    if manifest.recipe is None:
        if manifest.checkpoint != own:
            raise StrangerError(
                f"{name} is an artifact of another checkpoint ({manifest.checkpoint[:12]}…) than "
                f"{checkpoint} ({own[:12]}…); name its own with --checkpoint, or export it again"
            )
        return None
    for candidate in recipes:
        found = _fitting(manifest, candidate, checkpoint, own)
        if found is not None:
            return found
    raise StrangerError(
        f"{name} was made with recipe {manifest.recipe[:12]}… from checkpoint "
        f"{manifest.checkpoint[:12]}…, which is none of {', '.join(map(str, recipes))}; "
        f"name the recipe's file or the quantized checkpoint with --recipe"
    )


def _fitting(
    manifest: Manifest, candidate: Path, checkpoint: Path, own: str
) -> QuantizedPipeline | None:
    if is_quantized(candidate):
        if components.fingerprint(candidate) != manifest.checkpoint:
            return None
        found = open_quantized(candidate)
        return found if found.recipe.digest == manifest.recipe else None
    if manifest.checkpoint != own or not candidate.is_file():
        return None
    made = Recipe.read(candidate)
    return apply(checkpoint, made) if made.digest == manifest.recipe else None


def _tier(manifest: Manifest, quantized: QuantizedPipeline | None, checkpoint: Path) -> str:
    """The tier by what is stored: mean bits of the weights that can be quantized."""
    if quantized is None:
        if manifest.options.get("precision") == "fp32":
            return "fp32"
        return "fp16" if _exact(checkpoint) else "fp16-rounded"
    if quantized.recipe.activations:
        return "w8a8"
    bits = count = 0
    for name in quantized.pipeline.names:
        component = quantized.pipeline.component(name)
        for key in quantizable(component.module):
            packed = quantized.packed(name)[key]
            elements = int(np.prod(packed.shape))
            bits, count = bits + elements * packed.scheme.bits, count + elements
    mean = bits / count
    return "w4" if mean <= 5 else "w6" if mean <= 7 else "w8" if mean <= 10 else "fp16"


def _exact(checkpoint: Path) -> bool:
    """Whether fp16 holds all weights as they are: then storing them so costs nothing."""
    pipeline = components.load(checkpoint)
    return all(
        torch.equal(value, value.half().float())
        for name in pipeline.names
        for value in pipeline.component(name).module.state_dict().values()
        if value.ndim > 1
    )


def _require_runs(name: str, manifest: Manifest) -> None:
    """Raise `SubjectError` where there is nothing to run, or nothing to run it by."""
    formats = sorted({runtime.format for runtime in runtimes.known().values()})
    if manifest.format not in formats:
        known = " or ".join(formats)
        raise SubjectError(f"{name} is of format {manifest.format!r}, expected {known}")
    if not runtimes.of(manifest):
        kinds = {runtime.kind for runtime in runtimes.known().values()}
        raise SubjectError(
            f"{name}: no kind of model file is there of every component, "
            f"expected one of {', '.join(sorted(kinds))}; export it again"
        )
    try:
        SamplerTable.from_dict(plain(manifest.sampler))
    except SamplerError as error:
        raise SubjectError(f"{name}: {error}") from None


def _facts(name: str, opened: Artifact, tier: str, chosen: Gates) -> Subject:
    manifest = opened.manifest
    shipped = {runtime.kind for runtime in runtimes.of(manifest)}
    kind = next(kind for kind in manifest.components[0].models if kind in shipped)
    return Subject(
        name=name,
        format=manifest.format,
        tier=tier,
        gates=chosen.file,
        version=manifest.version,
        options=dict(manifest.options),
        tools=dict(manifest.tools),
        manifest=hashlib.sha256((opened.folder / MANIFEST).read_bytes()).hexdigest(),
        checkpoint=manifest.checkpoint,
        recipe=manifest.recipe,
        bytes=sum(size(manifest, entry.name, kind) for entry in manifest.components),
    )
