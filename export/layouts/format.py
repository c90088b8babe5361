"""A format in a layout: what it writes is adapted, and what runs it is adapted back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from components import Component, PipelineFacts, Runner
from export.formats import Format, Options, PackedWeights, Place, RuntimeGate, Written
from export.forms.chunks import CHUNK
from export.layouts.layout import Layout, Translation
from quantization import Target


class LaidOut:
    """See `export.formats.Format`. Its runners take and give what the components do."""

    def __init__(self, name: str, format_: Format, layout: Layout) -> None:
        """
        Args:
            name: The layout's name.
            format_: The format whose files it arranges.
            layout: The layout, made for the pipeline that is exported.
        """
        self._name, self._format, self._layout = name, format_, layout
        self.computes_in_fp16 = format_.computes_in_fp16
        self._places: dict[str, Place] = {}
        self._translations: dict[str, Translation] = {}

    def options(self, options: Options) -> dict[str, str]:
        return {**self._format.options(options), "layout": self._name}

    def arranged(self, component: Component) -> Component:
        placed = self._layout.place(component)
        self._places[component.name] = placed.place
        self._translations[component.name] = placed.translation
        return placed.component

    def write(
        self,
        component: Component,
        folder: Path,
        facts: PipelineFacts,
        options: Options,
        quantized: PackedWeights | None,
        place: Place | None = None,
    ) -> Written:
        """Write an arranged component, or a chunk of one."""
        name, _, number = component.name.partition(CHUNK)
        place = self._places[name]
        if number:
            place = replace(place, path=f"{place.path}Chunk{number}")
        return self._format.write(component, folder, facts, options, quantized, place)

    def require(self, component: Component, options: Options) -> None:
        self._format.require(component, options)

    def target(self, options: Options) -> Target:
        return self._format.target(options)

    def finish(self, folder: Path) -> None:
        self._layout.finish(folder)

    def tools(self) -> dict[str, str]:
        return self._format.tools()

    def gates(self, options: Options) -> tuple[RuntimeGate, ...]:
        return self._format.gates(options)

    def runner(self, folder: Path, component: str, gate: RuntimeGate) -> Runner:
        run = self._format.runner(folder, component, gate)
        return self._translations[component].runner(run)
