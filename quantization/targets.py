"""What can run an artifact: the one list of targets, which exporters, plans and commands share."""

from __future__ import annotations

from enum import StrEnum


class Target(StrEnum):
    """What runs the components of an artifact: the oldest iOS that Core ML must support, or ONNX.

    An artifact for one iOS also runs on every later one.
    """

    IOS16 = "ios16"
    IOS17 = "ios17"
    IOS18 = "ios18"
    ONNX = "onnx"

    @property
    def computes_in_int8(self) -> bool:
        """Whether layers can compute in int8 (W8A8) instead of only storing their weights so."""
        return self is Target.ONNX


COREML_TARGETS = (Target.IOS16, Target.IOS17, Target.IOS18)
"""The targets of the Core ML exporter, oldest first."""

BEFORE_IOS18 = (Target.IOS16, Target.IOS17)
"""The targets whose Core ML compresses a weight as a whole or by output channel only
(`constexpr_lut_to_dense`, `constexpr_affine_dequantize`). From iOS 18 on tables and scales may
stand for blocks of a weight (coremltools, `iOS18/compression.py`)."""
