"""Runs a plan's steps over its slots."""

from collections.abc import Iterator
from typing import Any

import torch

from .attention import attend
from .bind import OP_FAILURES
from .errors import ExecutionError
from .steps import AnyStep, Attention, Branch, Loop, Routine, Step

MAX_TURNS = 1_000_000

Event = tuple[str, Any]


def run(routine: Routine, slots: list[Any], device: torch.device) -> None:
    """Run ``routine`` to its end; slots are freed after their last use."""
    for step in routine.steps:
        if isinstance(step, Step):
            _execute(step, slots, device)
        elif not (isinstance(step, Attention) and _attend(step, slots)):
            for _ in _nested(step, slots, device):
                pass
        for slot in step.frees:
            slots[slot] = None


def run_traced(routine: Routine, slots: list[Any], device: torch.device) -> Iterator[Event]:
    """The same, with every result as (name, value) when it is there."""
    for step in routine.steps:
        if isinstance(step, Step):
            _execute(step, slots, device)
        else:
            yield from _nested(step, slots, device)
        for result in step.results:
            yield result.name, slots[result.slot]
        for slot in step.frees:
            slots[slot] = None


def _nested(step: AnyStep, slots: list[Any], device: torch.device) -> Iterator[Event]:
    if isinstance(step, Branch):
        return _branch(step, slots, device)
    if isinstance(step, Attention):
        return run_traced(step.parts, slots, device)
    assert isinstance(step, Loop)
    return _loop(step, slots, device)


def _attend(step: Attention, slots: list[Any]) -> bool:
    try:
        return attend(step, slots)
    except OP_FAILURES as error:
        raise ExecutionError(f"op {step.name!r} (attention) failed: {_reason(error)}") from error


def _branch(step: Branch, slots: list[Any], device: torch.device) -> Iterator[Event]:
    chosen = step.then if bool(slots[step.predicate]) else step.otherwise
    yield from run_traced(chosen, slots, device)
    _hand_over(step, chosen, slots)


def _loop(step: Loop, slots: list[Any], device: torch.device) -> Iterator[Event]:
    values = [slots[slot] for slot in step.start]
    for _ in range(MAX_TURNS):
        _enter(step.condition, values, slots)
        yield from run_traced(step.condition, slots, device)
        (again,) = step.condition.outputs
        if not bool(slots[again]):
            break
        _enter(step.body, values, slots)
        yield from run_traced(step.body, slots, device)
        values = [slots[slot] for slot in step.body.outputs]
    else:
        raise ExecutionError(f"op {step.name!r} (while_loop) takes more than {MAX_TURNS} turns")
    for result, value in zip(step.results, values, strict=True):
        slots[result.slot] = _fitting(step, result.fits(value), value)


def _enter(routine: Routine, values: list[Any], slots: list[Any]) -> None:
    for result, value in zip(routine.inputs, values, strict=True):
        slots[result.slot] = value


def _hand_over(step: Branch, routine: Routine, slots: list[Any]) -> None:
    values = [slots[slot] for slot in routine.outputs]
    for result, value in zip(step.results, values, strict=True):
        slots[result.slot] = _fitting(step, result.fits(value), value)


def _fitting(step: Branch | Loop, fits: bool, value: Any) -> Any:
    if not fits:
        raise ExecutionError(f"op {step.name!r}: a block gives a result of another shape")
    return value


def _execute(step: Step, slots: list[Any], device: torch.device) -> None:
    """Read a step's arguments, call the op, finish and store its results."""
    arguments = dict(step.fixed)
    try:
        for name, source, convert in step.reads:
            value = (
                slots[source] if isinstance(source, int) else tuple(slots[slot] for slot in source)
            )
            arguments[name] = value if convert is None else convert(value)
        if step.needs_device:
            arguments["device"] = device
        made = step.run(**arguments)
        values = made if type(made) in (tuple, list) else (made,)
        if made is None:
            values = ()
        for result, value in zip(step.results, values, strict=True):
            slots[result.slot] = result.accept(value)
    except OP_FAILURES as error:
        raise ExecutionError(f"op {step.name!r} ({step.type}) failed: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The first line of what torch says; the rest is its stack."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
