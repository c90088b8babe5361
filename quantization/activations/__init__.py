"""Layers that compute in int8 (W8A8): scales of their inputs and outputs, and what int8 does.

In come components and a recipe that names layers; out come scales calibrated on whole runs, which
the ONNX exporter writes, and PyTorch layers that round as the exported ones do.
"""

from __future__ import annotations

from quantization.activations.calibration import Int8Layers, LayerScales, calibrate
from quantization.activations.emulation import CONVOLUTIONS, computing_in_int8, rounded
from quantization.activations.histogram import MagnitudeHistogram

__all__ = [
    "CONVOLUTIONS",
    "Int8Layers",
    "LayerScales",
    "MagnitudeHistogram",
    "calibrate",
    "computing_in_int8",
    "rounded",
]
