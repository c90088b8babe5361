"""The command-line options that change a checkpoint, for every command that takes one.

`takes_changes` adds them to a command, and gives it the checkpoint in which they are made.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from components.overlay.assembly import overlaid
from components.overlay.changes import (
    MOST_PICTURES,
    PREDICTIONS,
    Changes,
    parse_loras,
    parse_size,
    parse_steps,
)
from support.progress import printed

_OPTIONS: dict[str, Any] = {
    "lora": Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE[:STRENGTH]",
            help="LoRA to fuse into the checkpoint, from kohya's scripts, diffusers or peft, and "
            "what to multiply it by, 1 if nothing is said. May be given several times; they are "
            "fused in order.",
            show_default=False,
        ),
    ],
    "unet": Annotated[
        Path | None,
        typer.Option(
            help="UNet to use instead of the checkpoint's: folder of one model, or .safetensors.",
            show_default=False,
        ),
    ],
    "vae": Annotated[
        Path | None,
        typer.Option(
            help="VAE to use instead of the checkpoint's: folder of one model, AutoencoderTiny "
            "too, or .safetensors.",
            show_default=False,
        ),
    ],
    "text_encoder": Annotated[
        Path | None,
        typer.Option(
            help="Text encoder to use instead of the checkpoint's: folder of one model.",
            show_default=False,
        ),
    ],
    "controlnet": Annotated[
        Path | None,
        typer.Option(
            help="ControlNet to add to the checkpoint: folder of one model.",
            show_default=False,
        ),
    ],
    "pipeline": Annotated[
        str | None,
        typer.Option(
            metavar="CLASS",
            help="Class of the pipeline, such as StableDiffusionImg2ImgPipeline, instead of the "
            "one that model_index.json names.",
            show_default=False,
        ),
    ],
    "prediction": Annotated[
        str | None,
        typer.Option(
            metavar=f"<{'|'.join(PREDICTIONS)}>",
            help="What the UNet predicts, where the checkpoint says it wrongly or, as a single "
            "file of Stable Diffusion 2, not at all.",
            show_default=False,
        ),
    ],
    "size": Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHxHEIGHT",
            help="Size of pictures in pixels, such as 512x768. Default: the checkpoint's, which it "
            "draws best.",
            show_default=False,
        ),
    ],
    "batch": Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=f"Number of pictures that one run draws, 1 to {MOST_PICTURES}. Default: 1, which "
            "needs the least memory.",
            show_default=False,
        ),
    ],
    "guidance": Annotated[
        float | None,
        typer.Option(
            help="Scale of classifier-free guidance; 0 for none, as Turbo and Lightning models "
            "want it. Default: that of the kind of pipeline, 7.5 or 5.",
            show_default=False,
        ),
    ],
    "steps": Annotated[
        str | None,
        typer.Option(
            metavar="N[,N...]",
            help="Steps of the sampler that the manifest has tables of, the default first, such as "
            "4,1 for a Turbo model. Default: 20,4,50, and 4,1,2,8 with an LCM or TCD scheduler.",
            show_default=False,
        ),
    ],
    "strength": Annotated[
        float | None,
        typer.Option(
            help="How far a run that begins with a picture goes back to noise, up to 1. "
            "Default: 0.5.",
            show_default=False,
        ),
    ],
}
"""Each option by the name of its parameter; none of them has a default."""


def takes_changes(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command that has a `checkpoint` so that it takes changes of it.

    The command is called with the folder in which they are made, which is gone when it returns.
    """
    hints = get_type_hints(command, include_extras=True)
    result = hints.pop("return", None)
    own = inspect.signature(command).parameters.values()
    parameters = [parameter.replace(annotation=hints[parameter.name]) for parameter in own]
    place = next(i for i, parameter in enumerate(parameters) if parameter.name == "checkpoint") + 1
    added = [
        inspect.Parameter(
            name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=annotation
        )
        for name, annotation in _OPTIONS.items()
    ]
    parameters[place:place] = added

    @wraps(command)
    def changed(**values: Any) -> Any:
        changes = _changes({name: values.pop(name, None) for name in _OPTIONS})
        with overlaid(values["checkpoint"], changes, printed) as folder:
            return command(**{**values, "checkpoint": folder})

    wrapper: Any = changed
    wrapper.__signature__ = inspect.Signature(parameters)
    wrapper.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": result}
    return changed


def _changes(given: dict[str, Any]) -> Changes:
    return Changes(
        loras=parse_loras(given.pop("lora") or ()),
        size=parse_size(given.pop("size")),
        steps=parse_steps(given.pop("steps")),
        **given,
    )
