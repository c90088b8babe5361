"""Stable Diffusion with an IP-Adapter as an avatar model: parts that a team has, put together.

In comes an `avatar.toml`, which names the parts; out goes a checkpoint whose three networks have
the inputs and outputs of every avatar model. `assembly` makes it; the other files are what it is
made of: the networks, and the schedulers of diffusers as levels of a rectified flow.
"""
