"""The search for the layer where a component first goes wrong, as a record for the report."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from eval import layers
from eval.programs import Program
from eval.results import Layer, LayerSearch, Row, Where
from eval.tally import Scope
from eval.truth import Call, Truth


def search(
    scope: Scope,
    values: Callable[[], Iterable[tuple[str, np.ndarray]]],
    program: Callable[[str], Program],
    call: Call,
    truth: Truth,
    *,
    fell: bool,
) -> tuple[LayerSearch, list[Row]]:
    """Layer by layer through one call, and rows of the worst layer, which gates can name: a layer
    may go wrong and its component hardly show it.

    Args:
        scope: What the report says it is about; its gates' `layer_snr` is the floor of a layer.
        values: Gives every value that the artifact computes in that call.
        program: Gives what the component's model file holds.
        call: The component's worst call, as the reference takes it.
        truth: What it is compared with.
        fell: Whether the component failed, so that there is a layer to be named; there also is
            one where the search itself finds one that its gates forbid.
    """
    try:
        compared, note = _compared(values, program, call, truth), ""
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
    values: Callable[[], Iterable[tuple[str, np.ndarray]]],
    program: Callable[[str], Program],
    call: Call,
    truth: Truth,
) -> tuple[Layer, ...]:
    given, held = values(), program(call.component)
    return layers.compare(truth.components[call.component], held, call.inputs, given)
