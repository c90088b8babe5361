"""What an artifact must be for the libraries to draw with it: an avatar model's three components.

The libraries know names and inputs, and read every shape from the manifest. So it does not matter
which pipeline class the components come from.
"""

from __future__ import annotations

from pathlib import Path

from export import ComponentEntry
from export.manifest import Manifest
from sdk_bindings.errors import UnsuitableArtifactError

COMPONENTS = {
    "identity_encoder": (("selfies", "selfie_mask"), "identity_tokens"),
    "denoiser": (("latents", "timestep", "identity_tokens", "style"), "prediction"),
    "decoder": (("latents",), "avatar"),
}
"""For each component its inputs and its one output."""


def require_avatar_model(folder: Path, manifest: Manifest) -> None:
    """Check that components, inputs, outputs and shapes are those of an avatar model.

    Raises:
        UnsuitableArtifactError: They are not, or the manifest names no style.
    """
    known = {component.name: component for component in manifest.components}
    if set(known) != set(COMPONENTS):
        has, expected = ", ".join(known), ", ".join(COMPONENTS)
        raise UnsuitableArtifactError(
            f"{folder} is of {manifest.pipeline} and has {has}, expected an avatar model with "
            f"{expected}"
        )
    for name, (inputs, output) in COMPONENTS.items():
        _require_tensors(folder, known[name], inputs, output)
    _require_shapes(folder, known)
    if not manifest.styles:
        raise UnsuitableArtifactError(f"{folder} names no style, expected at least one")


def _require_tensors(
    folder: Path, component: ComponentEntry, inputs: tuple[str, ...], output: str
) -> None:
    sides = ((component.inputs, inputs), (component.outputs, (output,)))
    for side, (specs, expected) in zip(("takes", "returns"), sides, strict=True):
        found = [spec.name for spec in specs]
        if sorted(found) != sorted(expected):
            raise UnsuitableArtifactError(
                f"{folder}: {component.name} {side} {', '.join(found)}, expected "
                f"{', '.join(expected)}"
            )


def _require_shapes(folder: Path, known: dict[str, ComponentEntry]) -> None:
    shapes = {
        (name, spec.name): spec.shape
        for name, component in known.items()
        for spec in (*component.inputs, *component.outputs)
    }
    places, *_, side = shapes["identity_encoder", "selfies"]
    expected = {
        ("identity_encoder", "selfies"): (places, 3, side, side),
        ("identity_encoder", "selfie_mask"): (places,),
        ("denoiser", "identity_tokens"): shapes["identity_encoder", "identity_tokens"],
        ("denoiser", "prediction"): shapes["denoiser", "latents"],
        ("denoiser", "timestep"): (1,),
        ("denoiser", "style"): (1,),
        ("decoder", "latents"): shapes["denoiser", "latents"],
        ("decoder", "avatar"): (1, 3, *shapes["decoder", "avatar"][2:]),
    }
    for (name, tensor), shape in expected.items():
        found = shapes[name, tensor]
        if found != shape:
            raise UnsuitableArtifactError(
                f"{folder}: {tensor} of {name} is {list(found)}, expected {list(shape)}"
            )
