"""Loads a package as a model."""

import os
from typing import Any

import torch

from .errors import InputError, ProgramError, UnsupportedModelError
from .models import CoreMLModel, PipelineModel, ProgramModel, SuppressionModel
from .package import Package, read_features, read_function
from .planning import make_plan

PRECISIONS = ("storage", "float32")
MAX_STAGES = 64


def load(
    path: str | os.PathLike[str],
    function: str | None = None,
    precision: str = "storage",
    device: str | torch.device = "cpu",
    cache: str | os.PathLike[str] | None = None,
) -> CoreMLModel:
    """Load a ``.mlpackage`` or ``.mlmodelc`` with an ML Program as a ``torch.nn.Module``.

    Args:
        path: The folder of the package or of the compiled model.
        function: The function of a multifunction model; its default function if None.
        precision: ``storage`` computes in float32 and rounds every result to the type that the
            program declares for it (usually fp16); ``float32`` rounds nothing.
        device: The device on which constants are stored and ops run.
        cache: The root of a download cache, into which links in the package may lead. If None, the
            nearest folder around the package that holds both ``blobs`` and ``snapshots`` is one.

    Raises:
        InputError: ``precision`` is not one of the two.
        PackageError: The package is missing, malformed or truncated, or a path in it leads out
            of it.
        ProgramError: The program is malformed, or has no such function.
        UnsupportedModelError: The model is not an ML Program (nor a pipeline of them), or it uses
            ops or types that are not supported here.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision is {' or '.join(PRECISIONS)}, not {precision!r}")
    package = Package(path, cache)
    return _model(package.spec, package, function, precision).to(device).eval()


def _model(spec: Any, package: Package, function: str | None, precision: str) -> CoreMLModel:
    kind = spec.WhichOneof("Type")
    if kind == "mlProgram":
        return _program(spec, package, function, precision)
    if kind == "pipeline":
        if function not in (None, "main"):
            raise ProgramError(f"a pipeline has no function {function!r}")
        return _pipeline(spec, package, precision)
    raise UnsupportedModelError(
        f"this package holds a Core ML model of kind {kind}, not an ML Program"
    )


def _program(spec: Any, package: Package, function: str | None, precision: str) -> ProgramModel:
    description = spec.description
    entries = {entry.name: entry for entry in description.functions}
    name = function or description.defaultFunctionName or "main"
    plan = make_plan(read_function(spec.mlProgram, name), package, precision)
    entry = entries.get(name, description)
    return ProgramModel(
        plan=plan,
        inputs=read_features(entry.input),
        outputs=read_features(entry.output),
        states=read_features(entry.state),
        functions=tuple(sorted(spec.mlProgram.functions)),
        precision=precision,
    )


def _pipeline(spec: Any, package: Package, precision: str) -> PipelineModel:
    specs = spec.pipeline.models
    if not 0 < len(specs) <= MAX_STAGES:
        raise ProgramError(f"a pipeline of {len(specs)} models, not 1 to {MAX_STAGES}")
    stages: list[CoreMLModel] = []
    for number, stage in enumerate(specs, 1):
        kind = stage.WhichOneof("Type")
        if kind == "mlProgram":
            stages.append(_program(stage, package, None, precision))
        elif kind == "nonMaximumSuppression":
            stages.append(SuppressionModel(stage, precision))
        else:
            raise UnsupportedModelError(
                f"stage {number} of the pipeline is a {kind}, not an ML Program"
            )
    return PipelineModel(
        stages=tuple(stages),
        inputs=read_features(spec.description.input),
        outputs=read_features(spec.description.output),
        precision=precision,
    )
