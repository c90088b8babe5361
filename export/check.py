"""An artifact run against what the PyTorch reference gave for the same inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from components import Case, PipelineComponents, Recording, Runner, TensorSpec
from components.metrics import peak_of, psnr, snr
from components.reference import OneAtATime
from export.artifact import files_of, open_artifact
from export.formats import Format, Options, Way
from export.manifest import Manifest
from support.images import on_8_bit_grid

RUN = "final image"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the report.

    Attributes:
        name: Component, or `RUN`.
        way: What ran it.
        ops: Operations in the program; None for the whole run.
        size: Bytes of its files; None for the whole run.
        seconds: What its conversion took; None where nothing was converted.
        psnr: Worst PSNR against the reference over all cases, in dB.
        snr: Worst SNR, in dB.
        floor: PSNR it must reach.
    """

    name: str
    way: str
    ops: int | None = None
    size: int | None = None
    seconds: float | None = None
    psnr: float
    snr: float
    floor: float

    @property
    def passed(self) -> bool:
        """Whether the floor was reached; a PSNR that is no number reaches none."""
        return self.psnr >= self.floor


def check(
    folder: Path,
    pipeline: PipelineComponents,
    recording: Recording,
    format_: Format,
    options: Options,
    seconds: Mapping[str, float],
) -> tuple[Row, ...]:
    """Run every component and one whole run, in every way this machine has.

    Args:
        folder: A closed artifact.
        pipeline: Joins the components to a run.
        recording: What the reference saw and gave.
        format_: How to run the artifact.
        options: What it was exported with.
        seconds: What each component's conversion took.
    """
    manifest = open_artifact(folder).manifest
    rows: list[Row] = []
    for way in format_.ways(options):
        for name in pipeline.names:
            runner = format_.runner(folder, name, way)
            rows.append(_component_row(manifest, name, way, runner, recording, seconds))
        runners = OneAtATime(pipeline.names, partial(format_.runner, folder, way=way))
        outputs = pipeline.run(runners, recording.run.inputs)
        image = Case(inputs=recording.run.inputs, outputs=outputs)
        specs = manifest.components[-1].outputs
        worst_psnr, worst_snr = _compare(specs, [(recording.run, image)], way)
        rows.append(
            Row(name=RUN, way=way.name, floor=way.image_floor, psnr=worst_psnr, snr=worst_snr)
        )
    return tuple(rows)


def _component_row(
    manifest: Manifest,
    name: str,
    way: Way,
    runner: Runner,
    recording: Recording,
    seconds: Mapping[str, float],
) -> Row:
    entry = manifest.component(name)
    cases = recording.calls[name]
    pairs = [(c, Case(inputs=c.inputs, outputs=runner(c.inputs))) for c in cases]
    worst_psnr, worst_snr = _compare(entry.outputs, pairs, way)
    return Row(
        name=name,
        way=way.name,
        ops=entry.ops,
        size=sum(file.bytes for file in files_of(manifest, entry.models[way.kind])),
        seconds=seconds.get(name),
        psnr=worst_psnr,
        snr=worst_snr,
        floor=way.floor,
    )


def _compare(
    specs: Sequence[TensorSpec], pairs: Sequence[tuple[Case, Case]], way: Way
) -> tuple[float, float]:
    """Worst PSNR and SNR over all cases and outputs."""
    worst_psnr = worst_snr = math.inf
    for reference, test in pairs:
        for spec in specs:
            expected, got = reference.outputs[spec.name], test.outputs[spec.name]
            if way.bytes_only and spec.image:
                expected = on_8_bit_grid(expected)
            peak = peak_of(spec, expected)
            worst_psnr = min(worst_psnr, psnr(expected, got, peak=peak))
            worst_snr = min(worst_snr, snr(expected, got))
    return worst_psnr, worst_snr
