"""ONNX as a format: `.onnx` files, `.ort` files, and what ONNX Runtime needs beside them."""

from __future__ import annotations

from pathlib import Path

from components import Component, PipelineFacts, Runner
from export import gates
from export.formats import Options, Way, Written
from export.onnx import compress, convert, package, run
from export.version import version


class OnnxFormat:
    """See `export.formats.Format`."""

    def options(self, options: Options) -> dict[str, str]:
        return {"opset": str(convert.OPSET), "precision": options.precision}

    def write(
        self, component: Component, folder: Path, facts: PipelineFacts, options: Options
    ) -> Written:
        model = convert.convert(component)
        package.describe(model, component, facts, version())
        onnx, ort = f"{component.name}.onnx", f"{component.name}.ort"
        package.write_ort(model, folder / ort)
        if options.precision == "fp16":
            compress.store_weights_in_fp16(model)
        package.write(model, folder / onnx)
        return Written(models={"onnx": onnx, "ort": ort}, ops=package.operations(model))

    def finish(self, folder: Path) -> None:
        package.write_operators(folder)
        package.write_optimum_config(folder)

    def tools(self) -> dict[str, str]:
        return package.tools()

    def ways(self, options: Options) -> tuple[Way, ...]:
        floor = gates.FP32 if options.precision == "fp32" else gates.FP16
        return (
            Way(name="onnx", kind="onnx", floor=floor),
            Way(name="ort", kind="ort", floor=gates.FP32),
        )

    def runner(self, folder: Path, component: str, way: Way) -> Runner:
        return run.load(folder, component, "ort" if way.kind == "ort" else "onnx")
