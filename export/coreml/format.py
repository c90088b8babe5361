"""Core ML as a format: three ML Programs and what runs them."""

from __future__ import annotations

from pathlib import Path

from components import Component, PipelineFacts, Runner
from export import gates, runtimes
from export.coreml import compress, convert, package
from export.formats import Options, Way, Written
from quantization import QuantizedPipeline
from support.version import version


class CoreMLFormat:
    """See `export.formats.Format`."""

    def options(self, options: Options) -> dict[str, str]:
        return {"precision": options.precision, "target": options.target}

    def write(
        self,
        component: Component,
        folder: Path,
        facts: PipelineFacts,
        options: Options,
        quantized: QuantizedPipeline | None,
    ) -> Written:
        name = f"{component.name}.mlpackage"
        if quantized is not None:
            compress.mark(component.module, quantized.packed(component.name))
        spec = convert.convert(
            component, folder / name, target=options.target, precision=options.precision
        )
        package.describe(spec, component, facts, version())
        package.normalise(spec)
        package.write(spec, folder / name)
        return Written(models={"mlpackage": name}, ops=package.operations(spec))

    def target(self, options: Options) -> str:
        return f"coreml-{options.target}"

    def finish(self, folder: Path) -> None:
        """Nothing: packages describe themselves."""

    def tools(self) -> dict[str, str]:
        return package.tools()

    def ways(self, options: Options) -> tuple[Way, ...]:
        floor = gates.FP32 if options.precision == "fp32" else gates.FP16
        return tuple(
            # Apple's engines may compute in fp16 whatever the program says, and give 8-bit images.
            Way(name=runtime.name, kind=runtime.kind, floor=gates.FP16, bytes_only=True)
            if runtime.byte_images
            else Way(name=runtime.name, kind=runtime.kind, floor=floor)
            for runtime in runtimes.of_format("coreml")
            if runtime.checks_exports and runtimes.is_here(runtime)
        )

    def runner(self, folder: Path, component: str, way: Way) -> Runner:
        return runtimes.named(way.name).load(folder, component)
