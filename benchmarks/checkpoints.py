"""A full-size Stable Diffusion 1.5 exported by this project and by other tools.

    python -m benchmarks.checkpoints [--whole] [--xl] [--peers FOLDER] [--checkpoint FOLDER]

The checkpoint has random weights and is made on the spot (2.1 GB; 6.9 GB more with --xl). Each
export is a process of its own, one after the other on the same machine; its peak memory is that
process's largest resident set, its seconds are those of the clock and of the processors (which a
busy machine changes less).
Ratios say how many times ours a tool took. Exit code 1 where one of our limits is exceeded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from benchmarks.peers import PEERS, Environment, Peer
from support.command_line import GATE_FAILED, new_app, print_tables, run, say

UNET_LIMIT = (40.0, 5.0)
"""Seconds and gigabytes allowed for the UNet alone, on two idle cores."""
WHOLE_LIMIT = (300.0, 6.0)
"""The same for an export of all components with its check."""
XL_LIMIT = (360.0, 20.0)
"""The same for the UNet of Stable Diffusion XL in palettes of 6 bits, which are found first."""

app = new_app("Compare exports of a full-size Stable Diffusion 1.5 with those of other tools.")


@dataclass(frozen=True, kw_only=True)
class Result:
    """One export.

    Attributes:
        what: What was exported, to which format.
        tool: Who did it.
        seconds: Of the clock.
        cpu: Seconds of all processors.
        peak: Largest resident set, in bytes.
        size: Bytes of what was written.
        problem: Why there are no figures; empty where there are.
        limit: Seconds and gigabytes allowed; None where figures are for comparison only.
    """

    what: str
    tool: str
    seconds: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    size: int = 0
    problem: str = ""
    limit: tuple[float, float] | None = None

    @property
    def within(self) -> bool:
        """Whether it was done, and its limits were kept."""
        if self.limit is None:
            return True
        return (
            not self.problem and self.seconds <= self.limit[0] and self.peak <= self.limit[1] * 1e9
        )


def measure(
    what: str, tool: str, command: list[str], out: Path, limit: tuple[float, float] | None = None
) -> Result:
    """Run a command that writes into `out`."""
    say(f"{what}: {tool}")
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        lines = errors.read().decode(errors="replace").strip().splitlines()
    problem = (lines or [f"exit code {process.returncode}"])[-1] if process.returncode else ""
    return Result(
        what=what,
        tool=tool,
        seconds=seconds,
        cpu=usage.ru_utime + usage.ru_stime,
        # Linux counts kibibytes, macOS bytes.
        peak=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        size=sum(path.stat().st_size for path in out.rglob("*") if path.is_file()),
        problem=problem[:100],
        limit=limit,
    )


def unets(checkpoint: Path, scratch: Path, environment: Environment | None) -> Iterator[Result]:
    """The UNet by us, and by each tool that can be had."""
    for format_ in ("coreml", "onnx"):
        what = f"UNet, {format_}"
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            one = [sys.executable, "-m", "benchmarks.one_component", format_]
            command = [*one, str(checkpoint), "unet", folder]
            yield measure(what, "ours, fp16", command, Path(folder), UNET_LIMIT)
        for peer in PEERS:
            if environment is not None and peer.format == format_:
                yield _by_peer(what, peer, checkpoint, scratch, environment)


def _by_peer(
    what: str, peer: Peer, checkpoint: Path, scratch: Path, environment: Environment
) -> Result:
    if problem := environment.install(peer):
        return Result(what=what, tool=peer.name, problem=f"not installed: {problem}")
    unet = checkpoint / "unet"
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        places = {
            "checkpoint": str(checkpoint),
            "folder": str(unet),
            "file": str(unet / "diffusion_pytorch_model.safetensors"),
            "out": folder,
        }
        arguments = [_filled(argument, places) for argument in peer.arguments]
        command = [str(environment.python), *arguments]
        return measure(what, peer.name, command, Path(folder))


def _filled(argument: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        argument = argument.replace(f"{{{name}}}", value)
    return argument


def wholes(checkpoint: Path, scratch: Path) -> Iterator[Result]:
    """All components by us, checked and published."""
    for format_ in ("coreml", "onnx"):
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            out = Path(folder) / format_
            command = [sys.executable, "-m", "export", format_, "--checkpoint", str(checkpoint)]
            command += ["--out", str(out)]
            yield measure(f"whole, {format_}", "ours, with its check", command, out, WHOLE_LIMIT)


def xl_unet(checkpoint: Path, scratch: Path) -> Iterator[Result]:
    """The UNet of Stable Diffusion XL by us, in palettes of 6 bits."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        one = [sys.executable, "-m", "benchmarks.one_component", "coreml"]
        command = [*one, str(checkpoint), "unet", folder, "--bits", "6"]
        yield measure("XL UNet, coreml", "ours, 6 bits", command, Path(folder), XL_LIMIT)


def table(results: list[Result]) -> Table:
    """The results, each with how many times ours it took."""
    made = Table(title=f"Stable Diffusion on {os.cpu_count()} cores", title_justify="left")
    for name in ("what", "tool", "seconds", "CPU seconds", "peak", "written", "× ours", ""):
        made.add_column(name, justify="left" if name in ("what", "tool", "") else "right")
    ours = {result.what: result for result in results if result.tool.startswith("ours")}
    for result in results:
        if result.problem:
            made.add_row(result.what, result.tool, *[""] * 5, Text(result.problem, style="red"))
            continue
        first = ours[result.what]
        ratio = "" if result is first or not first.cpu else f"{result.cpu / first.cpu:.1f}"
        made.add_row(
            result.what,
            result.tool,
            f"{result.seconds:.0f}",
            f"{result.cpu:.0f}",
            f"{result.peak / 1e9:.2f} GB",
            f"{result.size / 1e9:.2f} GB",
            ratio,
            "" if result.within else Text("exceeded", style="red"),
        )
    return made


@app.command()
def main(
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a checkpoint of this size, made where there is none. The default is a "
            "temporary one, which takes half a minute to make.",
            show_default=False,
        ),
    ] = None,
    peers: Annotated[
        Path | None,
        typer.Option(
            help="Scratch environment for the other tools, made where there is none; this goes "
            "online. Without it only ours is measured.",
            show_default=False,
        ),
    ] = None,
    whole: Annotated[
        bool,
        typer.Option("--whole", help="Also export all components, checked. It takes minutes."),
    ] = False,
    xl: Annotated[
        bool,
        typer.Option("--xl", help="Also convert a UNet of Stable Diffusion XL; it takes 20 GB."),
    ] = False,
) -> int:
    """Compare exports of a full-size Stable Diffusion 1.5 with those of other tools."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        made = _checkpoint(checkpoint or scratch / "checkpoint")
        results = list(unets(made, scratch, Environment(peers) if peers else None))
        results += wholes(made, scratch) if whole else []
        if xl:
            large = _checkpoint(scratch / "checkpoint-xl", "save_stable_diffusion_xl")
            results += xl_unet(large, scratch)
    print_tables(table(results))
    return 0 if all(result.within for result in results) else GATE_FAILED


def _checkpoint(folder: Path, save: str = "save_stable_diffusion") -> Path:
    """The checkpoint there, made by another process: this one's memory stays small."""
    if not (folder / "model_index.json").exists():
        say("making a checkpoint with random weights")
        code = (
            "import sys; from pathlib import Path; from benchmarks import full_size; "
            f"full_size.{save}(Path(sys.argv[1]))"
        )
        subprocess.run([sys.executable, "-c", code, str(folder)], check=True)
    return folder


if __name__ == "__main__":
    run(app, "python -m benchmarks.checkpoints", without_arguments=())
