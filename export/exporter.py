"""From a checkpoint to a published artifact: convert, write, check, and only then publish."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

import components
from components import Component, PipelineComponents, Recording, TensorSpec
from components.checkpoint import read_index
from components.overlay.record import overlay_of
from components.weights import least_and_greatest
from export import artifact, card, golden
from export.artifact import MANIFEST
from export.check import anchor_rows, check
from export.entries import (
    ChunkedEntry,
    ComponentEntry,
    SamplerEntry,
    SelfieRuleEntry,
    StyleEntry,
    TokenizerEntry,
)
from export.errors import ExportError, GateError, ManifestError
from export.fitting import fitting
from export.formats import Format, Options, Written, format_named
from export.forms.chunks import cut
from export.forms.express import with_attention
from export.forms.packed import PackedForm, StoredBytes, chunk_counts
from export.layouts import laid_out
from export.manifest import AVATAR_COMPONENTS, Constants, Manifest
from export.preview import preview_of
from export.report import Row
from quantization import (
    QuantizedPipeline,
    Recipe,
    RecipeError,
    Target,
    apply,
    is_quantized,
    open_quantized,
    require_available,
)
from support.json_records import from_plain
from support.progress import Progress, silent
from support.publish import publish
from support.version import public_version, version

SEED = 0
"""Seed of the recorded run that goes into the golden vectors."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to export, and how.

    With a recipe the checkpoint's weights are quantized by it; a quantized checkpoint brings its
    own. The reference that the artifact is compared with then has the quantized weights: their
    cost is known before any export (`python -m quantization`), and here only the export is tested.

    Attributes:
        checkpoint: Folder of a checkpoint, quantized or not.
        format: Name of the format: `coreml` or `onnx`.
        out: Folder of the artifact.
        options: The options of the format.
        recipe: File of a recipe; None for none.
    """

    checkpoint: Path
    format: str
    out: Path
    options: Options = field(default_factory=Options)
    recipe: Path | None = None


def export(request: Request, progress: Progress = silent) -> tuple[Row, ...]:
    """Export a checkpoint and publish the artifact in one atomic step.

    The same checkpoint, options and library versions give the same bytes on one machine. On another
    machine the golden outputs may differ in their last bits, and nothing else.

    Args:
        request: What to export.
        progress: Hears of each step.

    Returns:
        The report of how close the artifact comes to the PyTorch reference.

    Raises:
        ComponentsError: The checkpoint cannot be read.
        QuantizationError: The recipe does not fit the checkpoint, or the format lacks a scheme.
        ConversionError: A component cannot be expressed in the format.
        PublishError: The artifact cannot be put in its place.
        GateError: The artifact does not do what the reference does; what was there before stays.
    """
    format_ = format_named(request.format)
    quantized = _quantized(request)
    pipeline = quantized.pipeline if quantized else components.load(request.checkpoint)
    format_, options = laid_out(request.format, format_, request.options, pipeline)
    if quantized:
        options = replace(options, int8=bool(quantized.recipe.activations))
        _require_supported(quantized, format_.target(options))
        _require_convolutions(options)
    names = _chosen(pipeline, options.components)

    def waiting() -> None:
        progress(f"another export into {request.out} is running; waiting for it")

    with publish(request.out, marker=MANIFEST, kind="an artifact", on_wait=waiting) as folder:
        export_ = _Export(folder, format_, options, pipeline, quantized, progress)
        chunks, given = export_.look_at(names)
        progress("running the PyTorch reference")
        recording = _only(names, components.record(pipeline, seed=SEED))
        # The anchor comes before conversions, whose leavings it has no room for at full size.
        anchor = anchor_rows(pipeline, recording, given) if names == pipeline.names else []
        _require_passed(anchor)
        entries: list[ComponentEntry] = []
        chunked, seconds, specs = [], {}, {}
        for name in names:
            progress(f"converting {name}")
            started = time.perf_counter()
            own = fitting(options, format_, name, recording.peaks[name], progress)
            specs[name], whole, parts = export_.convert(name, own, chunks[name])
            entries += parts
            chunked += [whole] if whole else []
            seconds[name] = time.perf_counter() - started
        format_.finish(folder)
        recipe = quantized.recipe if quantized else None
        made = (tuple(entries), tuple(chunked))
        _close(folder, request, options, format_, pipeline, recording, made, recipe)
        progress("comparing with the reference")
        rows = (*anchor, *check(folder, pipeline, recording, format_, options, seconds, specs))
        _require_passed(rows)
        artifact.verify(folder)
    if names != pipeline.names:
        progress(f"compared {', '.join(names)} alone; no whole run was tried")
    return rows


@dataclass(frozen=True)
class _Export:
    """What every component of one export is converted with."""

    folder: Path
    format_: Format
    options: Options
    pipeline: PipelineComponents
    quantized: QuantizedPipeline | None
    progress: Progress

    def look_at(self, names: Sequence[str]) -> tuple[Mapping[str, int], tuple[TensorSpec, ...]]:
        """Into how many chunks each component is cut, and what the last one gives.

        Raises:
            ExportError: A component cannot be exported, as its loader, precision or format say:
                that is known before anything is run.
        """
        sizes: dict[str, int] = {}
        given: tuple[TensorSpec, ...] = ()
        for name in names:
            component = self.pipeline.component(name)
            given = component.outputs
            _require_fitting(component, self.options.precision)
            self.format_.require(component, self.options)
            sizes[name] = _stored(name, self.options, self.quantized).of(component)
            del component  # its weights leave memory before the next one's come
        return chunk_counts(sizes, self.options.chunks), given

    def convert(
        self, name: str, own: Options, chunks: int
    ) -> tuple[tuple[TensorSpec, ...], ChunkedEntry | None, list[ComponentEntry]]:
        """Convert one component, and write its model files.

        Args:
            name: Its name.
            own: Its options, which may have another precision than the export's.
            chunks: Into how many chunks it is cut.

        Returns:
            What the component gives, its entry as a whole where it is cut, and its entries.
        """
        precision = "" if own is self.options else own.precision
        component = with_attention(self.pipeline.component(name), own.attention)
        outputs = component.outputs
        component = self.format_.arranged(component)
        parts = cut(component, chunks, _stored(name, own, self.quantized))
        entries = []
        for part in parts:
            packed = PackedForm(self.quantized, name, part) if self.quantized else None
            written = self.format_.write(part, self.folder, self.pipeline.facts(), own, packed)
            entries.append(_entry(part, written, precision))
            for note in written.notes:
                self.progress(note)
        return outputs, _chunked(component, parts) if len(parts) > 1 else None, entries


def _quantized(request: Request) -> QuantizedPipeline | None:
    """The checkpoint quantized by its recipe; None where there is no recipe."""
    if is_quantized(request.checkpoint):
        if request.recipe is not None:
            raise RecipeError(f"{request.checkpoint} is quantized already; leave out the recipe")
        opened = open_quantized(request.checkpoint)
        opened.require_recipe()
        return opened
    if request.recipe is None:
        return None
    return apply(request.checkpoint, Recipe.read(request.recipe))


def _require_fitting(component: Component, precision: str) -> None:
    """Raise `ExportError` where a weight is larger than any number of the precision."""
    if precision != "fp16":
        return
    for name, weight in component.module.state_dict().items():
        if not weight.is_floating_point() or not weight.numel():
            continue
        largest = max(map(abs, least_and_greatest(weight)))
        if largest > torch.finfo(torch.float16).max:
            raise ExportError(
                f"{component.name}.{name} holds {largest:.3g}, expected at most 65504 in fp16; "
                f"add --precision fp32"
            )


def _require_supported(quantized: QuantizedPipeline, target: Target) -> None:
    for name in quantized.pipeline.names:
        schemes = {f"{name}.{key}": p.scheme for key, p in quantized.packed(name).items()}
        require_available(target, schemes)
    require_available(target, {}, tuple(sorted(quantized.recipe.activations)))


def _entry(component: Component, written: Written, precision: str) -> ComponentEntry:
    return ComponentEntry(
        name=component.name,
        description=component.description,
        models=written.models,
        ops=written.ops,
        inputs=component.inputs,
        outputs=component.outputs,
        precision=precision,
    )


def _chunked(component: Component, parts: tuple[Component, ...]) -> ChunkedEntry:
    return ChunkedEntry(
        name=component.name,
        description=component.description,
        chunks=tuple(part.name for part in parts),
        inputs=component.inputs,
        outputs=component.outputs,
    )


def _chosen(pipeline: PipelineComponents, only: tuple[str, ...]) -> tuple[str, ...]:
    """The components to export, in the order of a run."""
    for name in only:
        if name not in pipeline.names:
            raise ExportError(f"no component {name!r}; there are {', '.join(pipeline.names)}")
    return tuple(name for name in pipeline.names if not only or name in only)


def _require_passed(rows: Sequence[Row]) -> None:
    if not all(row.passed for row in rows):
        raise GateError(tuple(rows))


def _only(names: tuple[str, ...], recording: Recording) -> Recording:
    """A recording with the calls of these components."""
    return replace(recording, calls={name: recording.calls[name] for name in names})


def _stored(name: str, options: Options, quantized: QuantizedPipeline | None) -> StoredBytes:
    return StoredBytes(options.precision, quantized.packed(name) if quantized else None)


def _require_convolutions(options: Options) -> None:
    """Raise `ExportError` where layers compute in int8 and would get another form."""
    if options.int8 and options.attention != "original":
        raise ExportError(
            f"--attention {options.attention} makes convolutions of linear layers, which would "
            f"round their outputs to int8, as the recipe's activations do not say; leave it out"
        )


def _close(
    folder: Path,
    request: Request,
    options: Options,
    format_: Format,
    pipeline: PipelineComponents,
    recording: Recording,
    made: tuple[tuple[ComponentEntry, ...], tuple[ChunkedEntry, ...]],
    recipe: Recipe | None,
) -> None:
    """Write golden vectors, model card and manifest, which closes the staged folder."""
    facts = pipeline.facts()
    tokenizers = {
        name: from_plain(TokenizerEntry, entry, ManifestError)
        for name, entry in pipeline.write_tokenizers(folder).items()
    }
    manifest = Manifest(
        format=request.format,
        version=version(),
        pipeline=read_index(request.checkpoint)["_class_name"],
        licence=facts.licence,
        options=format_.options(options),
        checkpoint=components.fingerprint(request.checkpoint),
        changes=overlay.changes if (overlay := overlay_of(request.checkpoint)) else (),
        recipe=recipe.digest if recipe else None,
        tools={"torch": public_version(torch.__version__), **format_.tools()},
        styles=from_plain(tuple[StyleEntry, ...], facts.styles, ManifestError),
        sampler=from_plain(SamplerEntry, facts.sampler, ManifestError) if facts.sampler else None,
        **tokenizers,
        settings=from_plain(Constants, facts.settings, ManifestError) if facts.settings else None,
        selfie_rules=from_plain(tuple[SelfieRuleEntry, ...], facts.selfie_rules, ManifestError),
        selfie_crop=facts.selfie_crop,
        preview=preview_of(recording) if tuple(recording.calls) == AVATAR_COMPONENTS else None,
        components=made[0],
        chunked=made[1],
        golden=golden.write(folder, recording),
        files=(),  # `artifact.close` lists them
    )
    card.write(folder, facts, manifest)
    artifact.close(folder, manifest)
