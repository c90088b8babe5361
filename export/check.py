"""An artifact run beside the PyTorch reference, on the same inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np

from components import Arrays, Case, PipelineComponents, Recording, Runner, TensorSpec
from components.metrics import peak_of, psnr, snr
from components.reference import OneAtATime
from export import gates
from export.artifact import files_of, open_artifact
from export.formats import Format, Options, RuntimeGate
from export.manifest import Manifest
from export.report import ANCHOR, FINAL_IMAGE, Row
from support.images import on_8_bit_grid


def check(
    folder: Path,
    pipeline: PipelineComponents,
    recording: Recording,
    format_: Format,
    options: Options,
    seconds: Mapping[str, float],
    specs: Mapping[str, Sequence[TensorSpec]],
) -> tuple[Row, ...]:
    """Run every component and one whole run, in every runtime that this machine has.

    Where only some components are exported, there is no whole run. That the reference is right is
    another question, which `anchor_rows` answers.

    Args:
        folder: A closed artifact.
        pipeline: Joins the components to a run.
        recording: Inputs and outputs of the reference.
        format_: The artifact's format.
        options: The options that it was exported with.
        seconds: Seconds that each component's conversion took.
        specs: What each component gives; in a layout its file gives something else.
    """
    manifest = open_artifact(folder).manifest
    names = manifest.wholes
    rows = []
    for gate in format_.gates(options):
        # A component may be too large for a kind of file; then there is no whole run of that kind.
        held = [name for name in names if _has(manifest, name, gate.kind)]
        made: dict[str, Sequence[Case]] = {}
        for name in held:
            runner = format_.runner(folder, name, gate)
            inputs = [case.inputs for case in recording.calls[name]]
            made[name] = [Case(inputs=each, outputs=runner(each)) for each in inputs]
            del runner  # its weights leave memory before the next one's come
            pairs = list(zip(recording.calls[name], made[name], strict=True))
            rows.append(_component_row(manifest, name, gate, pairs, seconds, specs[name]))
        if held != list(pipeline.names):
            continue
        load = partial(format_.runner, folder, gate=gate)
        rows.append(_image_row(pipeline, recording, gate, load, made, specs[names[-1]]))
    return tuple(rows)


def _image_row(
    pipeline: PipelineComponents,
    recording: Recording,
    gate: RuntimeGate,
    load: Callable[[str], Runner],
    made: Mapping[str, Sequence[Case]],
    specs: Sequence[TensorSpec],
) -> Row:
    """The row of one whole run; calls that were made already are not made again."""
    runners = OneAtATime(pipeline.names, lambda name: _remembering(load, name, made[name]))
    outputs = pipeline.run(runners, recording.run.inputs)
    image = Case(inputs=recording.run.inputs, outputs=outputs)
    worst_psnr, worst_snr = _compare(specs, [(recording.run, image)], gate)
    return Row(
        name=FINAL_IMAGE,
        runtime=gate.runtime,
        psnr=worst_psnr,
        snr=worst_snr,
        floor=gate.image_floor,
    )


def _remembering(load: Callable[[str], Runner], name: str, made: Sequence[Case]) -> Runner:
    """A component that is loaded when a call comes that was not made before.

    A large encoder has the same inputs in a whole run as by itself, and takes most of its time.
    """
    runner = cache(partial(load, name))

    def call(inputs: Arrays) -> dict[str, np.ndarray]:
        for case in made:
            if all(np.array_equal(inputs[key], array) for key, array in case.inputs.items()):
                return dict(case.outputs)
        return runner()(inputs)

    return call


def _has(manifest: Manifest, name: str, kind: str) -> bool:
    """Whether all of a component is in files of a kind."""
    return all(kind in part.models for part in manifest.parts(name))


def anchor_rows(
    pipeline: PipelineComponents, recording: Recording, outputs: Sequence[TensorSpec]
) -> list[Row]:
    """The reference beside the library's own pipeline: a row, or none where there is no such run.

    Every other row compares an artifact with the reference, so this one says that it is right.

    Args:
        pipeline: The components, whose `anchor` is run.
        recording: Inputs and outputs of the reference.
        outputs: What a whole run returns.
    """
    made = pipeline.anchor(recording.run.inputs, recording.seed)
    if made is None:
        return []
    anchored = Case(inputs=recording.run.inputs, outputs=made)
    worst_psnr, worst_snr = _worst(outputs, [(anchored, recording.run)])
    return [
        Row(
            name=ANCHOR,
            runtime="PyTorch",
            psnr=worst_psnr,
            snr=worst_snr,
            floor=gates.ANCHOR,
        )
    ]


def _component_row(
    manifest: Manifest,
    name: str,
    gate: RuntimeGate,
    pairs: Sequence[tuple[Case, Case]],
    seconds: Mapping[str, float],
    specs: Sequence[TensorSpec],
) -> Row:
    parts = manifest.parts(name)
    worst_psnr, worst_snr = _compare(specs, pairs, gate)
    return Row(
        name=name,
        runtime=gate.runtime,
        ops=sum(part.ops for part in parts),
        size=sum(f.bytes for part in parts for f in files_of(manifest, part.models[gate.kind])),
        seconds=seconds.get(name),
        psnr=worst_psnr,
        snr=worst_snr,
        floor=gate.floor,
    )


def _compare(
    specs: Sequence[TensorSpec], pairs: Sequence[tuple[Case, Case]], gate: RuntimeGate
) -> tuple[float, float]:
    """Worst PSNR and SNR over all pairs (reference, artifact), as the gate's runtime rounds."""
    return _worst(specs, pairs, byte_images=gate.byte_images)


def _worst(
    specs: Sequence[TensorSpec], pairs: Sequence[tuple[Case, Case]], *, byte_images: bool = False
) -> tuple[float, float]:
    """Worst PSNR and SNR over all pairs (expected, found) and all outputs, in dB."""
    worst_psnr = worst_snr = math.inf
    for reference, test in pairs:
        for spec in specs:
            expected, got = reference.outputs[spec.name], test.outputs[spec.name]
            if byte_images and spec.image:
                expected = on_8_bit_grid(expected)
            peak = peak_of(spec, expected)
            worst_psnr = min(worst_psnr, psnr(expected, got, peak=peak))
            worst_snr = min(worst_snr, snr(expected, got))
    return worst_psnr, worst_snr
