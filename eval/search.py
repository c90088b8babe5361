"""The search for the layer where a component first goes wrong, as a record for the report."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from components import Arrays
from eval import layers
from eval.results import Layer, LayerSearch, Row, Where
from eval.runtimes import Runtime
from eval.tally import Scope
from eval.truth import Call, Truth


def search(
    scope: Scope,
    runtime: Runtime,
    artifact: Path,
    call: Call,
    inputs: Arrays,
    truth: Truth,
    *,
    fell: bool,
) -> tuple[LayerSearch, list[Row]]:
    """Layer by layer through one call, and rows of the worst layer, which gates can name: a layer
    may go wrong and its component hardly show it.

    Args:
        scope: What the report says it is about; its gates' `layer_snr` is the floor of a layer.
        runtime: What runs the artifact.
        artifact: Its folder.
        call: The component's worst call, as the reference takes it.
        inputs: The same as the artifact takes it.
        truth: What it is compared with.
        fell: Whether the component failed, so that there is a layer to be named; there also is
            one where the search itself finds one that its gates forbid.
    """
    try:
        compared, note = _compared(runtime, artifact, call, inputs, truth), ""
    except NotImplementedError as error:
        compared, note = (), str(error)
    floor, ceiling = (
        scope.gates.limit("components", name, scope.runtime, call.component)
        for name in ("layer_snr", "layer_gain")
    )
    rows = _rows(scope, call, compared)
    fell = fell or any(row.verdict == "failed" for row in rows)
    fall = layers.first_fall(compared, floor, ceiling) if fell else None
    found = LayerSearch(
        artifact=scope.artifact,
        runtime=scope.runtime,
        component=call.component,
        against=scope.against,
        where=call.where,
        layers=compared,
        first=fall.name if fall else "",
        snr=fall.snr if fall else math.inf,
        note=note,
    )
    return found, rows


def _rows(scope: Scope, call: Call, compared: tuple[Layer, ...]) -> list[Row]:
    """The worst layer's SNR and the largest error of a channel's gain."""
    if not compared:
        return []
    quiet = min(compared, key=lambda layer: layer.snr)
    loud = max(compared, key=lambda layer: layer.gain)
    return [
        scope.row(name, value, where=_at(call.where, layer), count=len(compared))
        for name, value, layer in (
            ("worst_layer_snr", quiet.snr, quiet),
            ("layer_gain", loud.gain, loud),
        )
    ]


def _at(where: Where, layer: Layer) -> Where:
    detail = f"{where.detail}, layer {layer.name}" if where.detail else f"layer {layer.name}"
    return replace(where, detail=detail)


def _compared(
    runtime: Runtime, artifact: Path, call: Call, inputs: Arrays, truth: Truth
) -> tuple[Layer, ...]:
    values = runtime.values(artifact, call.component, inputs)
    program = runtime.program(artifact, call.component)
    return layers.compare(truth.components[call.component], program, call.inputs, values)
