"""Inputs that the components of every avatar pipeline have, whatever their sizes."""

from __future__ import annotations

from components.component import TensorSpec


def selfie_inputs(places: int, side: int) -> tuple[TensorSpec, TensorSpec]:
    """What an identity encoder takes.

    Args:
        places: Most selfies in a call.
        side: Pixels of a selfie's side.
    """
    return (
        TensorSpec(
            name="selfies",
            shape=(places, 3, side, side),
            range=(0.0, 1.0),
            description="Selfies of one person, sRGB in [0,1]; absent ones zero.",
        ),
        TensorSpec(
            name="selfie_mask",
            shape=(places,),
            range=(0.0, 1.0),
            description="1 where a selfie is present, else 0. All zero gives the unconditioned "
            "tokens.",
        ),
    )


def denoiser_inputs(
    latents: TensorSpec, tokens: TensorSpec, *, largest_timestep: float, styles: int
) -> tuple[TensorSpec, ...]:
    """What a denoiser takes.

    Args:
        latents: The latents.
        tokens: The identity tokens.
        largest_timestep: The largest value in the sampler's tables.
        styles: Number of styles.
    """
    timestep = TensorSpec(
        name="timestep",
        shape=(1,),
        range=(0.0, largest_timestep),
        description="A value from the manifest's sampler table.",
    )
    style = TensorSpec(
        name="style",
        shape=(1,),
        dtype="int32",
        range=(0, styles - 1),
        description="Index into the manifest's styles.",
    )
    return (latents, timestep, tokens, style)
