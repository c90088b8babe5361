"""How close an exported artifact must come to the PyTorch reference, as PSNR in dB."""

FP32 = 80.0
"""A component whose weights and arithmetic are fp32."""

FP16 = 50.0
"""A component with fp16 weights or arithmetic."""

INT8 = 15.0
"""A component whose activations are int8: they are the cost, the export adds nothing to it."""

INT8_IMAGE = 26.0
"""The final image then."""

IMAGE = 40.0
"""The final image of a whole run, whose steps add up the components' errors."""
