"""What the export needs of a format: the one place that lists the formats there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from components import Component, PipelineFacts, Runner
from export import gates
from export.errors import ExportError
from quantization import QuantizedPipeline, Target


@dataclass(frozen=True, kw_only=True)
class Options:
    """What an export can be asked for.

    Attributes:
        precision: `fp16` (small) or `fp32` (exact).
        target: Oldest iOS that must run the models; Core ML only.
        ort: What `.ort` files hold beside the `.onnx` files, which are always packed: `dense`
            weights in fp32, `packed` ones, or `none` for no such files; ONNX only.
        int8: Whether layers compute in int8, as a recipe's `activations` say.
    """

    precision: str = "fp16"
    target: str = Target.IOS16
    ort: str = "dense"
    int8: bool = False


@dataclass(frozen=True, kw_only=True)
class Written:
    """A component as it was written: its models by kind (relative paths), and its operations."""

    models: dict[str, str]
    ops: int


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to run a format's models, and how close it must come to the reference.

    Attributes:
        name: As the report shows it.
        kind: The kind of model file.
        floor: PSNR in dB that each component must reach.
        image_floor: PSNR in dB that the final image must reach.
        bytes_only: Whether its images come in steps of 1/255; the reference is rounded likewise.
    """

    name: str
    kind: str
    floor: float
    image_floor: float = gates.IMAGE
    bytes_only: bool = False


class Format(Protocol):
    """A format, implemented by the package `export.NAME`."""

    def options(self, options: Options) -> dict[str, str]:
        """The options that matter to this format, for the manifest."""

    def write(
        self,
        component: Component,
        folder: Path,
        facts: PipelineFacts,
        options: Options,
        quantized: QuantizedPipeline | None,
    ) -> Written:
        """Convert one component into `folder`, packed as in `quantized`, if there is any.

        The component's own weights are the numbers that the packed ones stand for.
        """

    def target(self, options: Options) -> Target:
        """The target that must have the schemes of a recipe."""

    def finish(self, folder: Path) -> None:
        """Write what lies beside the components."""

    def tools(self) -> dict[str, str]:
        """Versions of the libraries that shaped the files."""

    def ways(self, options: Options) -> tuple[Way, ...]:
        """Every way to run the artifact on this machine."""

    def runner(self, folder: Path, component: str, way: Way) -> Runner:
        """Load a component of an artifact."""


FORMATS: Mapping[str, str] = {
    "coreml": "export.coreml.format:CoreMLFormat",
    "onnx": "export.onnx.format:OnnxFormat",
}


def format_named(name: str) -> Format:
    """The format of that name; its libraries are imported now."""
    if name not in FORMATS:
        raise ExportError(f"no format {name!r}; there are {', '.join(FORMATS)}")
    module, _, attribute = FORMATS[name].partition(":")
    made: Format = getattr(import_module(module), attribute)()
    return made
