"""Everything that an evaluation knows of assembled avatar models and of no other avatars.

Stable Diffusion with an IP-Adapter draws them, so that diffusers' own pipeline does the example run
too; its identity tokens end with one that says whether there is somebody.
"""
