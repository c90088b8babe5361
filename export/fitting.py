"""Which precision a component needs: fp32 where numbers occur in it that fp16 cannot hold."""

from __future__ import annotations

from dataclasses import replace

from components.recording import Peak
from export.formats import Format, Options
from support.progress import Progress

LARGEST = 65504.0
"""The largest number of fp16 (IEEE 754, binary16)."""
MARGIN = 2.0
"""Other runs may have numbers that are so much larger than those of the recorded one."""


def fitting(
    options: Options, format_: Format, component: str, peak: Peak, progress: Progress
) -> Options:
    """The options that a component is exported with.

    The VAE of Stable Diffusion XL is the known case: its pictures come out black in fp16.

    Args:
        options: The options of the export.
        format_: The format.
        component: The component's name.
        peak: The largest number in the recorded run.
        progress: Hears of it where the precision is another one.
    """
    if (
        options.precision != "fp16"
        or not format_.computes_in_fp16
        or peak.value * MARGIN <= LARGEST
    ):
        return options
    progress(
        f"{component} is exported in fp32: numbers up to {peak.value:.3g} occur in it "
        f"({peak.operation}), fp16 holds at most 65504"
    )
    return replace(options, precision="fp32")
