"""A format in a layout: what it writes is adapted, and what runs it is adapted back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from components import Component, PipelineFacts, Runner
from export.formats import Format, Options, Place, RuntimeGate, Written
from export.layouts.layout import Layout, Translation
from quantization import QuantizedPipeline, Target


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
        self._translations: dict[str, Translation] = {}

    def options(self, options: Options) -> dict[str, str]:
        return {**self._format.options(options), "layout": self._name}

    def write(
        self,
        component: Component,
        folder: Path,
        facts: PipelineFacts,
        options: Options,
        quantized: QuantizedPipeline | None,
        place: Place | None = None,
    ) -> Written:
        placed = self._layout.place(component)
        self._translations[component.name] = placed.translation
        theirs = placed.component
        written = self._format.write(theirs, folder, facts, options, quantized, placed.place)
        return replace(written, inputs=theirs.inputs, outputs=theirs.outputs)

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
