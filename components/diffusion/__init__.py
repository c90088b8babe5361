"""What pipelines of latent diffusion (arXiv 2112.10752) share: each part of them in a file.

In comes a checkpoint in diffusers' layout; out come its text encoders, UNet, ControlNet and VAE as
components, its sampler as a table, its tokenizers, and how a run joins them. `pipelines/` says
which of them a kind of pipeline has.
"""
