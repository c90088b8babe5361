"""Forms of quantized ONNX files: size, load time, memory and speed of each, as .onnx and .ort.

    python -m benchmarks.onnx_forms [--checkpoint DIR] [--component denoiser]

One component, all its weights in one scheme; each file is loaded and run in a process of its own
on one thread. Memory is what the process's resident set grew by at most. int8 is shown twice:
computing in fp32 and, as `int8 (W8A8)`, with every layer's activations in int8 too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import components
from avatar import shipped
from components.checkpoint import read_index
from eval.metrics import memory
from export.onnx import activations, compress, convert, package, packed_weights
from quantization import Recipe, SchemeError, apply
from quantization.recipe import quantizable
from quantization.schemes import INT8, Scheme

FORMS = ("float16", "palette-8", "palette-6", "palette-4", "int8", "int8 (W8A8)", "int4/16")
CALLS = 10
KINDS = {"onnx": "m.onnx", "ort dense": "dense.ort", "ort packed": "packed.ort"}


def recipe_of(form: str, pipeline: str, component: components.Component) -> Recipe:
    """All of a component's weights in one scheme where their shapes allow it, else in int8."""
    scheme = Scheme.parse(form.split()[0])
    prefix = component.name
    made = Recipe(pipeline=pipeline, patterns=((f"{prefix}.*", scheme), (f"{prefix}.*", INT8)))
    if "W8A8" not in form:
        return made
    layers = [name.removesuffix(".weight") for name in quantizable(component.module)]
    return replace(made, activations={f"{prefix}.{layer}": INT8 for layer in layers})


def write(checkpoint: Path, name: str, form: str, folder: Path) -> dict[str, Path]:
    """The component's files by kind: `.onnx`, and `.ort` with dense and with packed weights."""
    pipeline = components.load(checkpoint)
    recipe = recipe_of(form, read_index(checkpoint)["_class_name"], pipeline.component(name))
    quantized = apply(checkpoint, recipe)
    component = quantized.pipeline.component(name)
    model = convert.convert(component)
    files = {kind: folder / name for kind, name in KINDS.items()}
    if "W8A8" not in form:
        package.write_ort(model, files["ort dense"])
    packed_weights.store_packed(model, quantized.packed(name))
    activations.compute_in_int8(model, quantized.packed(name), quantized.layers(name))
    package.write_ort(model, files["ort packed"], optimise=False)
    compress.store_weights_in_fp16(model)
    package.write(model, files["onnx"])
    return {kind: file for kind, file in files.items() if file.exists()}


def measure(file: Path) -> None:
    """In a process of its own: print seconds to load, seconds a call, and memory, as JSON."""
    import onnxruntime as ort

    # Not `getrusage`: on Linux a new process begins with the peak of the one that started it.
    memory.reset()
    before = memory.resident()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    started = time.perf_counter()
    session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    load = time.perf_counter() - started
    types = {"tensor(float)": np.float32, "tensor(int32)": np.int32}
    inputs = {i.name: np.zeros(i.shape, types[i.type]) for i in session.get_inputs()}
    seconds = []
    for _ in range(CALLS):
        started = time.perf_counter()
        session.run(None, inputs)
        seconds.append(time.perf_counter() - started)
    grown = memory.peak() - before
    print(json.dumps({"load": load, "call": min(seconds), "memory": grown}))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--checkpoint", type=Path, default=shipped.CHECKPOINT)
    parser.add_argument("--component", default="denoiser")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.file:
        measure(arguments.file)
        return 0
    made = Table(title=f"{arguments.component}, one thread", title_justify="left")
    for heading in ("scheme", "file", "MB", "load s", "memory MB", "ms a call"):
        made.add_column(heading, justify="left" if heading in ("scheme", "file") else "right")
    for form in FORMS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                files = write(arguments.checkpoint, arguments.component, form, Path(folder))
            except SchemeError as error:
                print(error, file=sys.stderr)
                continue
            for kind, file in files.items():
                command = [sys.executable, "-m", "benchmarks.onnx_forms", "--file", str(file)]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                found = json.loads(done.stdout.splitlines()[-1])
                made.add_row(
                    form,
                    kind,
                    f"{file.stat().st_size / 1e6:.2f}",
                    f"{found['load']:.2f}",
                    f"{found['memory'] / 1e6:.0f}",
                    f"{found['call'] * 1e3:.1f}",
                )
    Console(width=None if sys.stdout.isatty() else 110).print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
