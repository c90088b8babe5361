"""How close an exported artifact must come to the PyTorch reference, as PSNR in dB.

This is the only home of these floors: the export's own check uses them, and the evaluation's gates
read them where they ask for the same.
"""

FP32 = 80.0
"""A component whose weights and arithmetic are fp32."""

FP16 = 50.0
"""A component with fp16 weights or arithmetic."""

INT8 = 15.0
"""A component whose activations are int8. That is the recipe's cost; the export adds none."""

INT8_IMAGE = 26.0
"""The final image of a run with int8 activations: what a plan for them promises by default."""

IMAGE = 40.0
"""The final image of any other run, whose steps add up the components' errors."""

ANCHOR = 80.0
"""The reference's final image against the library's own pipeline: both compute in fp32."""
