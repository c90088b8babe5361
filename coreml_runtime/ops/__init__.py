"""The MIL ops as small torch functions, one file for each family.

In: tensors in their held types and Python values. Out: a result computed in float32, which the
caller rounds. The registry finds a function by the name of the op and the opset of the program;
importing this package registers all of them.
"""

from . import (  # noqa: F401 (importing a family registers its ops)
    activation,
    activation_quantization,
    attention,
    constexpr,
    convolution,
    detection,
    elementwise,
    gather,
    image_resizing,
    image_sampling,
    lists_and_states,
    matrix_products,
    normalization,
    pooling,
    random,
    recurrent,
    reduction,
    scatter,
    slicing,
    space_and_depth,
    tensor_operation,
    tensor_transformation,
)
from .containers import MilList, StateCell
from .detection import select_boxes
from .registry import (
    OP_FAILURES,
    VARIADIC,
    Bools,
    Floats,
    Ints,
    Labels,
    OpDef,
    Scalar,
    Tensors,
    find_op,
    registered_ops,
)

__all__ = [
    "OP_FAILURES",
    "VARIADIC",
    "Bools",
    "Floats",
    "Ints",
    "Labels",
    "MilList",
    "OpDef",
    "Scalar",
    "StateCell",
    "Tensors",
    "find_op",
    "registered_ops",
    "select_boxes",
]
