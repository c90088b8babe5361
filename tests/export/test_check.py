from __future__ import annotations

import math

import numpy as np
import pytest

from components import Case, TensorSpec
from export import gates
from export.check import _compare
from export.errors import GateError
from export.formats import RuntimeGate
from export.report import Row
from quantization.planning import LEAST_PSNR

IMAGE = TensorSpec(name="image", shape=(1, 3, 2, 2), image=True)
TOKENS = TensorSpec(name="tokens", shape=(4,))


def case(**outputs: np.ndarray) -> Case:
    return Case(inputs={}, outputs=outputs)


def test_the_worst_case_and_output_counts() -> None:
    gate = RuntimeGate(runtime="x", kind="x", floor=50)
    image, tokens = np.full((1, 3, 2, 2), 0.5), np.array([1.0, -4.0, 2.0, 0.0])
    good = case(image=image, tokens=tokens)
    pairs = [
        (good, case(image=image + 0.001, tokens=tokens)),  # 60 dB
        (good, case(image=image, tokens=tokens + 0.04)),  # peak 4, error 0.04: 40 dB
        (good, good),
    ]
    worst_psnr, worst_snr = _compare((IMAGE, TOKENS), pairs, gate)
    assert worst_psnr == pytest.approx(40.0)
    # 0.5 against 0.001 is 54 dB; tokens' power 21/4 against 0.0016 is 35.2 dB
    assert worst_snr == pytest.approx(10 * math.log10(5.25 / 0.0016))


def test_a_runtime_with_byte_images_is_compared_in_bytes() -> None:
    bytes_ = RuntimeGate(runtime="apple", kind="mlpackage", floor=50, byte_images=True)
    exact = case(image=np.full((1, 3, 2, 2), 0.3333))
    rounded = case(image=np.full((1, 3, 2, 2), 85 / 255))
    assert _compare((IMAGE,), [(exact, rounded)], bytes_)[0] > 200
    plain = RuntimeGate(runtime="coreml_runtime", kind="mlpackage", floor=50)
    assert _compare((IMAGE,), [(exact, rounded)], plain)[0] < 100


def row(name: str, psnr: float, floor: float) -> Row:
    return Row(name=name, runtime="onnx", psnr=psnr, snr=psnr, floor=floor)


def test_a_row_passes_at_its_floor_and_not_below_or_beside_numbers() -> None:
    assert row("a", 50.0, 50.0).passed and row("a", math.inf, 50.0).passed
    assert not row("a", 49.9, 50.0).passed
    assert not row("a", math.nan, 50.0).passed and not row("a", -math.inf, 50.0).passed


def test_the_error_names_what_falls_furthest_short() -> None:
    rows = (row("encoder", 49.0, 50.0), row("denoiser", 45.0, 80.0), row("image", 44.0, 40.0))
    error = GateError(rows)
    assert "denoiser run by onnx has 45.0 dB PSNR, 80 dB are needed" in str(error)
    assert error.rows == rows


def test_the_image_of_int8_must_be_what_a_plan_promises() -> None:
    assert gates.INT8_IMAGE == LEAST_PSNR
