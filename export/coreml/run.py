"""Components of a Core ML artifact, run by `coreml_runtime` anywhere or by Apple's framework."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import coremltools as ct
import numpy as np
import torch

import coreml_runtime
from components import Arrays, Runner
from components.component import check_inputs
from export.artifact import open_artifact
from export.entries import ComponentEntry, ShapesEntry
from export.errors import ArtifactError
from export.joined import joined

Engine = Literal["coreml_runtime", "apple"]


def load(
    artifact: Path | str,
    component: str,
    engine: Engine = "coreml_runtime",
    *,
    units: str = "ALL",
    function: str | None = None,
) -> Runner:
    """Load one component as a callable from named arrays to named arrays.

    Images come out as (1,3,H,W) float32 in [0,1]: from `coreml_runtime` before any 8-bit rounding,
    from Apple's framework in steps of 1/255.

    Args:
        artifact: The artifact's folder.
        component: The component's name; one that is exported in chunks is joined.
        engine: What executes the model.
        units: Name of the `coremltools.ComputeUnit` that Apple's framework may use.
        function: The function of packages that have several; None for the default one.

    Raises:
        ArtifactError: The folder is not a whole Core ML artifact, lacks the component, or holds a
            model that `coreml_runtime` cannot read.
    """
    opened = open_artifact(artifact)
    if (whole := opened.manifest.cut(component)) is not None:
        return joined(
            opened.manifest, whole, lambda name: load(artifact, name, engine, units=units)
        )
    package = opened.model(component, "mlpackage")
    entry: ComponentEntry | ShapesEntry = opened.component(component)
    if function is not None:
        entry = opened.manifest.function(function).component(component)
    if engine == "apple":
        return _in_apple(package, entry, units, function)
    return _in_pytorch(package, entry, function)


def _in_pytorch(package: Path, entry: ComponentEntry | ShapesEntry, function: str | None) -> Runner:
    try:
        model = coreml_runtime.load(package, function)
    except coreml_runtime.CoreMLRuntimeError as error:
        raise ArtifactError(f"{package.name} cannot be run: {error}") from error

    # The order of colours that the file declares decides what an app gets as a picture.
    blue_first = {feature.name for feature in model.outputs if feature.color == "bgr"}

    def call(inputs: Arrays) -> dict[str, np.ndarray]:
        check_inputs(entry.inputs, inputs)
        tensors = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in inputs.items()}
        with torch.inference_mode():
            results = model(**tensors)
        arrays = {spec.name: results[spec.name].float().numpy() for spec in entry.outputs}
        for name in blue_first & arrays.keys():
            arrays[name] = arrays[name][:, ::-1]
        return {
            spec.name: arrays[spec.name] / np.float32(255 if spec.image else 1)
            for spec in entry.outputs
        }

    return call


def _in_apple(
    package: Path, entry: ComponentEntry | ShapesEntry, units: str, function: str | None
) -> Runner:
    model = ct.models.MLModel(
        str(package), compute_units=ct.ComputeUnit[units], function_name=function
    )

    def call(inputs: Arrays) -> dict[str, np.ndarray]:
        check_inputs(entry.inputs, inputs)
        results = model.predict(dict(inputs))
        outputs = {}
        for spec in entry.outputs:
            array = np.asarray(results[spec.name])
            if spec.image:  # a PIL image: (H,W,4) or (H,W,3) bytes
                array = np.moveaxis(array[..., :3], 2, 0)[None] / np.float32(255)
            outputs[spec.name] = array.astype(np.float32).reshape(spec.shape)
        return outputs

    return call
