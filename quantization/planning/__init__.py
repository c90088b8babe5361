"""Choosing bits: what quantized weights and int8 layers do to final images, and the best choice.

In come a checkpoint and a budget of bytes or decibels; out comes a plan, which holds a recipe and
what whole runs with it measured. `Planner` chooses bits for weights, `ActivationPlanner` the layers
that compute in int8.
"""

from __future__ import annotations

from quantization.planning.activation_planner import (
    LEAST_PSNR,
    LEAST_SSIM,
    ActivationPlan,
    ActivationPlanner,
)
from quantization.planning.planner import Plan, Planner
from quantization.planning.quality import Quality, QualityMeter
from quantization.planning.runs import PipelineRuns
from quantization.planning.settings import PlanSettings

__all__ = [
    "LEAST_PSNR",
    "LEAST_SSIM",
    "ActivationPlan",
    "ActivationPlanner",
    "PipelineRuns",
    "Plan",
    "PlanSettings",
    "Planner",
    "Quality",
    "QualityMeter",
]
