"""Size, load time, memory and speed of quantized ONNX files of every scheme, as .onnx and .ort.

    python -m benchmarks.onnx_forms [--checkpoint DIR] [--component denoiser]

All weights of one component are stored in one scheme; each file is loaded and run by a process of
its own on one thread. Memory is the largest growth of that process's resident set. int8 is shown
twice: computing in fp32 and, as `int8 (W8A8)`, with the activations of every layer in int8 too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

import components
from avatar import shipped
from components.checkpoint import read_index
from eval.metrics import memory
from export.onnx import activations, compress, convert, package, packed_weights
from quantization import INT8, Recipe, SchemeError, apply, parse, quantizable
from support.command_line import new_app, print_tables, run, say
from support.options import Checkpoint

app = new_app("Measure size, load time, memory and speed of quantized ONNX files.")

FORMS = ("float16", "palette-8", "palette-6", "palette-4", "int8", "int8 (W8A8)", "int4/16")
CALLS = 10
KINDS = {"onnx": "m.onnx", "ort dense": "dense.ort", "ort packed": "packed.ort"}


def recipe_of(form: str, pipeline: str, component: components.Component) -> Recipe:
    """All of a component's weights in one scheme where their shapes allow it, else in int8."""
    scheme = parse(form.split()[0])
    prefix = component.name
    made = Recipe(pipeline=pipeline, patterns=((f"{prefix}.*", scheme), (f"{prefix}.*", INT8)))
    if "W8A8" not in form:
        return made
    layers = [name.removesuffix(".weight") for name in quantizable(component.module)]
    return replace(made, activations={f"{prefix}.{layer}": INT8 for layer in layers})


def write(checkpoint: Path, name: str, form: str, folder: Path) -> dict[str, Path]:
    """Write the component's files and return them by kind: `.onnx`, `.ort` with dense and with
    packed weights."""
    pipeline = components.load(checkpoint)
    recipe = recipe_of(form, read_index(checkpoint)["_class_name"], pipeline.component(name))
    quantized = apply(checkpoint, recipe)
    component = quantized.pipeline.component(name)
    model = convert.convert(component)
    files = {kind: folder / name for kind, name in KINDS.items()}
    if "W8A8" not in form:
        package.write_ort(model, files["ort dense"])
    packed_weights.store_packed(model, quantized.packed(name))
    activations.compute_in_int8(model, quantized.packed(name), quantized.int8_layers(name))
    package.write_ort(model, files["ort packed"], optimise=False)
    compress.store_weights_in_fp16(model)
    package.write(model, files["onnx"])
    return {kind: file for kind, file in files.items() if file.exists()}


def measure(file: Path) -> None:
    """Print seconds to load, seconds a call, and bytes of memory of this process, as JSON."""
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


@app.command()
def main(
    checkpoint: Checkpoint = shipped.CHECKPOINT,
    component: Annotated[str, typer.Option(help="The component that is measured.")] = "denoiser",
    file: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure size, load time, memory and speed of quantized ONNX files of every scheme."""
    if file is not None:  # this is the process that measures one file
        measure(file)
        return
    made = Table(title=f"{component}, one thread", title_justify="left")
    for heading in ("scheme", "file", "MB", "load s", "memory MB", "ms a call"):
        made.add_column(heading, justify="left" if heading in ("scheme", "file") else "right")
    for form in FORMS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                files = write(checkpoint, component, form, Path(folder))
            except SchemeError as error:
                say(str(error))
                continue
            for kind, path in files.items():
                made.add_row(form, kind, *figures(path))
    print_tables(made)


def figures(file: Path) -> tuple[str, ...]:
    """Size, load time, memory and seconds a call of one file, measured in a new process."""
    command = [sys.executable, "-m", "benchmarks.onnx_forms", "--file", str(file)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return (
        f"{file.stat().st_size / 1e6:.2f}",
        f"{found['load']:.2f}",
        f"{found['memory'] / 1e6:.0f}",
        f"{found['call'] * 1e3:.1f}",
    )


if __name__ == "__main__":
    run(app, "python -m benchmarks.onnx_forms", without_arguments=())
