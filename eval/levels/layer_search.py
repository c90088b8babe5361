"""The layer-by-layer comparison of a component's worst call, as records for the report."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from eval.graphs import Graph
from eval.levels import layers
from eval.levels.scope import Scope
from eval.reference import Call, Reference
from eval.schema import Layer, LayerSearch, Row, Where


def search(
    scope: Scope,
    values: Callable[[], Iterable[tuple[str, np.ndarray]]],
    graph: Callable[[str], Graph],
    call: Call,
    reference: Reference,
    *,
    failed: bool,
) -> tuple[LayerSearch, list[Row]]:
    """Compare one call layer by layer.

    The worst layer gets rows of its own, which gates can name: a layer may go wrong while the
    output of its component hardly shows it.

    Args:
        scope: What the figures are about; its gates' `layer_snr` is the floor of every layer.
        values: Returns every value that the artifact computes in that call.
        graph: Returns the graph of a component's model file.
        call: The component's worst call, as the reference takes it.
        reference: What the layers are compared with.
        failed: Whether the component failed, so that a layer is to be named. A layer is also named
            where the gates of layers fail.
    """
    try:
        compared, note = _compared(values, graph, call, reference), ""
    except NotImplementedError as error:
        compared, note = (), str(error)
    floor, ceiling = (
        scope.gates.limit("components", name, scope.runtime, call.component)
        for name in ("layer_snr", "layer_gain")
    )
    rows = _rows(scope, call, compared)
    failed = failed or any(row.verdict == "failed" for row in rows)
    first = layers.first_wrong(compared, floor, ceiling) if failed else None
    found = LayerSearch(
        artifact=scope.artifact,
        runtime=scope.runtime,
        component=call.component,
        against=scope.against,
        where=call.where,
        layers=compared,
        first=first.name if first else "",
        snr=first.snr if first else math.inf,
        note=note,
    )
    return found, rows


def _rows(scope: Scope, call: Call, compared: tuple[Layer, ...]) -> list[Row]:
    """The lowest SNR of a layer, and the largest error of a channel's size."""
    if not compared:
        return []
    noisiest = min(compared, key=lambda layer: layer.snr)
    strongest = max(compared, key=lambda layer: layer.gain)
    return [
        scope.row(name, value, where=_in_layer(call.where, layer), count=len(compared))
        for name, value, layer in (
            ("worst_layer_snr", noisiest.snr, noisiest),
            ("layer_gain", strongest.gain, strongest),
        )
    ]


def _in_layer(where: Where, layer: Layer) -> Where:
    detail = f"{where.detail}, layer {layer.name}" if where.detail else f"layer {layer.name}"
    return replace(where, detail=detail)


def _compared(
    values: Callable[[], Iterable[tuple[str, np.ndarray]]],
    graph: Callable[[str], Graph],
    call: Call,
    reference: Reference,
) -> tuple[Layer, ...]:
    computed, held = values(), graph(call.component)
    return layers.compare(reference.components[call.component], held, call.inputs, computed)
