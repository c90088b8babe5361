"""Which figures there are at each level: rows are made of these only, gates can name these only.

A metric that is added to `eval.metrics` gets its name here too. Names alone, so that gates can be
read without the libraries that measure.
"""

from __future__ import annotations

from collections.abc import Mapping

from eval.results import Level

_TENSORS = ("psnr", "median_psnr", "snr", "cosine", "max_error")

FIGURES: Mapping[Level, tuple[str, ...]] = {
    "manifest": ("wrong",),
    "weights": ("wrong", "missing"),
    # `layer_snr` is a limit without a row: what the search for a layer asks of each.
    "components": (*_TENSORS, "ssim", "worst_layer_snr", "layer_snr", "layer_gain"),
    "trajectory": ("psnr", "median_psnr", "snr"),
    "image": (*_TENSORS, "ssim", "flip", "order_psnr", "mask_psnr", "seed_effect"),
    "set": (
        *("accuracy_drop", "kind_drop", "tone_accuracy_drop"),
        *("retrieval", "retrieval_drop", "frechet", "frechet_rise"),
        *("diversity", "diversity_drop"),
    ),
    "size": ("bytes", "bytes_per_weight"),
    "speed": ("ratio", "seconds"),
}
