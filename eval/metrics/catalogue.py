"""Every metric there is.

A metric that is added here, with a function in `eval.metrics.tensors` where it is computed from
arrays, is measured, reported, drawn, compared with baselines, and can be gated.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from eval.metrics import tensors
from eval.metrics.record import Metric, Noise
from eval.schema import Level

DECIBELS = Noise(fine=120.0, coarse=65.0)
"""Measured: 135 and 71 dB."""

TWO_PICTURES = Noise(pictures=2)
"""Noise may push two pictures of a set over a threshold of the judge."""

RUNNING: tuple[Level, ...] = ("components", "trajectory", "image")
COMPARED: tuple[Level, ...] = ("components", "image")

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(name="wrong", label="wrong", better="lower", levels=("manifest", "weights")),
        Metric(name="missing", label="missing", better="lower", levels=("weights",)),
        Metric(
            name="psnr",
            label="PSNR",
            unit="dB",
            levels=RUNNING,
            noise=DECIBELS,
            compute=tensors.psnr,
            along_timesteps=True,
        ),
        # A metric `median_NAME` is the median of the cases, which can be gated by itself: it drops
        # where many cases are a little wrong.
        Metric(name="median_psnr", label="median PSNR", unit="dB", levels=RUNNING, noise=DECIBELS),
        Metric(
            name="snr",
            label="SNR",
            unit="dB",
            levels=RUNNING,
            noise=DECIBELS,
            compute=tensors.snr,
            along_timesteps=True,
        ),
        Metric(
            name="cosine",
            label="cosine",
            levels=COMPARED,
            noise=Noise(fine=1e-6, coarse=1e-5),
            compute=tensors.cosine,
        ),
        # Noise measured: 2.5e-6 and 2.7e-3 of the peak.
        Metric(
            name="max_error",
            label="max error",
            better="lower",
            levels=COMPARED,
            noise=Noise(fine=1e-5, coarse=5e-3),
            compute=tensors.max_error,
        ),
        # Noise measured: 7e-12 and 1.2e-4.
        Metric(
            name="ssim",
            label="SSIM",
            levels=COMPARED,
            noise=Noise(fine=1e-6, coarse=5e-4),
            compute=tensors.ssim,
            pictures_only=True,
        ),
        # Noise measured: 3.2e-5 and 1.4e-4; FLIP is steep near 0, where noise of 70 dB alone
        # scores 2.8e-3.
        Metric(
            name="flip",
            label="FLIP",
            better="lower",
            levels=("image",),
            noise=Noise(fine=1e-4, coarse=5e-3),
            compute=tensors.flip,
            pictures_only=True,
            slow=True,
        ),
        Metric(
            name="worst_layer_snr",
            label="worst layer SNR",
            unit="dB",
            levels=("components",),
            noise=DECIBELS,
        ),
        # A limit without a row: the floor of every layer when the first wrong one is searched.
        Metric(
            name="layer_snr", label="layer SNR", unit="dB", levels=("components",), noise=DECIBELS
        ),
        Metric(name="layer_gain", label="layer gain", better="lower", levels=("components",)),
        # Against the picture of the library's own pipeline.
        Metric(
            name="anchor_psnr", label="anchor PSNR", unit="dB", levels=("image",), noise=DECIBELS
        ),
        Metric(name="order_psnr", label="order PSNR", unit="dB", levels=("image",), noise=DECIBELS),
        Metric(name="mask_psnr", label="mask PSNR", unit="dB", levels=("image",), noise=DECIBELS),
        Metric(name="seed_effect", label="seed effect", levels=("image",)),
        Metric(name="style_effect", label="style effect", levels=("image",)),
        Metric(
            name="accuracy_drop",
            label="accuracy drop",
            better="lower",
            levels=("set",),
            noise=TWO_PICTURES,
        ),
        Metric(
            name="kind_drop", label="kind drop", better="lower", levels=("set",), noise=TWO_PICTURES
        ),
        Metric(
            name="tone_accuracy_drop",
            label="tone accuracy drop",
            better="lower",
            levels=("set",),
            noise=TWO_PICTURES,
        ),
        Metric(name="retrieval", label="retrieval", levels=("set",), noise=TWO_PICTURES),
        Metric(
            name="retrieval_drop",
            label="retrieval drop",
            better="lower",
            levels=("set",),
            noise=TWO_PICTURES,
        ),
        Metric(
            name="frechet", label="frechet", better="lower", levels=("set",), noise=TWO_PICTURES
        ),
        Metric(
            name="frechet_rise",
            label="frechet rise",
            better="lower",
            levels=("set",),
            noise=TWO_PICTURES,
        ),
        Metric(name="diversity", label="diversity", levels=("set",), noise=TWO_PICTURES),
        Metric(
            name="diversity_drop",
            label="diversity drop",
            better="lower",
            levels=("set",),
            noise=TWO_PICTURES,
        ),
        # Cosines of identity tokens. Noise measured: 6e-6 and 3e-4; pixels of 8 bits change sides.
        Metric(
            name="identity",
            label="identity",
            levels=("set",),
            noise=Noise(fine=5e-5, coarse=1e-3),
        ),
        Metric(
            name="identity_drop",
            label="identity drop",
            better="lower",
            levels=("set",),
            noise=Noise(fine=1e-5, coarse=1e-3),
        ),
        # Names and versions inside files may grow by some bytes.
        Metric(
            name="bytes",
            label="bytes",
            unit="bytes",
            better="lower",
            levels=("size",),
            noise=Noise(share=0.001),
        ),
        Metric(
            name="bytes_per_weight",
            label="bytes per weight",
            better="lower",
            levels=("size",),
            noise=Noise(share=0.001),
        ),
        Metric(name="ratio", label="ratio", better="lower", levels=("speed",)),
        Metric(name="seconds", label="seconds", unit="s", better="lower", levels=("speed",)),
    )
}
"""Every metric by its name, in the order in which tables show them."""


def metric(name: str) -> Metric:
    """The metric of a name; of a name that is not in the catalogue, one that only has a label.

    Rows about what was not measured, and reports of other versions, have such names.
    """
    return METRICS.get(name) or Metric(name=name, label=name.replace("_", " "))


def names_at(level: Level) -> tuple[str, ...]:
    """The names of all metrics at a level."""
    return tuple(entry.name for entry in METRICS.values() if level in entry.levels)


def measure(
    reference: np.ndarray, test: np.ndarray, *, peak: float, picture: bool, slow: bool = False
) -> dict[str, float]:
    """Compute every metric that applies to two arrays.

    Args:
        reference: The expected values; all finite.
        test: The values to judge. Of another shape, or not finite, they score the worst everywhere.
        peak: The reference's largest magnitude; 1 for pictures.
        picture: Whether the arrays are pictures (n,3,H,W) in [0,1].
        slow: Whether to compute the slow metrics too.

    Returns:
        The values by the metrics' names.
    """
    comparable = reference.shape == test.shape and bool(np.all(np.isfinite(test)))
    return {
        entry.name: entry.compute(reference, test, peak) if comparable else entry.worst
        for entry in METRICS.values()
        if entry.compute is not None
        and (picture or not entry.pictures_only)
        and (slow or not entry.slow)
    }
