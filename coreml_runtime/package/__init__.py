"""Reading of ``.mlpackage`` and ``.mlmodelc`` folders; nothing is trusted before it is checked.

In: the path of a folder. Out: the Core ML model message, its features, its functions as
dataclasses, and its constants as tensors.
"""

from .constant_values import constant_value
from .features import Feature, read_features
from .package_folder import Package
from .program import Block, Constant, Function, Operation, OtherType, TensorType, ValueType
from .program_reader import read_function

__all__ = [
    "Block",
    "Constant",
    "Feature",
    "Function",
    "Operation",
    "OtherType",
    "Package",
    "TensorType",
    "ValueType",
    "constant_value",
    "read_features",
    "read_function",
]
