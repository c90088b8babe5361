"""Bits for every weight: chosen once for all formats, written as a recipe, and applied.

In come a checkpoint and a recipe, which a plan makes; out comes a pipeline with packed weights,
which both exporters write as they are. The sub-rooms: `fitting` finds tables and scales, `schemes`
stores weights with them, `activations` has the layers that compute in int8, `planning` chooses.
"""

from __future__ import annotations

from quantization.activations import Int8Layers, LayerScales, computing_in_int8
from quantization.errors import (
    BudgetError,
    MisfitError,
    PackedError,
    QuantizationError,
    RecipeError,
    SchemeError,
    WeightError,
)
from quantization.quantized_checkpoint import is_quantized, load, open_quantized, write_quantized
from quantization.quantized_pipeline import QuantizedPipeline, apply, sizes
from quantization.recipe import Recipe, quantizable
from quantization.schemes import (
    FLOAT16,
    INT8,
    Form,
    LookUp,
    PackedState,
    PackedTensor,
    Plain,
    Scaled,
    Scheme,
    parse,
    quantize,
    require_available,
)
from quantization.targets import COREML_TARGETS, Target

__all__ = [
    "COREML_TARGETS",
    "FLOAT16",
    "INT8",
    "BudgetError",
    "Form",
    "Int8Layers",
    "LayerScales",
    "LookUp",
    "MisfitError",
    "PackedError",
    "PackedState",
    "PackedTensor",
    "Plain",
    "QuantizationError",
    "QuantizedPipeline",
    "Recipe",
    "RecipeError",
    "Scaled",
    "Scheme",
    "SchemeError",
    "Target",
    "WeightError",
    "apply",
    "computing_in_int8",
    "is_quantized",
    "load",
    "open_quantized",
    "parse",
    "quantizable",
    "quantize",
    "require_available",
    "sizes",
    "write_quantized",
]
