"""Our palettes compared with those of coremltools: seconds, peak memory and squared error.

    python -m benchmarks.palettes [--model avatar|sd] [--bits 6 --bits 8]

`avatar` is the shipped denoiser, `sd` a Stable Diffusion 1.5 UNet with random weights (860 M
parameters; it takes an hour, most of it in coremltools). Each method runs in a process of its own
over the same weights. Only palettizing is timed, after imports and a first call on something small.
Peak memory is by how much the process grew meanwhile, at most.

- ours: `quantization.fitting.palettize`, two threads.
- coremltools: `OpPalettizerConfig(mode="kmeans")`'s work on each weight, on fp16 weights.
- torch palettizer: `coremltools.optimize.torch` `PostTrainingPalettizer`, whose quick mode rounds.

Exit code 1 means that a limit was missed, or that the error of a weight is above another method's.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.table import Table
from torch import nn

from avatar import shipped
from eval.metrics import memory
from support.command_line import GATE_FAILED, new_app, print_tables, run

METHODS = ("ours", "coremltools", "torch palettizer")
FASTER = {("sd", 6): 30.0, ("avatar", 8): 60.0}
"""By model and bits, how many times our seconds coremltools must take."""
FASTER_THAN_TORCH = 4.0
"""How many times our seconds the torch palettizer must take."""
LEAST = 2048
"""Elements of the smallest weight that is palettized: coremltools leaves smaller ones alone."""

app = new_app("Compare our palettes with those of coremltools.")


class Model(StrEnum):
    """Whose weights are palettized."""

    avatar = "avatar"
    sd = "sd"


def network_named(name: str) -> nn.Module:
    """The network whose convolutions and linear layers are palettized, weights on fp16's grid."""
    if name == "avatar":
        import components

        network = components.load(shipped.CHECKPOINT).component("denoiser").module
    else:
        from diffusers import UNet2DConditionModel

        torch.manual_seed(0)
        network = UNet2DConditionModel(
            sample_size=64, cross_attention_dim=768, attention_head_dim=8
        )
    return network.half().float().eval()


def weights(network: nn.Module) -> dict[str, np.ndarray]:
    """The weights that are palettized, by name, in fp16."""
    return {
        f"{name}.weight": layer.weight.detach().numpy().astype(np.float16)
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.weight.numel() >= LEAST
    }


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to palettize.

    Attributes:
        palettize: What is measured.
        errors: From its result to the squared error of each weight.
    """

    palettize: Callable[[], Any]
    errors: Callable[[Any], dict[str, float]]


def ours(network: nn.Module, bits: int) -> Method:
    from quantization import fitting

    held = weights(network)
    fitting.palettize(np.linspace(-1, 1, 5000, dtype=np.float16), bits)

    def palettize() -> list[Any]:
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(partial(fitting.palettize, bits=bits), held.values()))

    def errors(found: list[Any]) -> dict[str, float]:
        pairs = zip(held.items(), found, strict=True)
        return {name: squares(w, table[ids]) for (name, w), (table, ids) in pairs}

    return Method(palettize=palettize, errors=errors)


def coremltools(network: nn.Module, bits: int) -> Method:
    from coremltools.optimize.coreml._quantization_passes import palettize_weights

    held = weights(network)
    work: Any = palettize_weights._get_lut_and_indices
    work(np.linspace(-1, 1, 20000, dtype=np.float16), "KMEANS", bits, None)

    def errors(found: list[Any]) -> dict[str, float]:
        pairs = zip(held.items(), found, strict=True)
        return {
            name: squares(w, lut.reshape(-1)[ids].reshape(w.shape))
            for (name, w), (lut, ids) in pairs
        }

    return Method(
        palettize=lambda: [work(weight, "KMEANS", bits, None) for weight in held.values()],
        errors=errors,
    )


def torch_palettizer(network: nn.Module, bits: int) -> Method:
    from coremltools.optimize.torch.palettization import (
        PostTrainingPalettizer,
        PostTrainingPalettizerConfig,
    )

    def compress(network: nn.Module) -> Any:
        config = PostTrainingPalettizerConfig.from_dict({"global_config": {"n_bits": bits}})
        return PostTrainingPalettizer(network, config).compress(num_kmeans_workers=1, inplace=True)

    held = weights(network)
    compress(nn.Sequential(nn.Linear(64, 64)))
    return Method(
        palettize=lambda: compress(network),
        errors=lambda made: {name: squares(held[name], w) for name, w in weights(made).items()},
    )


def squares(weight: np.ndarray, other: np.ndarray) -> float:
    """The sum of squared errors, in float64."""
    return float(np.sum((weight.astype(np.float64) - other.astype(np.float64)) ** 2))


def give_back() -> None:
    """Return freed memory to the system, because what the allocator keeps would hide what is taken
    next."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim:
        trim(0)


def measure(method: str, name: str, bits: int) -> None:
    """Print seconds, peak bytes and errors of a method as JSON, in a process of its own."""
    prepare = {"ours": ours, "coremltools": coremltools, "torch palettizer": torch_palettizer}
    ready = prepare[method](network_named(name), bits)
    give_back()
    memory.reset()
    before, started = memory.resident(), time.perf_counter()
    found = ready.palettize()
    seconds, peak = time.perf_counter() - started, memory.peak() - before
    print(json.dumps({"seconds": seconds, "peak": peak, "errors": ready.errors(found)}))


def compare(name: str, bits: int) -> tuple[Table, bool]:
    """A table of all methods on one model, and whether every limit was kept."""
    found = {}
    for method in METHODS:
        command = [sys.executable, "-m", "benchmarks.palettes", "--model", name]
        command += ["--bits", str(bits), "--only", method]
        with tempfile.TemporaryFile("w+") as stream:
            subprocess.run(command, check=True, stdout=stream)
            stream.seek(0)
            found[method] = json.loads(stream.read().splitlines()[-1])
    mine = found["ours"]
    table = Table(title=f"{name}, {bits} bits, {os.cpu_count()} cores", title_justify="left")
    for heading in ("", "seconds", "times ours", "peak", "squared error", "weights below ours"):
        table.add_column(heading, justify="right" if heading else "left")
    kept = True
    for method, result in found.items():
        times = result["seconds"] / mine["seconds"]
        below = sum(error < mine["errors"][key] for key, error in result["errors"].items())
        limit = FASTER_THAN_TORCH if method == "torch palettizer" else FASTER.get((name, bits), 0.0)
        kept &= below == 0 and mine["peak"] <= result["peak"]
        kept &= method == "ours" or times >= limit
        table.add_row(
            method,
            f"{result['seconds']:.2f}",
            f"{times:.1f}" + (f" (≥ {limit:g})" if limit and method != "ours" else ""),
            f"{result['peak'] / 1e6:.0f} MB",
            f"{sum(result['errors'].values()):.6g}",
            str(below),
        )
    return table, kept


@app.command()
def main(
    model: Annotated[Model, typer.Option(help="Whose weights are palettized.")] = Model.avatar,
    bits: Annotated[list[int], typer.Option(help="Bits of an index; can be repeated.")] = [6, 8],  # noqa: B006
    only: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Compare our palettes with those of coremltools."""
    if only:
        measure(only, model, bits[0])
        return
    results = [compare(model, count) for count in bits]
    print_tables(*(table for table, _ in results))
    if not all(kept for _, kept in results):
        raise typer.Exit(GATE_FAILED)


if __name__ == "__main__":
    run(app, "python -m benchmarks.palettes", without_arguments=())
