"""``python -m coreml_runtime inspect|run|compare``: the room's front door."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image

from coreml_runtime import load
from coreml_runtime.comparison import Difference, random_inputs
from coreml_runtime.comparison import compare as compare_models
from coreml_runtime.errors import InputError
from coreml_runtime.features import Feature
from coreml_runtime.model import CoreMLModel
from coreml_runtime.summary import FunctionSummary, summarize
from support.command_line import new_app, run, say

BAR = 30
ALIKE = 100.0  # dB at which a bar is full: what 32-bit rounding leaves

app = new_app("Look into Core ML packages and run them, without a Mac.")


class Precision(StrEnum):
    """How much of the declared rounding is done."""

    storage = "storage"
    float32 = "float32"


Package = Annotated[Path, typer.Argument(help="Folder of a package, X.mlpackage.")]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        help="NAME=FILE, once for each input: .npy for an array, a picture for an image. An input "
        "that is not given is random (normal floats, zeros and ones, noise), so that a command "
        "works without any.",
        show_default=False,
    ),
]
FunctionName = Annotated[
    str | None,
    typer.Option(help="Function of a multifunction model. Default: the one it names itself."),
]
PrecisionOption = Annotated[
    Precision,
    typer.Option(
        help="storage rounds every result to the type the program declares, as the format "
        "promises, and is the default; float32 rounds nothing, to tell errors of the graph from "
        "those of rounding."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of random inputs; 0 so that runs repeat.")]


@app.command()
def inspect(package: Package) -> None:
    """Functions, inputs, outputs, ops, parameters, bits a weight, GMAC and the oldest iOS."""
    for number, summary in enumerate(summarize(package)):
        print("\n" * (number > 0) + _described(summary))


def _described(summary: FunctionSummary) -> str:
    lines = [f"function {summary.name}: opset CoreML{summary.opset}, iOS {summary.ios} and newer"]
    for what in ("inputs", "outputs", "states"):
        lines += [
            f"  {what[:-1]:<7} {feature.name}: {feature.expected()}"
            for feature in getattr(summary, what)
        ]
    counts = ", ".join(f"{count} {name}" for name, count in summary.ops.items())
    lines.append(f"  {sum(summary.ops.values())} ops: {counts}")
    lines.append(
        f"  {summary.parameters:,} parameters, {summary.bits_per_weight:.2f} bits a weight, "
        f"{summary.macs / 1e9:.3f} GMAC"
    )
    if summary.uncounted:
        lines.append(f"  not in that: {summary.uncounted} ops of sizes known only at run time")
    return "\n".join(lines)


@app.command(name="run")
def run_package(
    package: Package,
    inputs: Inputs = None,
    function: FunctionName = None,
    precision: PrecisionOption = Precision.storage,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the outputs, NAME.npy and NAME.png. Default: they are only described.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run a model once and describe its outputs."""
    model = load(package, function, precision)
    state = model.make_state() if model.states else None
    results = model.predict(_inputs(model, inputs, seed), state)
    for name, value in results.items():
        print(f"{name}: {_value(value)}")
        if out is not None:
            _write(out, name, value)


def _inputs(model: CoreMLModel, given: list[str] | None, seed: int) -> dict[str, Any]:
    """Files that were named, and random values for the rest."""
    features = {feature.name: feature for feature in model.inputs}
    files: dict[str, Path] = {}
    for text in given or ():
        name, separator, path = text.partition("=")
        if not separator or name not in features:
            wanted = ", ".join(features)
            raise InputError(f"--input is {text!r}, expected NAME=FILE with NAME of: {wanted}")
        files[name] = Path(path)
    rest = tuple(f for f in model.inputs if f.name not in files and not f.optional)
    if rest:
        say(f"random: {', '.join(feature.name for feature in rest)}")
    values = random_inputs(rest, seed)
    return values | {name: _read(features[name], path) for name, path in files.items()}


def _read(feature: Feature, path: Path) -> Any:
    try:
        if feature.kind == "image":
            with Image.open(path) as picture:
                picture.load()
                return picture
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        kind = "picture" if feature.kind == "image" else ".npy file"
        raise InputError(f"input {feature.name!r}: {path} is no readable {kind}") from error


def _value(value: Any) -> str:
    if isinstance(value, Image.Image):
        return f"{value.mode} image of {value.width}×{value.height}"
    if isinstance(value, dict):
        best = sorted(value.items(), key=lambda pair: -pair[1])[:5]
        return ", ".join(f"{key} {share:.4f}" for key, share in best)
    if not isinstance(value, np.ndarray):
        return repr(value)
    shape = "×".join(map(str, value.shape)) or "scalar"
    if not value.size:
        return f"{value.dtype} {shape}"
    numbers = value.astype(np.float64)
    spread = f"{numbers.min():.6g} to {numbers.max():.6g}, mean {numbers.mean():.6g}"
    return f"{value.dtype} {shape}, {spread}"


def _write(folder: Path, name: str, value: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    safe = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name)
    if isinstance(value, Image.Image) and value.mode != "F":
        value.save(folder / f"{safe}.png")
    elif isinstance(value, np.ndarray | Image.Image):
        np.save(folder / f"{safe}.npy", np.asarray(value))


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="The reference.")],
    second: Annotated[Path, typer.Argument(help="The same program, compressed or converted anew.")],
    inputs: Inputs = None,
    function: FunctionName = None,
    precision: PrecisionOption = Precision.float32,
    seed: Seed = 0,
    rows: Annotated[int, typer.Option(help="How many values to list; 20 fit a screen.")] = 20,
    floor: Annotated[
        float,
        typer.Option(help="Signal to noise in dB below which a value counts as wrong; 40 is 1 %."),
    ] = 40.0,
) -> None:
    """The same program twice: signal to noise of every value, worst first."""
    models = [load(path, function, precision) for path in (first, second)]
    found = compare_models(models[0], models[1], _inputs(models[0], inputs, seed))
    worst = sorted(found, key=lambda one: -math.inf if math.isnan(one.snr) else one.snr)
    width = max(len(one.name) for one in worst[:rows])
    for one in worst[:rows]:
        print(f"{_db(one.snr)}  {_bar(one.snr)}  {one.name:<{width}}")
    print(_first_wrong(found, floor))


def _db(value: float) -> str:
    return "another shape" if math.isnan(value) else f"{value:10.1f} dB"


def _bar(value: float) -> str:
    """Longer is better; full at 100 dB."""
    share = 0.0 if math.isnan(value) else min(max(value / ALIKE, 0.0), 1.0)
    filled = round(share * BAR)
    return "█" * filled + "·" * (BAR - filled)


def _first_wrong(found: list[Difference], floor: float) -> str:
    """One line with a bar over the program: the mark is where it first goes wrong."""
    wrong = [one for one in found if not one.snr >= floor]
    if not wrong:
        return f"all of {len(found)} values reach {floor:g} dB"
    first = min(wrong, key=lambda one: one.place)
    place = found.index(first)
    mark = round(place / max(len(found) - 1, 1) * (BAR - 1))
    bar = "─" * mark + "┼" + "─" * (BAR - 1 - mark)
    return (
        f"{len(wrong)} of {len(found)} values are below {floor:g} dB; the first, "
        f"{place + 1} of {len(found)}: {first.name} ├{bar}┤"
    )


if __name__ == "__main__":
    run(app, "python -m coreml_runtime")
