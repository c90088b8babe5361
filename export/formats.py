"""What an export format must be able to do, and the list of the formats there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from components import Component, PipelineFacts, Runner
from export import gates
from export.errors import ExportError
from quantization import Int8Layers, PackedState, Target


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of an export.

    Attributes:
        precision: `fp16` (small) or `fp32` (exact).
        target: Oldest iOS that must run the models; Core ML only.
        ort: What `.ort` files hold beside the `.onnx` files, which are always packed: `dense`
            weights in fp32, `packed` ones, or `none` for no such files. `auto` is `dense` for the
            components that are small enough; ONNX only.
        int8: Whether layers compute in int8, as a recipe's `activations` say.
        attention: The form of attention, one of `export.forms.attention.FORMS`.
        chunks: How many chunks the largest component is cut into.
        components: Names of the only components to export; empty for all.
        layout: Whose names the files have: `own`, or one of `export.layouts.LAYOUTS`.
        external_from: Bytes of stored weights from which on they lie beside an `.onnx` file; None
            for what is right for phones. ONNX only.
        ort_from: Bytes of weights from which on there can be no `.ort` file; None for what is true
            of the format. ONNX only.
    """

    precision: str = "fp16"
    target: str = Target.IOS16
    ort: str = "auto"
    int8: bool = False
    attention: str = "original"
    chunks: int = 1
    components: tuple[str, ...] = ()
    layout: str = "own"
    external_from: int | None = None
    ort_from: int | None = None

    def forms(self) -> dict[str, str]:
        """For the manifest, how components are expressed where it is not the usual way."""
        chosen = {
            "attention": self.attention if self.attention != "original" else "",
            "chunks": str(self.chunks) if self.chunks > 1 else "",
            "components": ",".join(self.components),
        }
        return {name: value for name, value in chosen.items() if value}


class PackedWeights(Protocol):
    """The packed weights of what is exported."""

    def packed(self, name: str) -> PackedState:
        """The packed tensors of a component, by parameter."""

    def int8_layers(self, name: str) -> Int8Layers:
        """The layers of a component that compute in int8."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """A component as a format wrote it.

    Attributes:
        models: For each kind of model file its path, relative to the artifact.
        ops: Operations in the first of them.
        notes: What is not as one might expect, a line each.
    """

    models: dict[str, str]
    ops: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the files of a component lie, where its name alone does not say it.

    Attributes:
        path: Path relative to the artifact, without the file's ending.
        any_batch: Whether the first axis of all inputs and outputs that have axes may have any
            length, as far as the format can say so.
    """

    path: str
    any_batch: bool = False

    @classmethod
    def of(cls, component: Component) -> Place:
        """The place of a component in our own layout."""
        return cls(path=component.name)


@dataclass(frozen=True, kw_only=True)
class RuntimeGate:
    """How close a new artifact must come to the reference in one runtime.

    Attributes:
        runtime: The runtime's name, as the report shows it.
        kind: The kind of model file that it executes.
        floor: PSNR in dB that each component must reach.
        image_floor: PSNR in dB that the final image must reach.
        byte_images: Whether its images come in steps of 1/255; then the reference's are rounded
            in the same way before the comparison.
    """

    runtime: str
    kind: str
    floor: float
    image_floor: float = gates.IMAGE
    byte_images: bool = False


class Format(Protocol):
    """A format, implemented by the package `export.NAME`.

    Attributes:
        computes_in_fp16: Whether fp16 is also what it computes in, and not only what it stores.
    """

    computes_in_fp16: bool

    def options(self, options: Options) -> dict[str, str]:
        """The options that matter to this format, for the manifest."""

    def arranged(self, component: Component) -> Component:
        """The component with the inputs and outputs that the format's files have."""

    def write(
        self,
        component: Component,
        folder: Path,
        facts: PipelineFacts,
        options: Options,
        quantized: PackedWeights | None,
        place: Place | None = None,
    ) -> Written:
        """Convert one component, which is used up, and write its model files into `folder`.

        Args:
            component: The network. With `quantized` its weights are already the numbers that the
                packed weights stand for. Afterwards its module may have none.
            folder: The artifact's staged folder.
            facts: What the model files say about the pipeline.
            options: The options of the export.
            quantized: The packed weights to store; None stores the component's own.
            place: Where the files lie; None for files with the component's name.
        """

    def require(self, component: Component, options: Options) -> None:
        """Raise `ConversionError` where a component cannot be written with these options.

        It is called for every component before anything is computed.
        """

    def target(self, options: Options) -> Target:
        """The target that must have the schemes of a recipe."""

    def finish(self, folder: Path) -> None:
        """Write the files that lie beside the components' models."""

    def tools(self) -> dict[str, str]:
        """Versions of the libraries that shaped the files."""

    def gates(self, options: Options) -> tuple[RuntimeGate, ...]:
        """The runtimes of this machine that an artifact must pass, each with its floors."""

    def runner(self, folder: Path, component: str, gate: RuntimeGate) -> Runner:
        """Load a component of an artifact into the gate's runtime."""


FORMATS: Mapping[str, str] = {
    "coreml": "export.coreml.format:CoreMLFormat",
    "onnx": "export.onnx.format:OnnxFormat",
}


def format_named(name: str) -> Format:
    """The format called `name`; its libraries are imported now.

    Raises:
        ExportError: There is no such format.
    """
    if name not in FORMATS:
        raise ExportError(f"no format {name!r}; there are {', '.join(FORMATS)}")
    module, _, attribute = FORMATS[name].partition(":")
    made: Format = getattr(import_module(module), attribute)()
    return made
