"""How long a full-size checkpoint takes to unpack and to fuse a LoRA into, and how much memory.

    python -m benchmarks.overlay [--kind sd1|sd2|sdxl] [--folder FOLDER]

A single file with the published shapes and random float16 weights is made first, part by part (2 GB
for Stable Diffusion 1.5, 7 GB for XL), and a LoRA of rank 16 for all attention of its UNet. Each
step runs in a process of its own, whose memory is what it allocates (the peak of `RssAnon`): pages
of mapped files, which the system takes back when it needs them, are not counted.
"""

from __future__ import annotations

import re
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from components.overlay import Changes, Lora, overlaid
from support.command_line import new_app, print_tables, run, say

app = new_app("Measure how long a full-size checkpoint takes to unpack, and how much memory.")


def _make(kind: str, folder: Path) -> None:
    """Write `checkpoint.safetensors` and `lora.safetensors`, with random weights."""
    import torch

    from components.overlay.exact import model_class
    from components.overlay.single_file import read_kind
    from components.overlay.tensors import write_tensors
    from tests.components.overlay.original_layout import open_clip, unet, vae
    from tests.components.overlay.originals import TEXT

    published, state = read_kind(kind), {}
    layouts = {"unet": ("model.diffusion_model.", 2), "vae": ("first_stage_model.", 4)}
    for part in ("unet", "vae", *TEXT[kind]):
        library, name = published["model_index"][part]
        model = model_class(library, name)
        with torch.device("meta"):
            made = (
                model(model.config_class(**published[part]))
                if library == "transformers"
                else model.from_config(published[part])
            )
        weights = {
            key: torch.randn(tensor.shape, dtype=torch.float16) * 0.02
            for key, tensor in made.state_dict().items()
        }
        prefix = layouts[part][0] if part in layouts else TEXT[kind][part]
        if part == "unet":
            _make_lora(weights, folder / "lora.safetensors")
            weights = unet(weights, 2)
        elif part == "vae":
            weights = vae(weights, 4, lambda tensor: tensor[:, :, None, None])
        elif not prefix.endswith("transformer."):
            weights = open_clip(weights)
        state |= {f"{prefix}{key}": tensor for key, tensor in weights.items()}
    write_tensors(folder / "checkpoint.safetensors", state)


def _make_lora(weights: dict, path: Path, rank: int = 16) -> None:  # type: ignore[type-arg]
    import torch

    from components.overlay.tensors import write_tensors

    state = {}
    for name, weight in weights.items():
        if found := re.fullmatch(r"(.+\.(?:to_q|to_k|to_v|to_out\.0))\.weight", name):
            key = f"lora_unet_{found[1].replace('.', '_')}"
            state[f"{key}.lora_down.weight"] = torch.randn(rank, weight.shape[1]).half() * 0.01
            state[f"{key}.lora_up.weight"] = torch.randn(weight.shape[0], rank).half() * 0.01
            state[f"{key}.alpha"] = torch.tensor(8.0)
    write_tensors(path, state)


def _anonymous() -> int:
    """Bytes that this process has allocated now."""
    text = Path("/proc/self/status").read_text()
    found = re.search(r"RssAnon:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else 0


def _measure(checkpoint: Path, changes: Changes) -> tuple[float, float, int]:
    """Seconds, processor seconds and the peak of allocated bytes of one overlay."""
    import components.overlay.lora
    import components.overlay.single_file  # noqa: F401 (what takes seconds to import)

    peak, done = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, _anonymous())

    before, busy, watcher = time.perf_counter(), time.process_time(), threading.Thread(target=watch)
    watcher.start()
    with overlaid(checkpoint, changes):
        seconds, busy = time.perf_counter() - before, time.process_time() - busy
    done.set()
    watcher.join()
    return seconds, busy, peak


@app.command()
def main(
    kind: Annotated[str, typer.Option(help="sd1, sd2 or sdxl.")] = "sd1",
    folder: Annotated[
        Path | None, typer.Option(help="Where the files are made; default: a temporary folder.")
    ] = None,
) -> None:
    """Measure how long a full-size checkpoint takes to unpack, and how much memory."""
    table = Table("step", "seconds", "busy", "GB allocated at most")
    context = get_context("spawn")
    with tempfile.TemporaryDirectory(dir=folder) as place:

        def alone(function, *arguments):  # type: ignore[no-untyped-def]
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                return pool.submit(function, *arguments).result()

        say(f"making a {kind} of full size")
        alone(_make, kind, Path(place))
        checkpoint = Path(place) / "checkpoint.safetensors"
        prediction = "v_prediction" if kind == "sd2" else None
        lora = Lora(file=Path(place) / "lora.safetensors", strength=0.8)
        for step, changes in (
            ("unpack a single file", Changes(prediction=prediction)),
            ("and fuse a LoRA", Changes(prediction=prediction, loras=(lora,))),
        ):
            seconds, busy, peak = alone(_measure, checkpoint, changes)
            table.add_row(step, f"{seconds:.1f}", f"{busy:.1f}", f"{peak / 1e9:.2f}")
    print_tables(table)


if __name__ == "__main__":
    run(app, "python -m benchmarks.overlay", without_arguments=())
