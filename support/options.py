"""Command-line options that several rooms share: one name, one meaning, one text.

An option's default stands in the signature of the command, because defaults belong to rooms.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from support.hub_cache import snapshot

Checkpoint = Annotated[
    Path,
    typer.Option(
        help="Folder of a checkpoint in diffusers' layout, with safetensors; its model_index.json "
        "says which pipeline it is. A download in Hugging Face's cache may be named by its folder, "
        "models--OWNER--NAME, and a whole Stable Diffusion in one .safetensors file by the file. "
        "Default: the trained checkpoint that ships with this software, "
        "because every command works as it stands.",
        show_default=False,
        callback=snapshot,
    ),
]
"""`--checkpoint`: what a command works on; its default is `avatar.shipped.CHECKPOINT`."""

RecipeOption = Annotated[
    Path | None,
    typer.Option(
        "--recipe",
        help="File that says which weight gets which bits, as `python -m quantization plan` writes "
        "it. Default: none, which leaves 16-bit weights, or what a quantized checkpoint brings "
        "along.",
        show_default=False,
        dir_okay=False,
    ),
]
"""`--recipe`: a recipe that a command can do without; its default is None."""

RecipeArgument = Annotated[
    Path,
    typer.Argument(
        help="File that says which weight gets which bits, as `python -m quantization plan` writes "
        "it.",
        dir_okay=False,
    ),
]
"""`RECIPE`: a recipe that a command cannot do without."""

ArtifactArgument = Annotated[Path, typer.Argument(help="Folder that `python -m export` published.")]
"""`ARTIFACT`: an artifact that a command cannot do without."""
