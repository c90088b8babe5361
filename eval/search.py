"""The search for the layer where a component first goes wrong, as a record for the report."""

from __future__ import annotations

import math
from pathlib import Path

from components import Arrays
from eval import layers
from eval.results import Layer, LayerSearch
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
) -> LayerSearch:
    """Layer by layer through one call.

    Args:
        scope: What the report says it is about; its gates' `layer_snr` is the floor of a layer.
        runtime: What runs the artifact.
        artifact: Its folder.
        call: The component's worst call, as the reference takes it.
        inputs: The same as the artifact takes it.
        truth: What it is compared with.
        fell: Whether the component failed, so that there is a layer to be named.
    """
    try:
        compared, note = _compared(runtime, artifact, call, inputs, truth), ""
    except NotImplementedError as error:
        compared, note = (), str(error)
    floor = scope.gates.limit("components", "layer_snr", scope.runtime, call.component)
    fall = layers.first_fall(compared, floor) if fell else None
    return LayerSearch(
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


def _compared(
    runtime: Runtime, artifact: Path, call: Call, inputs: Arrays, truth: Truth
) -> tuple[Layer, ...]:
    values = runtime.values(artifact, call.component, inputs)
    program = runtime.program(artifact, call.component)
    return layers.compare(truth.components[call.component], program, call.inputs, values)
