"""Times the Core ML runtime against eager PyTorch on Stable Diffusion 1.5's UNet.

    python -m benchmarks.coreml_runtime [--size sd15|tiny] [--repeat N] [--folder DIR]

It builds the network with random weights and converts it to a 16-bit ML Program, and to one with
6-bit palettes. Then it measures, each in a process of its own: loading, one step at batch 2 on
64×64 latents, and peak memory. Steps of PyTorch and of both precisions are timed in turn, in one
process, so that other load on the machine affects all of them alike; the best time of each is
compared. The table goes to stdout. The exit code is 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

STEP_LIMITS = {"float32": 1.15, "storage": 1.3}  # relative to a step of PyTorch
MEMORY_LIMIT = 1.25  # relative to the peak of PyTorch
LOAD_LIMITS = {"16-bit": 5.0, "6-bit": 15.0}  # seconds
SIZES: dict[str, dict[str, Any]] = {
    "sd15": {},  # the defaults of diffusers are Stable Diffusion 1.5's configuration
    "tiny": {"block_out_channels": (32, 64), "norm_num_groups": 8, "layers_per_block": 1,
             "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
             "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D")},
}  # fmt: skip


class Step(torch.nn.Module):
    """One denoising step: a call of the UNet that takes and returns only tensors."""

    def __init__(self, size: str) -> None:
        super().__init__()
        from diffusers import UNet2DConditionModel

        torch.manual_seed(0)
        config = {"sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8}
        self.net = UNet2DConditionModel(**config | SIZES[size])

    def forward(
        self, latents: torch.Tensor, timestep: torch.Tensor, context: torch.Tensor
    ) -> torch.Tensor:
        return self.net(latents, timestep, context, return_dict=False)[0]


def inputs() -> dict[str, torch.Tensor]:
    """Return latents (2, 4, 64, 64), one timestep (1,) and a context (2, 77, 768), seeded."""
    generator = torch.Generator().manual_seed(0)
    return {
        "latents": torch.randn(2, 4, 64, 64, generator=generator),
        "timestep": torch.tensor([500.0]),
        "context": torch.randn(2, 77, 768, generator=generator),
    }


def convert(size: str, folder: Path) -> None:
    """Write ``16-bit.mlpackage`` and ``6-bit.mlpackage`` into ``folder``."""
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    import coremltools as ct

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        step = Step(size).eval()
        program = torch.export.export(step, tuple(inputs().values())).run_decompositions({})
        model = ct.convert(
            program, minimum_deployment_target=ct.target.iOS16, skip_model_load=True,
            compute_precision=ct.precision.FLOAT16,
        )  # fmt: skip
        shutil.move(model.package_path, folder / "16-bit.mlpackage")
        del program, step
        kept = ct.models.MLModel(str(folder / "16-bit.mlpackage"), skip_model_load=True)
        palettes = ct.optimize.coreml.OpPalettizerConfig(mode="uniform", nbits=6)
        config = ct.optimize.coreml.OptimizationConfig(global_config=palettes)
        small = ct.optimize.coreml.palettize_weights(kept, config)
        small.save(str(folder / "6-bit.mlpackage"))


def _peak() -> int:
    """Return the largest resident set of this process so far, in bytes."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def load_once(package: Path) -> dict[str, float]:
    """Measure the seconds to load a package, in a process that has loaded nothing before."""
    import coreml_runtime

    begin = time.perf_counter()
    coreml_runtime.load(package)
    return {"seconds": time.perf_counter() - begin, "peak": float(_peak())}


@torch.no_grad()
def peak_memory(kind: str, size: str, package: Path) -> dict[str, float]:
    """Measure the peak, in bytes, of a process that builds or loads the network and runs a step."""
    if kind == "pytorch":
        Step(size).eval()(**inputs())
    else:
        import coreml_runtime

        coreml_runtime.load(package, precision=kind)(**inputs())
    return {"peak": float(_peak())}


@torch.no_grad()
def time_steps(size: str, package: Path, repeat: int) -> dict[str, float]:
    """Return the best seconds of a step with PyTorch and with each precision, timed in turn."""
    import coreml_runtime

    tensors = inputs()
    runners: dict[str, Callable[[], object]] = {}
    eager = Step(size).eval()
    runners["pytorch"] = lambda: eager(**tensors)
    for kind in STEP_LIMITS:
        model = coreml_runtime.load(package, precision=kind)
        runners[kind] = lambda model=model: model(**tensors)  # type: ignore[misc]
    best = dict.fromkeys(runners, float("inf"))
    for _ in range(repeat + 1):  # the first round is a warm-up, and counts only if it is the best
        for name, step in runners.items():
            begin = time.perf_counter()
            step()
            best[name] = min(best[name], time.perf_counter() - begin)
    return best


def in_process(task: str, size: str, folder: Path, repeat: int) -> dict[str, float]:
    """Run one task in a process of its own and return its measurements."""
    command = [sys.executable, "-m", "benchmarks.coreml_runtime", "--task", task]
    command += ["--size", size, "--folder", str(folder), "--repeat", str(repeat)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def do_task(task: str, size: str, folder: Path, repeat: int) -> dict[str, float]:
    """Run ``convert``, ``load:PACKAGE``, ``peak:KIND`` or ``steps``; return its measurements."""
    kind, _, rest = task.partition(":")
    if kind == "convert":
        convert(size, folder)
        return {}
    if kind == "load":
        return load_once(folder / f"{rest}.mlpackage")
    if kind == "peak":
        return peak_memory(rest, size, folder / "16-bit.mlpackage")
    return time_steps(size, folder / "16-bit.mlpackage", repeat)


def measure(size: str, folder: Path, repeat: int) -> bool:
    """Print the table; return whether all limits were kept."""
    if not (folder / "6-bit.mlpackage").exists():
        in_process("convert", size, folder, repeat)
    kept = True

    def row(label: str, value: float, unit: str, limit: float | None) -> None:
        nonlocal kept
        good = limit is None or value <= limit
        kept = kept and good
        allowed = "" if limit is None else f"{'at most' if good else 'OVER'} {limit:g}"
        print(f"{label:<34}{value:>9.2f} {unit:<4}{allowed}", flush=True)

    for name, limit in LOAD_LIMITS.items():
        in_process(f"load:{name}", size, folder, repeat)  # brings the file into the system's cache
        found = in_process(f"load:{name}", size, folder, repeat)
        row(f"load, {name}", found["seconds"], "s", limit)
    best = in_process("steps", size, folder, repeat)
    row("step, PyTorch", best["pytorch"], "s", None)
    for name, limit in STEP_LIMITS.items():
        row(f"step, {name}", best[name], "s", None)
        row(f"step, {name} to PyTorch", best[name] / best["pytorch"], "", limit)
    eager = in_process("peak:pytorch", size, folder, repeat)["peak"]
    row("peak memory, PyTorch", eager / 1e9, "GB", None)
    for name in STEP_LIMITS:
        peak = in_process(f"peak:{name}", size, folder, repeat)["peak"]
        row(f"peak memory, {name} to PyTorch", peak / eager, "", MEMORY_LIMIT)
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--size", choices=sorted(SIZES), default="sd15", help="sd15: 860 M parameters"
    )
    parser.add_argument("--repeat", type=int, default=3, help="rounds of timed steps")
    parser.add_argument("--folder", type=Path, help="keeps the packages; default: a temporary one")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task:
        task = do_task(arguments.task, arguments.size, arguments.folder, arguments.repeat)
        print(json.dumps(task))
        return 0
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        return int(not measure(arguments.size, arguments.folder, arguments.repeat))
    with tempfile.TemporaryDirectory() as name:
        return int(not measure(arguments.size, Path(name), arguments.repeat))


if __name__ == "__main__":
    sys.exit(main())
