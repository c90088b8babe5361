"""Recurrent networks (MIL's section ``recurrent``).

Time steps are computed one after another in float32; only the results of the op are rounded. ``x``
is (time, batch, input); the first axis of the weights holds one gate after another.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from .registry import IOS18, op

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "hard_sigmoid": lambda x: torch.clamp(0.2 * x + 0.5, 0.0, 1.0),
    "linear": lambda x: x,
    "relu": torch.relu,
    # Its two factors are 1 by default, and these ops cannot set them (coremltools' test_recurrent).
    "scaled_tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}
_ACTIVATIONS["sigmoid_hard"] = _ACTIVATIONS["hard_sigmoid"]

Steps = tuple[Tensor, ...]


def _activation(name: str) -> Callable[[Tensor], Tensor]:
    if name not in _ACTIVATIONS:
        raise ValueError(f"unknown activation {name!r}")
    return _ACTIVATIONS[name]


def _in_time(x: Tensor, direction: str) -> Steps:
    """Return the time steps of ``x`` in the order in which they are computed."""
    if direction not in ("forward", "reverse"):
        raise ValueError(f"unknown direction {direction!r}")
    steps = x.unbind(0)
    return steps if direction == "forward" else steps[::-1]


def _sequence(hidden: list[Tensor], output_sequence: bool) -> Tensor:
    """Return all hidden states in the order of computation, or only the last, as (time, ...)."""
    return torch.stack(hidden if output_sequence else hidden[-1:])


def _first_state(state: Tensor, x: Tensor) -> Tensor:
    """Return the state before the first step, with a row for each member of the batch.

    coremltools makes it of zeros with as many rows as a packed sequence is long, and Core ML runs
    that. Where all rows are equal it does not matter which of them are meant.
    """
    batch = x.shape[1]
    if state.shape[0] == batch:
        return state
    if not bool((state == state[:1]).all()):
        raise ValueError(
            f"the initial state has {state.shape[0]} rows, expected {batch}: one for each member "
            f"of the batch"
        )
    return state[:1].expand(batch, -1)


@op("rnn")
def rnn(
    x: Tensor,
    initial_h: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor | None = None,
    direction: str = "forward",
    output_sequence: bool = False,
    activation: str = "tanh",
) -> tuple[Tensor, Tensor]:
    """Compute ``h = activation(W_ih x + W_hh h + b)`` for every time step."""
    act = _activation(activation)
    h, hidden = _first_state(initial_h, x), []
    for step in _in_time(x, direction):
        h = act(F.linear(step, weight_ih, bias) + F.linear(h, weight_hh))
        hidden.append(h)
    return _sequence(hidden, output_sequence), h


@op("gru")
def gru(
    x: Tensor,
    initial_h: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor | None = None,
    direction: str = "forward",
    output_sequence: bool = False,
    recurrent_activation: str = "sigmoid",
    activation: str = "tanh",
) -> tuple[Tensor, Tensor]:
    """Compute a gated recurrent unit with gates in the order r, o, z.

    The reset gate r multiplies the hidden state before the matrix product. The formula in the
    documentation multiplies after it; coremltools' reference and Core ML multiply before it. From
    iOS 18 on ``reset_after`` selects.
    """
    return _gru(
        x, initial_h, weight_ih, weight_hh, bias, direction, output_sequence,
        recurrent_activation, activation, False, None,
    )  # fmt: skip


@op("gru", since=IOS18)
def gru_reset_after(
    x: Tensor,
    initial_h: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor | None = None,
    direction: str = "forward",
    output_sequence: bool = False,
    recurrent_activation: str = "sigmoid",
    activation: str = "tanh",
    reset_after: bool = False,
    input_bias: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Compute a gated recurrent unit; with ``reset_after`` r multiplies the matrix product."""
    return _gru(
        x, initial_h, weight_ih, weight_hh, bias, direction, output_sequence,
        recurrent_activation, activation, reset_after, input_bias,
    )  # fmt: skip


def _gru(
    x: Tensor,
    h: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor | None,
    direction: str,
    output_sequence: bool,
    recurrent_activation: str,
    activation: str,
    reset_after: bool,
    input_bias: Tensor | None,
) -> tuple[Tensor, Tensor]:
    gate, act = _activation(recurrent_activation), _activation(activation)
    size, h = h.shape[-1], _first_state(h, x)
    weight_r, weight_o, weight_z = weight_hh.split(size)
    zero = weight_hh.new_zeros(size)
    bias_r, bias_o, bias_z = (zero, zero, zero) if bias is None else bias.split(size)
    hidden = []
    for step in _in_time(x, direction):
        in_r, in_o, in_z = F.linear(step, weight_ih, input_bias).split(size, -1)
        r = gate(in_r + F.linear(h, weight_r, bias_r))
        z = gate(in_z + F.linear(h, weight_z, bias_z))
        if reset_after:
            recurrent = r * F.linear(h, weight_o, bias_o)
        else:
            recurrent = F.linear(r * h, weight_o, bias_o)
        h = (1 - z) * act(in_o + recurrent) + z * h
        hidden.append(h)
    return _sequence(hidden, output_sequence), h


@op("lstm")
def lstm(
    x: Tensor,
    initial_h: Tensor,
    initial_c: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor | None = None,
    peephole: Tensor | None = None,
    weight_ih_back: Tensor | None = None,
    weight_hh_back: Tensor | None = None,
    bias_back: Tensor | None = None,
    peephole_back: Tensor | None = None,
    direction: str = "forward",
    output_sequence: bool = False,
    recurrent_activation: str = "sigmoid",
    cell_activation: str = "tanh",
    activation: str = "tanh",
    clip: float | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute a long short-term memory with gates in the order i, f, o, z.

    ``clip`` bounds the new cell state, and the peephole of o reads the bounded state.
    """
    acts = tuple(map(_activation, (recurrent_activation, cell_activation, activation)))
    initial_h, initial_c = _first_state(initial_h, x), _first_state(initial_c, x)
    if direction != "bidirectional":
        hidden, h, c = _lstm(
            _in_time(x, direction), initial_h, initial_c, weight_ih, weight_hh, bias, peephole,
            acts, clip,
        )  # fmt: skip
        return _sequence(hidden, output_sequence), h, c
    if weight_ih_back is None or weight_hh_back is None:
        raise ValueError("a bidirectional lstm needs weight_ih_back and weight_hh_back")
    (h_forward, h_back), (c_forward, c_back) = initial_h.chunk(2, -1), initial_c.chunk(2, -1)
    forward, h_forward, c_forward = _lstm(
        _in_time(x, "forward"), h_forward, c_forward, weight_ih, weight_hh, bias, peephole,
        acts, clip,
    )  # fmt: skip
    back, h_back, c_back = _lstm(
        _in_time(x, "reverse"), h_back, c_back, weight_ih_back, weight_hh_back, bias_back,
        peephole_back, acts, clip,
    )  # fmt: skip
    if output_sequence:
        joined = torch.cat((torch.stack(forward), torch.stack(back[::-1])), -1)
    else:
        joined = torch.cat((h_forward, h_back), -1).unsqueeze(0)
    return joined, torch.cat((h_forward, h_back), -1), torch.cat((c_forward, c_back), -1)


def _lstm(
    steps: Steps,
    h: Tensor,
    c: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor | None,
    peephole: Tensor | None,
    acts: tuple[Callable[[Tensor], Tensor], ...],
    clip: float | None,
) -> tuple[list[Tensor], Tensor, Tensor]:
    gate, cell, out = acts
    size = h.shape[-1]
    peepholes = (0.0, 0.0, 0.0) if peephole is None else peephole.split(size)
    peephole_i, peephole_f, peephole_o = peepholes
    hidden = []
    for step in steps:
        i, f, o, z = (F.linear(step, weight_ih, bias) + F.linear(h, weight_hh)).split(size, -1)
        remembered = gate(f + peephole_f * c) * c
        c = remembered + gate(i + peephole_i * c) * cell(z)
        if clip is not None:
            c = torch.clamp(c, -clip, clip)
        h = gate(o + peephole_o * c) * out(c)
        hidden.append(h)
    return hidden, h, c
