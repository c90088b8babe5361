"""Layouts: a format's files as other software wants them, in the place of this project's own.

A format and a pipeline come in; out comes the same format, whose files have the other software's
names, inputs and outputs. A layout is one file here and one entry in `LAYOUTS`. Its libraries are
imported when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING

from export.errors import ExportError

if TYPE_CHECKING:
    from components import PipelineComponents
    from export.formats import Format, Options

OWN = "own"
"""The layout that this project's runtimes, evaluation and libraries read."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What is known of a layout without its libraries.

    Attributes:
        format: The format whose files it arranges.
        opened_by: The software that opens it.
        use: How, in a sentence for the model card.
        language: The language of `code`.
        code: The same as code.
        place: Module and class.
    """

    format: str
    opened_by: str
    use: str
    language: str
    code: str
    place: str


LAYOUTS: Mapping[str, About] = {
    "apple": About(
        format="coreml",
        opened_by="Apple's ml-stable-diffusion",
        use="Compile the packages on a Mac, and give the folder to Apple's Swift package:",
        language="sh",
        code="sh compile.sh\n"
        'swift run StableDiffusionSample "a lighthouse" --resource-path Resources',
        place="export.layouts.apple:AppleLayout",
    ),
    "optimum": About(
        format="onnx",
        opened_by="optimum's ORTDiffusionPipeline",
        use="Open the folder with optimum:",
        language="python",
        code="from optimum.onnxruntime import ORTDiffusionPipeline\n\n"
        'picture = ORTDiffusionPipeline.from_pretrained(".")("a lighthouse").images[0]',
        place="export.layouts.optimum:OptimumLayout",
    ),
}
"""The layouts by name, beside `OWN`."""


def about(options: Mapping[str, str]) -> tuple[str, About] | None:
    """Name and description of the layout that a manifest's options name; None for our own.

    Raises:
        ExportError: Another version of this software made it, in a layout that is unknown here.
    """
    name = options.get("layout", OWN)
    if name == OWN:
        return None
    if name not in LAYOUTS:
        raise ExportError(f"no layout {name!r}; there are {', '.join((OWN, *LAYOUTS))}")
    return name, LAYOUTS[name]


def laid_out(
    format_name: str, format_: Format, options: Options, pipeline: PipelineComponents
) -> tuple[Format, Options]:
    """A format in the layout that the options name, and the options that it then takes.

    Raises:
        ExportError: The layout is unknown, is of another format, or has no place for the pipeline.
    """
    found = about({"layout": options.layout})
    if found is None:
        return format_, options
    name, layout = found
    if layout.format != format_name:
        raise ExportError(
            f"the layout {name} is of {layout.format} files: "
            f"python -m export {layout.format} --layout {name}"
        )
    from export.layouts.format import LaidOut

    module, _, attribute = layout.place.partition(":")
    made = getattr(import_module(module), attribute)(pipeline)
    if options.chunks > made.most_chunks:
        most = "whole" if made.most_chunks == 1 else f"in at most {made.most_chunks} chunks"
        raise ExportError(
            f"{layout.opened_by} reads networks {most}, expected no --chunks {options.chunks}"
        )
    return LaidOut(name, format_, made), replace(options, **made.options)
