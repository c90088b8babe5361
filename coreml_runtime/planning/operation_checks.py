"""Checks of a function's ops and of their parameters against the registry."""

import torch

from ..errors import ProgramError, UnsupportedModelError, UnsupportedOpError
from ..ops import OpDef, find_op
from ..package import Function, Operation

CONTROL_FLOW = ("cond", "while_loop")
"""The ops that the planner turns into branches and loops; they are not in the registry."""


def check_ops(function: Function) -> None:
    """Check that every op of ``function``, including those of nested blocks, is implemented.

    Raises:
        UnsupportedOpError: Some are not; the message names all of them.
    """
    unknown = sorted({o.type for o in function.body.walk() if not _is_known(o, function.opset)})
    if unknown:
        raise UnsupportedOpError(
            f"the program uses ops that are not supported here: {', '.join(unknown)}"
        )


def _is_known(operation: Operation, opset: int) -> bool:
    if operation.type == "const" or operation.type in CONTROL_FLOW:
        return True
    return find_op(operation.type, opset) is not None


def check_parameters(operation: Operation, definition: OpDef) -> None:
    """Check the names of an op's arguments and that none of the required ones is missing.

    Raises:
        UnsupportedModelError: The op has nested blocks or an unknown parameter.
        ProgramError: A required parameter is missing or an argument is empty.
    """
    if operation.blocks:
        raise UnsupportedModelError("it has nested blocks, which this op does not take")
    for parameter, bindings in operation.inputs.items():
        if definition.kinds.get(parameter, torch.device) is torch.device:
            raise UnsupportedModelError(f"parameter {parameter!r} is not known")
        if not bindings:
            raise ProgramError(f"parameter {parameter!r} is empty")
    missing = definition.required - operation.inputs.keys()
    if missing:
        raise ProgramError(f"parameters are missing: {', '.join(sorted(missing))}")
