"""Ops on lists and states (MIL's sections ``control_flow`` and ``states``)."""

import torch
from torch import Tensor

from ..numerics import BY_NAME
from .containers import MAX_LENGTH, MilList, StateCell
from .registry import IOS18, Labels, op


@op("make_list", exact=True)
def make_list(
    device: torch.device,
    elem_shape: Labels,
    init_length: int = 1,
    dynamic_length: bool = True,
    dtype: str = "fp32",
) -> MilList:
    """Make a list whose elements read as zeros until they are written.

    A size in ``elem_shape`` may be a name, which stands for a size that is unknown until then.
    """
    if not 0 <= init_length < MAX_LENGTH:
        raise ValueError(f"a list of {init_length} elements")
    if dtype not in BY_NAME:
        raise ValueError(f"unknown dtype {dtype!r}")
    shape = [size for size in elem_shape if isinstance(size, int)]
    blank = None
    if len(shape) == len(elem_shape):
        blank = torch.zeros(shape, dtype=BY_NAME[dtype].held, device=device)
    return MilList(items=(None,) * init_length, dynamic=dynamic_length, blank=blank)


@op("list_length", exact=True)
def list_length(device: torch.device, ls: MilList) -> Tensor:
    return torch.tensor(len(ls.items), dtype=torch.int32, device=device)


@op("list_read", exact=True)
def list_read(ls: MilList, index: int) -> Tensor:
    return ls.read(index)


@op("list_write", exact=True)
def list_write(ls: MilList, index: int, value: Tensor) -> MilList:
    return ls.write(index, value)


@op("list_gather", exact=True)
def list_gather(ls: MilList, indices: Tensor) -> Tensor:
    return torch.stack([ls.read(int(index)) for index in indices.tolist()])


@op("list_scatter", exact=True)
def list_scatter(ls: MilList, indices: Tensor, value: Tensor) -> MilList:
    for index, part in zip(indices.tolist(), value.unbind(0), strict=True):
        ls = ls.write(int(index), part)
    return ls


@op("read_state", since=IOS18, exact=True)
def read_state(input: StateCell) -> Tensor:
    return input.value


@op("write_state", since=IOS18, exact=True)
def write_state(input: StateCell, data: Tensor) -> None:
    """Replace the value of a state; the op has no result.

    coremltools writes this op for its ``coreml_update_state``. The data is copied, so that a state
    never shares memory with a result.
    """
    input.value = data.clone()
