"""Core ML as a format: an ML Program for each component, and what runs it."""

from __future__ import annotations

from pathlib import Path

from components import Component, PipelineFacts, Runner
from export import gates, runtimes
from export.coreml import compress, convert, package
from export.formats import Options, PackedWeights, Place, RuntimeGate, Written
from quantization import Target
from support.version import version


class CoreMLFormat:
    """See `export.formats.Format`."""

    computes_in_fp16 = True

    def options(self, options: Options) -> dict[str, str]:
        return {"precision": options.precision, "target": options.target, **options.forms()}

    def arranged(self, component: Component) -> Component:
        return component

    def write(
        self,
        component: Component,
        folder: Path,
        facts: PipelineFacts,
        options: Options,
        quantized: PackedWeights | None,
        place: Place | None = None,
    ) -> Written:
        name = f"{(place or Place.of(component)).path}.mlpackage"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if quantized is not None:
            compress.mark(component.module, quantized.packed(component.name))
        spec = convert.convert(
            component,
            folder / name,
            target=options.target,
            precision=options.precision,
            consume=True,
        )
        package.describe(spec, component, facts, version())
        package.normalise(spec)
        package.write(spec, folder / name)
        return Written(models={"mlpackage": name}, ops=package.operations(spec))

    def require(self, component: Component, options: Options) -> None:
        """Refuse nothing: a package holds weights of any size."""

    def target(self, options: Options) -> Target:
        return Target(options.target)

    def finish(self, folder: Path) -> None:
        """Write nothing: packages describe themselves."""

    def tools(self) -> dict[str, str]:
        return package.tools()

    def gates(self, options: Options) -> tuple[RuntimeGate, ...]:
        floor = gates.FP32 if options.precision == "fp32" else gates.FP16
        return tuple(
            # Apple's engines may compute in fp16 whatever the program says, and give 8-bit images.
            RuntimeGate(
                runtime=runtime.name,
                kind=runtime.kind,
                floor=gates.FP16 if runtime.byte_images else floor,
                byte_images=runtime.byte_images,
            )
            for runtime in runtimes.of_format("coreml")
            if runtime.checks_exports and runtimes.is_here(runtime)
        )

    def runner(self, folder: Path, component: str, gate: RuntimeGate) -> Runner:
        return runtimes.named(gate.runtime).load(folder, component)
