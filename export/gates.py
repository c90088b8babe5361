"""How close an exported artifact must come to the PyTorch reference, as PSNR in dB."""

FP32 = 80.0
"""A component whose weights and arithmetic are fp32."""

FP16 = 50.0
"""A component with fp16 weights or arithmetic."""

IMAGE = 40.0
"""The final image of a whole run, whose steps add up the components' errors."""
