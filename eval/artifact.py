"""An artifact that is to be evaluated: complete, of the right checkpoint, and of a known tier."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import components
from eval import gates
from eval.errors import OtherCheckpointError, SubjectError
from eval.gates import Gates
from eval.pipelines import Kind
from eval.reference import Reference
from eval.schema import Subject
from export import Artifact, artifact, runtimes
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


@dataclass(frozen=True, kw_only=True)
class OpenedArtifact:
    """An artifact, opened, with everything that it is compared with.

    Attributes:
        artifact: The folder and its manifest.
        facts: What the report says about it.
        components: Names of the components that it holds, in the order of a run.
        left_out: Names of those that `export --components` left out.
        gates: The limits against the reference.
        checkpoint_gates: The limits against the quantized checkpoint; None where there is none.
        quantized: The quantized checkpoint it was made from; None where there is none.
    """

    artifact: Artifact
    facts: Subject
    components: tuple[str, ...]
    left_out: tuple[str, ...]
    gates: Gates
    checkpoint_gates: Gates | None
    quantized: QuantizedPipeline | None

    def in_full(self) -> OpenedArtifact:
        """The same artifact with the limits of a full evaluation."""
        against_checkpoint = self.checkpoint_gates and self.checkpoint_gates.in_full()
        return replace(self, gates=self.gates.in_full(), checkpoint_gates=against_checkpoint)

    def size(self, component: str, kind: str) -> int:
        """Bytes of a component's model files of a kind."""
        return _size(self.artifact.manifest, component, kind)


def open_for_evaluation(
    folder: Path,
    reference: Reference,
    recipes: Sequence[Path],
    own_gates: Gates | None,
    kind: Kind,
    *,
    name: str,
) -> OpenedArtifact:
    """Open an artifact and everything that it is compared with.

    Args:
        folder: The artifact's folder.
        reference: The unquantized checkpoint in PyTorch.
        recipes: Recipes and quantized checkpoints that it may have been exported with.
        own_gates: Limits to use instead of the tier's.
        kind: The checkpoint's kind of pipeline.
        name: What the report calls it.

    Raises:
        ExportError: A file is missing, foreign, changed, or of another version.
        OtherCheckpointError: It was made from another checkpoint or recipe.
        SubjectError: It holds nothing that a runtime executes, or constants that no run can have.
        GatesError: The tier has no gates.
    """
    opened = artifact.verify(folder)
    opened.require_own_layout()
    manifest = opened.manifest
    checkpoint = reference.pipeline.checkpoint
    quantized = _quantized(name, manifest, checkpoint, recipes)
    _require_runs(name, manifest)
    kind.require(name, manifest)
    names = reference.pipeline.names
    _require_components(name, manifest, names)
    tier = _tier(manifest, quantized, reference)
    chosen = (own_gates or gates.of_tier(tier)).of_kind(kind.name)
    return OpenedArtifact(
        artifact=opened,
        facts=_facts(name, opened, tier, chosen),
        components=tuple(each for each in names if each in manifest.wholes),
        left_out=tuple(each for each in names if each not in manifest.wholes),
        gates=chosen,
        checkpoint_gates=_against_checkpoint(chosen, kind) if quantized else None,
        quantized=quantized,
    )


def _against_checkpoint(chosen: Gates, kind: Kind) -> Gates:
    return gates.of_tier(chosen.checkpoint).of_kind(kind.name)


def _size(manifest: Manifest, component: str, kind: str) -> int:
    parts = manifest.parts(component)
    return sum(file.bytes for part in parts for file in files_of(manifest, part.models[kind]))


def _quantized(
    name: str, manifest: Manifest, checkpoint: Path, recipes: Sequence[Path]
) -> QuantizedPipeline | None:
    """The quantized checkpoint that an artifact was made from; None where it has no recipe."""
    own = components.fingerprint(checkpoint)
    if manifest.recipe is None:
        if manifest.checkpoint != own:
            raise OtherCheckpointError(
                f"{name} is an artifact of another checkpoint ({manifest.checkpoint[:12]}…) than "
                f"{checkpoint} ({own[:12]}…); name its own with --checkpoint, or export it again"
            )
        return None
    for candidate in recipes:
        found = _matching(manifest, candidate, checkpoint, own)
        if found is not None:
            return found
    raise OtherCheckpointError(
        f"{name} was made with recipe {manifest.recipe[:12]}… from checkpoint "
        f"{manifest.checkpoint[:12]}…, which is none of {', '.join(map(str, recipes))}; "
        f"name the recipe's file or the quantized checkpoint with --recipe"
    )


def _matching(
    manifest: Manifest, candidate: Path, checkpoint: Path, own: str
) -> QuantizedPipeline | None:
    """The quantized checkpoint of a candidate, if the artifact was made from it."""
    if is_quantized(candidate):
        if components.fingerprint(candidate) != manifest.checkpoint:
            return None
        found = open_quantized(candidate)
        if found.recipe.digest != manifest.recipe:
            return None
        found.require_recipe()
        return found
    if manifest.checkpoint != own or not candidate.is_file():
        return None
    made = Recipe.read(candidate)
    return apply(checkpoint, made) if made.digest == manifest.recipe else None


def _tier(manifest: Manifest, quantized: QuantizedPipeline | None, reference: Reference) -> str:
    """The tier, which follows from the mean bits of the weights that can be quantized."""
    if quantized is None:
        if manifest.options.get("precision") == "fp32":
            return "fp32"
        return "fp16" if reference.half else "fp16-rounded"
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


def _require_components(name: str, manifest: Manifest, names: Sequence[str]) -> None:
    """Raise `SubjectError` unless the components are those that the manifest says were exported."""
    expected = manifest.exported(names)
    if manifest.wholes != expected:
        raise SubjectError(
            f"{name} holds {', '.join(manifest.wholes)}, expected {', '.join(expected)}; "
            f"export it again"
        )


def _require_runs(name: str, manifest: Manifest) -> None:
    """Raise `SubjectError` if there is nothing to run, or no runtime for it."""
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
        bytes=sum(_size(manifest, entry.name, kind) for entry in manifest.components),
    )
