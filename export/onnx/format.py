"""ONNX as a format: `.onnx` files, `.ort` files, and what ONNX Runtime needs beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from components import Component, PipelineFacts, Runner
from export import gates, runtimes
from export.errors import ConversionError
from export.formats import Options, PackedWeights, Place, RuntimeGate, Written
from export.onnx import activations, compress, convert, package, packed_weights
from quantization import Target
from support.version import version


class OnnxFormat:
    """See `export.formats.Format`."""

    computes_in_fp16 = False

    def options(self, options: Options) -> dict[str, str]:
        common = {"opset": str(convert.OPSET), "precision": options.precision, **options.forms()}
        return common if options.ort in ("auto", "dense") else {**common, "ort": options.ort}

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
        place = place or Place.of(component)
        model = convert.convert(component, any_batch=place.any_batch)
        package.describe(model, component, facts, version())
        models = {kind: f"{place.path}.{kind}" for kind in ("onnx", "ort")}
        (folder / place.path).parent.mkdir(parents=True, exist_ok=True)
        notes: tuple[str, ...] = ()
        ort_from = options.ort_from or package.ORT_FROM
        if options.ort == "auto" and package.stored(model) >= ort_from:
            del models["ort"]
            notes = (
                f"{component.name} has no .ort file: {_too_large(package.stored(model), ort_from)}",
            )
        elif options.ort in ("auto", "dense"):
            package.write_ort(model, folder / models["ort"])
        if quantized is not None:
            state = quantized.packed(component.name)
            packed_weights.store_packed(model, state)
            activations.compute_in_int8(model, state, quantized.int8_layers(component.name))
        if options.ort == "packed":
            if (size := package.stored(model)) >= ort_from:
                reason = _too_large(size, ort_from)
                raise ConversionError(f"{component.name}: {reason}; add --ort none")
            package.write_ort(model, folder / models["ort"], optimise=False)
        elif options.ort == "none":
            del models["ort"]
        if options.precision == "fp16":
            compress.store_weights_in_fp16(model)
        ops = package.operations(model)
        external = package.stored(model) >= (options.external_from or package.EXTERNAL_FROM)
        package.write(model, folder / models["onnx"], external=external)
        return Written(models=models, ops=ops, notes=notes)

    def require(self, component: Component, options: Options) -> None:
        size = 4 * sum(value.numel() for value in component.module.state_dict().values())
        if options.ort == "dense" and size >= (ort_from := options.ort_from or package.ORT_FROM):
            raise ConversionError(
                f"{component.name}: {_too_large(size, ort_from)}; leave out --ort"
            )

    def target(self, options: Options) -> Target:
        return Target.ONNX

    def finish(self, folder: Path) -> None:
        if any(folder.glob("*.ort")):
            package.write_operators(folder)
        package.write_optimum_config(folder)

    def tools(self) -> dict[str, str]:
        return package.tools()

    def gates(self, options: Options) -> tuple[RuntimeGate, ...]:
        floor = gates.FP32 if options.precision == "fp32" else gates.FP16
        return tuple(
            _gate(runtime, options, floor)
            for runtime in runtimes.of_format("onnx")
            if runtime.checks_exports and not (runtime.kind == "ort" and options.ort == "none")
        )

    def runner(self, folder: Path, component: str, gate: RuntimeGate) -> Runner:
        return runtimes.named(gate.runtime).load(folder, component)


def _too_large(size: int, limit: int) -> str:
    return (
        f"its {size / 1e9:.2f} GB of weights are more than the {limit / 1e9:.2f} GB that an .ort "
        f"file can hold"
    )


def _gate(runtime: runtimes.Runtime, options: Options, floor: float) -> RuntimeGate:
    """The floors in a runtime: `.ort` files hold fp32 unless they are packed."""
    gate = RuntimeGate(runtime=runtime.name, kind=runtime.kind, floor=floor)
    in_int8 = options.int8 and not (runtime.kind == "ort" and options.ort in ("auto", "dense"))
    if in_int8:
        return replace(gate, floor=gates.INT8, image_floor=gates.INT8_IMAGE)
    return replace(gate, floor=gates.FP32) if runtime.kind == "ort" else gate
