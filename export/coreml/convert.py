"""One component to an ML Program, by `torch.export` and `ct.convert`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import torch
from torch import Tensor, nn

from components import Component, TensorSpec
from export.coreml.aliases import drop_aliases
from export.coreml.group_norm import low_rank_group_norm
from export.coreml.half_precision import pass_pipeline
from export.coreml.look_up import sorted_look_up
from export.coreml.validation import validated_in_the_end
from export.errors import ConversionError
from quantization import COREML_TARGETS
from support.quiet import quiet

DEPLOYMENT_TARGETS = {
    target.value: getattr(ct.target, target.replace("ios", "iOS")) for target in COREML_TARGETS
}
"""What coremltools calls our targets."""


def convert(
    component: Component, package: Path, *, target: str, precision: str, consume: bool = False
) -> Any:
    """Convert a component. The package that coremltools writes is not deterministic yet.

    Args:
        component: What to convert.
        package: Where coremltools shall write, ending in `.mlpackage`.
        target: One of `COREML_TARGETS`: the oldest system that it must run on.
        precision: `fp16` or `fp32`.
        consume: Whether the component's weights may be freed as they are converted, so that there
            are never two of all. Its module is then left without any.

    Returns:
        The model's specification (protobuf); its weights lie in `package`.

    Raises:
        ConversionError: The network uses something that Core ML cannot express.
    """
    with quiet(), low_rank_group_norm(), sorted_look_up(), validated_in_the_end():
        try:
            program = export_program(_ByteImages(component), component.example())
            if consume:
                component.module.to("meta")
            model = ct.convert(
                program,
                convert_to="mlprogram",
                inputs=[_input_type(spec) for spec in component.inputs],
                outputs=[_output_type(spec) for spec in component.outputs],
                minimum_deployment_target=DEPLOYMENT_TARGETS[target],
                **_precision(precision, partial(_free, program) if consume else _keep),
                package_dir=str(package),
                skip_model_load=True,
            )
        except (NotImplementedError, ValueError, torch._dynamo.exc.TorchDynamoException) as error:
            reason = str(error).strip().splitlines()[0]
            raise ConversionError(f"Core ML cannot express {component.name}: {reason}") from error
    return model._spec


def export_program(module: nn.Module, example: tuple[Tensor, ...]) -> Any:
    """The `ExportedProgram` of a module, in the form that coremltools reads.

    Args:
        module: A network with positional inputs.
        example: Tensors of the inputs' shapes and dtypes.
    """
    with torch.no_grad():
        program = torch.export.export(module.eval(), example).run_decompositions({})
    drop_aliases(program)
    return program


def _keep() -> None:
    """Leave the weights of a program as they are."""


def _free(program: Any) -> None:
    """Drop the weights of an exported program that is converted already."""
    program.state_dict.clear()


def _precision(precision: str, on_start: Callable[[], None]) -> dict[str, Any]:
    """What `ct.convert` takes for `fp16` or `fp32`.

    Args:
        precision: One of them.
        on_start: Called when weights begin to be rounded to fp16.
    """
    if precision == "fp32":
        return {"compute_precision": ct.precision.FLOAT32}
    return {"compute_precision": ct.precision.FLOAT16, "pass_pipeline": pass_pipeline(on_start)}


class _ByteImages(nn.Module):
    """The component with its images in [0,255], as a Core ML image output wants them."""

    def __init__(self, component: Component) -> None:
        super().__init__()
        self.module = component.module
        self.images = tuple(spec.image for spec in component.outputs)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        result = self.module(*inputs)
        outputs = result if isinstance(result, tuple) else (result,)
        pairs = zip(outputs, self.images, strict=True)
        return tuple(value * 255.0 if image else value for value, image in pairs)


def _input_type(spec: TensorSpec) -> Any:
    return ct.TensorType(name=spec.name, shape=spec.shape, dtype=np.dtype(spec.dtype).type)


def _output_type(spec: TensorSpec) -> Any:
    if spec.image:
        return ct.ImageType(name=spec.name, color_layout=ct.colorlayout.RGB)
    return ct.TensorType(name=spec.name, dtype=np.dtype(spec.dtype).type)
