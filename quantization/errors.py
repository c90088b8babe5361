"""Everything that can go wrong in this room.

QuantizationError (UserError)
├── SchemeError             no such scheme, or a weight or a target that cannot have it
├── RecipeError             the file is not a recipe
│   └── MisfitError         it is a recipe, but for another model
├── WeightError             a weight without usable numbers: empty, NaN, infinite
├── PackedError             the folder is not a quantized checkpoint, or is damaged
└── BudgetError             no plan fits what was asked for
"""

from __future__ import annotations

from support.errors import UserError


class QuantizationError(UserError):
    """Base of the errors a caller can cause; its message is one clear line."""


class SchemeError(QuantizationError):
    """There is no such scheme, or a weight or a target cannot have it."""


class RecipeError(QuantizationError):
    """The file is not a recipe, or is of another version."""


class MisfitError(RecipeError):
    """The recipe names weights or shapes that the model does not have."""


class WeightError(QuantizationError):
    """A weight is empty, or holds NaN or infinity."""


class PackedError(QuantizationError):
    """The folder is not a quantized checkpoint, or a file of it is damaged."""


class BudgetError(QuantizationError):
    """No plan fits the size or the quality that was asked for."""
