"""Which weight gets which bits, and giving it those: palettes, integers, recipes, plans."""

from quantization.checkpoint import is_quantized, load, open_checkpoint, write
from quantization.errors import (
    BudgetError,
    MisfitError,
    PackedError,
    QuantizationError,
    RecipeError,
    SchemeError,
    WeightError,
)
from quantization.packed import Packed, quantize
from quantization.pipeline import PackedState, QuantizedPipeline, apply
from quantization.recipe import Recipe
from quantization.schemes import Scheme

__all__ = [
    "BudgetError",
    "MisfitError",
    "Packed",
    "PackedError",
    "PackedState",
    "QuantizationError",
    "QuantizedPipeline",
    "Recipe",
    "RecipeError",
    "Scheme",
    "SchemeError",
    "WeightError",
    "apply",
    "is_quantized",
    "load",
    "open_checkpoint",
    "quantize",
    "write",
]
