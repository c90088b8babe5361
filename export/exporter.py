"""From a checkpoint to a published artifact: convert, write, check, and only then publish."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

import components
from components import Component, PipelineComponents, Recording
from components.checkpoint import read_index
from components.weights import least_and_greatest
from export import artifact, card, golden
from export.artifact import MANIFEST
from export.check import check
from export.entries import ComponentEntry, SamplerEntry, SelfieRuleEntry, StyleEntry, TokenizerEntry
from export.errors import ExportError, GateError, ManifestError
from export.formats import Format, Options, Written, format_named
from export.manifest import Manifest
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
    options = request.options
    if quantized:
        options = replace(options, int8=bool(quantized.recipe.activations))
        _require_supported(quantized, format_.target(options))

    def waiting() -> None:
        progress(f"another export into {request.out} is running; waiting for it")

    with publish(request.out, marker=MANIFEST, kind="an artifact", on_wait=waiting) as folder:
        for name in pipeline.names:
            # What its loader, precision or format refuses is known before anything is run.
            component = pipeline.component(name)
            _require_fitting(component, options.precision)
            format_.require(component, options)
            del component
        progress("running the PyTorch reference")
        recording = components.record(pipeline, seed=SEED)
        entries, seconds = [], {}
        for name in pipeline.names:
            progress(f"converting {name}")
            started = time.perf_counter()
            component = pipeline.component(name)
            written = format_.write(component, folder, pipeline.facts(), options, quantized)
            entries.append(_entry(component, written))
            del component  # its weights leave memory before the next one's come
            for note in written.notes:
                progress(note)
            seconds[name] = time.perf_counter() - started
        format_.finish(folder)
        recipe = quantized.recipe if quantized else None
        _close(folder, request, format_, pipeline, recording, tuple(entries), recipe)
        progress("comparing with the reference")
        rows = check(folder, pipeline, recording, format_, options, seconds)
        if not all(row.passed for row in rows):
            raise GateError(rows)
        artifact.verify(folder)
    return rows


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


def _entry(component: Component, written: Written) -> ComponentEntry:
    return ComponentEntry(
        name=component.name,
        description=component.description,
        models=written.models,
        ops=written.ops,
        inputs=component.inputs,
        outputs=component.outputs,
    )


def _close(
    folder: Path,
    request: Request,
    format_: Format,
    pipeline: PipelineComponents,
    recording: Recording,
    entries: tuple[ComponentEntry, ...],
    recipe: Recipe | None,
) -> None:
    """Write golden vectors, model card and manifest, which closes the staged folder."""
    facts = pipeline.facts()
    tokenizer = pipeline.write_tokenizer(folder)
    manifest = Manifest(
        format=request.format,
        version=version(),
        pipeline=read_index(request.checkpoint)["_class_name"],
        licence=facts.licence,
        options=format_.options(request.options),
        checkpoint=components.fingerprint(request.checkpoint),
        recipe=recipe.digest if recipe else None,
        tools={"torch": public_version(torch.__version__), **format_.tools()},
        styles=from_plain(tuple[StyleEntry, ...], facts.styles, ManifestError),
        sampler=from_plain(SamplerEntry, facts.sampler, ManifestError) if facts.sampler else None,
        tokenizer=from_plain(TokenizerEntry, tokenizer, ManifestError) if tokenizer else None,
        selfie_rules=from_plain(tuple[SelfieRuleEntry, ...], facts.selfie_rules, ManifestError),
        components=entries,
        golden=golden.write(folder, recording),
        files=(),  # `artifact.close` lists them
    )
    card.write(folder, facts, manifest)
    artifact.close(folder, manifest)
