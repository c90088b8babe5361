"""Compares recurrent layers with torch's, whose gates are in another order."""

import pytest
import torch
from torch import Tensor, nn

TIME, BATCH, WIDTH, HIDDEN = 5, 3, 4, 6


def _inputs(directions: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    x = torch.randn(TIME, BATCH, WIDTH)
    return x, torch.randn(directions, BATCH, HIDDEN), torch.randn(directions, BATCH, HIDDEN)


def _reordered(weight: Tensor, order: tuple[int, ...]) -> Tensor:
    parts = weight.detach().chunk(len(order))
    return torch.cat([parts[index] for index in order])


def _lstm_weights(layer: nn.LSTM, suffix: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return the weights of a layer of torch (gates i, f, z, o) in MIL's order (i, f, o, z)."""
    ih, hh, b_ih, b_hh = (
        getattr(layer, f"{kind}_l0{suffix}")
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    order = (0, 1, 3, 2)
    return _reordered(ih, order), _reordered(hh, order), _reordered(b_ih + b_hh, order)


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("output_sequence", [True, False])
def test_lstm(run_op, direction: str, output_sequence: bool) -> None:
    layer = nn.LSTM(WIDTH, HIDDEN)
    x, h, c = _inputs()
    ih, hh, bias = _lstm_weights(layer, "")
    y, last_h, last_c = run_op(
        "lstm", x=x, initial_h=h[0], initial_c=c[0], weight_ih=ih, weight_hh=hh, bias=bias,
        direction=direction, output_sequence=output_sequence,
    )  # fmt: skip
    want, (want_h, want_c) = layer(x if direction == "forward" else x.flip(0), (h, c))
    assert torch.allclose(y, want if output_sequence else want[-1:], atol=1e-6)
    assert torch.allclose(last_h, want_h[0], atol=1e-6)
    assert torch.allclose(last_c, want_c[0], atol=1e-6)


def test_lstm_both_ways(run_op) -> None:
    layer = nn.LSTM(WIDTH, HIDDEN, bidirectional=True)
    x, h, c = _inputs(2)
    ih, hh, bias = _lstm_weights(layer, "")
    ih_back, hh_back, bias_back = _lstm_weights(layer, "_reverse")
    y, last_h, _ = run_op(
        "lstm", x=x, initial_h=torch.cat(tuple(h), -1), initial_c=torch.cat(tuple(c), -1),
        weight_ih=ih, weight_hh=hh, bias=bias, weight_ih_back=ih_back, weight_hh_back=hh_back,
        bias_back=bias_back, direction="bidirectional", output_sequence=True,
    )  # fmt: skip
    want, (want_h, _) = layer(x, (h, c))
    assert torch.allclose(y, want, atol=1e-6)
    assert torch.allclose(last_h, torch.cat(tuple(want_h), -1), atol=1e-6)


def test_lstm_clips_its_cell_and_peeps(run_op) -> None:
    """One step of one unit is computed by hand: i = σ(1 + 2·0.5), z = tanh(1), c clipped to 0.6."""
    one = torch.ones(1, 1)
    y, _, c = run_op(
        "lstm", x=torch.ones(1, 1, 1), initial_h=torch.zeros(1, 1), initial_c=0.5 * one,
        weight_ih=torch.ones(4, 1), weight_hh=torch.zeros(4, 1),
        peephole=torch.tensor([2.0, 0.0, 3.0]), clip=0.6,
    )  # fmt: skip
    raw = torch.sigmoid(one) * 0.5 + torch.sigmoid(2 * one) * torch.tanh(one)
    assert float(raw) > 0.6 and float(c) == pytest.approx(0.6)
    want = torch.sigmoid(torch.tensor(1 + 3 * 0.6)) * torch.tanh(torch.tensor(0.6))
    assert float(y) == pytest.approx(float(want), abs=1e-6)


def test_gru_with_reset_after_is_torchs(run_op) -> None:
    layer = nn.GRU(WIDTH, HIDDEN)
    x, h, _ = _inputs()
    order = (0, 2, 1)  # torch: r z n; MIL: r o z
    y, last = run_op(
        "gru", x=x, initial_h=h[0], weight_ih=_reordered(layer.weight_ih_l0, order),
        weight_hh=_reordered(layer.weight_hh_l0, order), bias=_reordered(layer.bias_hh_l0, order),
        input_bias=_reordered(layer.bias_ih_l0, order), reset_after=True, output_sequence=True,
    )  # fmt: skip
    want, want_last = layer(x, h)
    assert torch.allclose(y, want, atol=1e-6) and torch.allclose(last, want_last[0], atol=1e-6)


def test_rnn(run_op) -> None:
    layer = nn.RNN(WIDTH, HIDDEN, nonlinearity="relu")
    x, h, _ = _inputs()
    y, last = run_op(
        "rnn", x=x, initial_h=h[0], weight_ih=layer.weight_ih_l0, weight_hh=layer.weight_hh_l0,
        bias=layer.bias_ih_l0 + layer.bias_hh_l0, activation="relu", output_sequence=True,
    )  # fmt: skip
    want, want_last = layer(x, h)
    assert torch.allclose(y, want, atol=1e-6) and torch.allclose(last, want_last[0], atol=1e-6)


def test_a_first_state_of_equal_rows_fits_any_batch(run_op) -> None:
    layer = nn.LSTM(WIDTH, HIDDEN)
    x, h, _ = _inputs()
    ih, hh, bias = _lstm_weights(layer, "")
    zeros = torch.zeros(TIME + 7, HIDDEN)  # as many rows as coremltools gives a packed sequence
    y, last_h, _ = run_op(
        "lstm", x=x, initial_h=zeros, initial_c=zeros, weight_ih=ih, weight_hh=hh, bias=bias,
        output_sequence=True,
    )  # fmt: skip
    want, (want_h, _) = layer(x)
    assert torch.allclose(y, want, atol=1e-6) and torch.allclose(last_h, want_h[0], atol=1e-6)
    for op, weights in (("lstm", {"initial_c": zeros}), ("gru", {}), ("rnn", {})):
        gates = {"lstm": 4, "gru": 3, "rnn": 1}[op]
        shapes = {"weight_ih": (gates * HIDDEN, WIDTH), "weight_hh": (gates * HIDDEN, HIDDEN)}
        made = {name: torch.zeros(shape) for name, shape in shapes.items()}
        assert run_op(op, x=x, initial_h=zeros, **made, **weights)[1].shape == (BATCH, HIDDEN)
        with pytest.raises(ValueError, match=f"{BATCH + 1} rows, expected {BATCH}"):
            run_op(op, x=x, initial_h=torch.cat((h[0], h[0][:1])), **made, **weights)


def test_unknown_activations_and_directions_are_named(run_op) -> None:
    x, h, _ = _inputs()
    weights = {"weight_ih": torch.zeros(HIDDEN, WIDTH), "weight_hh": torch.zeros(HIDDEN, HIDDEN)}
    with pytest.raises(ValueError, match="'swish'"):
        run_op("rnn", x=x, initial_h=h[0], **weights, activation="swish")
    with pytest.raises(ValueError, match="'sideways'"):
        run_op("rnn", x=x, initial_h=h[0], **weights, direction="sideways")
