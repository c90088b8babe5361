"""Runs the steps of a planned block over its slots."""

from collections.abc import Iterator
from typing import Any

import torch

from ..errors import ExecutionError
from ..ops import OP_FAILURES
from ..planning import AttentionStep, BranchStep, LoopStep, OpStep, PlannedBlock, Step
from .blockwise_attention import run_blockwise

MAX_ITERATIONS = 1_000_000
"""The largest number of iterations of a ``while_loop``."""

NamedValue = tuple[str, Any]


def run(block: PlannedBlock, slots: list[Any], device: torch.device) -> None:
    """Run ``block``, which reads and writes ``slots``; values are freed after their last use.

    Raises:
        ExecutionError: An op failed, or a result has another shape than the program declares.
    """
    for step in block.steps:
        if isinstance(step, OpStep):
            _run_op(step, slots, device)
        elif not (isinstance(step, AttentionStep) and _run_attention(step, slots)):
            for _ in _run_nested(step, slots, device):
                pass
        for slot in step.frees:
            slots[slot] = None


def run_traced(block: PlannedBlock, slots: list[Any], device: torch.device) -> Iterator[NamedValue]:
    """Run ``block`` as :func:`run` does and yield every result as (name, value).

    Raises:
        ExecutionError: An op failed, or a result has another shape than the program declares.
    """
    for step in block.steps:
        if isinstance(step, OpStep):
            _run_op(step, slots, device)
        else:
            yield from _run_nested(step, slots, device)
        for result in step.results:
            yield result.name, slots[result.slot]
        for slot in step.frees:
            slots[slot] = None


def _run_nested(step: Step, slots: list[Any], device: torch.device) -> Iterator[NamedValue]:
    """Run a step that consists of blocks, and yield their results."""
    if isinstance(step, BranchStep):
        return _run_branch(step, slots, device)
    if isinstance(step, AttentionStep):
        return run_traced(step.parts, slots, device)
    assert isinstance(step, LoopStep)
    return _run_loop(step, slots, device)


def _run_branch(step: BranchStep, slots: list[Any], device: torch.device) -> Iterator[NamedValue]:
    block = step.then if bool(slots[step.predicate]) else step.otherwise
    yield from run_traced(block, slots, device)
    _store_results(step, [slots[slot] for slot in block.outputs], slots)


def _run_loop(step: LoopStep, slots: list[Any], device: torch.device) -> Iterator[NamedValue]:
    values = [slots[slot] for slot in step.start]
    for _ in range(MAX_ITERATIONS):
        _store_inputs(step.condition, values, slots)
        yield from run_traced(step.condition, slots, device)
        (condition,) = step.condition.outputs
        if not bool(slots[condition]):
            break
        _store_inputs(step.body, values, slots)
        yield from run_traced(step.body, slots, device)
        values = [slots[slot] for slot in step.body.outputs]
    else:
        raise ExecutionError(
            f"op {step.name!r} (while_loop) takes more than {MAX_ITERATIONS} iterations"
        )
    _store_results(step, values, slots)


def _store_inputs(block: PlannedBlock, values: list[Any], slots: list[Any]) -> None:
    for planned, value in zip(block.inputs, values, strict=True):
        slots[planned.slot] = value


def _store_results(step: BranchStep | LoopStep, values: list[Any], slots: list[Any]) -> None:
    for result, value in zip(step.results, values, strict=True):
        if not result.fits(value):
            raise ExecutionError(f"op {step.name!r}: the result of a block has an undeclared shape")
        slots[result.slot] = value


def _run_op(step: OpStep, slots: list[Any], device: torch.device) -> None:
    """Read the arguments of a step, call its function, and store its results."""
    arguments = dict(step.fixed)
    try:
        for parameter, source, convert in step.reads:
            value = (
                slots[source] if isinstance(source, int) else tuple(slots[slot] for slot in source)
            )
            arguments[parameter] = value if convert is None else convert(value)
        if step.needs_device:
            arguments["device"] = device
        returned = step.run(**arguments)
        values = returned if type(returned) in (tuple, list) else (returned,)
        if returned is None:  # write_state has no result
            values = ()
        for result, value in zip(step.results, values, strict=True):
            slots[result.slot] = result.accept(value)
    except OP_FAILURES as error:
        reason = _first_line(error)
        raise ExecutionError(f"op {step.name!r} ({step.type}) failed: {reason}") from error


def _run_attention(step: AttentionStep, slots: list[Any]) -> bool:
    """Run an attention block by block; return False, without doing anything, if that is no gain."""
    try:
        return run_blockwise(step, slots)
    except OP_FAILURES as error:
        reason = _first_line(error)
        raise ExecutionError(f"op {step.name!r} (attention) failed: {reason}") from error


def _first_line(error: Exception) -> str:
    """Return the first line of an error; in torch's errors the rest is a stack."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
