"""An artifact run beside the PyTorch reference, on the same inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from components import Case, PipelineComponents, Recording, Runner, TensorSpec
from components.metrics import peak_of, psnr, snr
from components.reference import OneAtATime
from export.artifact import files_of, open_artifact
from export.formats import Format, Options, RuntimeGate
from export.manifest import Manifest
from export.report import FINAL_IMAGE, Row
from support.images import on_8_bit_grid


def check(
    folder: Path,
    pipeline: PipelineComponents,
    recording: Recording,
    format_: Format,
    options: Options,
    seconds: Mapping[str, float],
) -> tuple[Row, ...]:
    """Run every component and one whole run, in every runtime that this machine has.

    Args:
        folder: A closed artifact.
        pipeline: Joins the components to a run.
        recording: Inputs and outputs of the reference.
        format_: The artifact's format.
        options: The options that it was exported with.
        seconds: Seconds that each component's conversion took.
    """
    manifest = open_artifact(folder).manifest
    rows: list[Row] = []
    for gate in format_.gates(options):
        for name in pipeline.names:
            runner = format_.runner(folder, name, gate)
            rows.append(_component_row(manifest, name, gate, runner, recording, seconds))
        runners = OneAtATime(pipeline.names, partial(format_.runner, folder, gate=gate))
        outputs = pipeline.run(runners, recording.run.inputs)
        image = Case(inputs=recording.run.inputs, outputs=outputs)
        specs = manifest.components[-1].outputs
        worst_psnr, worst_snr = _compare(specs, [(recording.run, image)], gate)
        rows.append(
            Row(
                name=FINAL_IMAGE,
                runtime=gate.runtime,
                psnr=worst_psnr,
                snr=worst_snr,
                floor=gate.image_floor,
            )
        )
    return tuple(rows)


def _component_row(
    manifest: Manifest,
    name: str,
    gate: RuntimeGate,
    runner: Runner,
    recording: Recording,
    seconds: Mapping[str, float],
) -> Row:
    entry = manifest.component(name)
    cases = recording.calls[name]
    pairs = [(case, Case(inputs=case.inputs, outputs=runner(case.inputs))) for case in cases]
    worst_psnr, worst_snr = _compare(entry.outputs, pairs, gate)
    return Row(
        name=name,
        runtime=gate.runtime,
        ops=entry.ops,
        size=sum(file.bytes for file in files_of(manifest, entry.models[gate.kind])),
        seconds=seconds.get(name),
        psnr=worst_psnr,
        snr=worst_snr,
        floor=gate.floor,
    )


def _compare(
    specs: Sequence[TensorSpec], pairs: Sequence[tuple[Case, Case]], gate: RuntimeGate
) -> tuple[float, float]:
    """Worst PSNR and SNR over all pairs (reference, artifact) and all outputs, in dB."""
    worst_psnr = worst_snr = math.inf
    for reference, test in pairs:
        for spec in specs:
            expected, got = reference.outputs[spec.name], test.outputs[spec.name]
            if gate.byte_images and spec.image:
                expected = on_8_bit_grid(expected)
            peak = peak_of(spec, expected)
            worst_psnr = min(worst_psnr, psnr(expected, got, peak=peak))
            worst_snr = min(worst_snr, snr(expected, got))
    return worst_psnr, worst_snr
