"""Metrics: what they are called, which values are better, and how they are computed.

Two arrays come in, the reference's and the artifact's; out come values by metric. Gates, tables,
plots and baselines ask the same records. `memory` measures the memory of this process.
"""

from __future__ import annotations

from eval.metrics import memory
from eval.metrics.catalogue import METRICS, measure, metric, names_at
from eval.metrics.record import Metric, Noise

__all__ = ["METRICS", "Metric", "Noise", "measure", "memory", "metric", "names_at"]
