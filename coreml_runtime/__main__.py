"""The commands ``python -m coreml_runtime inspect``, ``run`` and ``compare``."""

from __future__ import annotations

import io
import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image

from coreml_runtime import load
from coreml_runtime.errors import InputError
from coreml_runtime.inspection import Difference, FunctionSummary, random_inputs, summarize
from coreml_runtime.inspection import compare as compare_models
from coreml_runtime.models import CoreMLModel
from coreml_runtime.package import Feature
from support import atomic
from support.command_line import new_app, run, say
from support.paths import file_names
from support.publish import locked

BAR_WIDTH = 30  # characters
FULL_BAR = 100.0  # dB; rounding to 32 bits leaves about this much

app = new_app("Inspect Core ML packages and run them, without a Mac.")


class Precision(StrEnum):
    """The values of ``--precision``; the option explains them."""

    storage = "storage"
    float32 = "float32"


Package = Annotated[
    Path, typer.Argument(help="Folder of a package, X.mlpackage, or compiled model, X.mlmodelc.")
]
Cache = Annotated[
    Path | None,
    typer.Option(
        help="Root of a download cache, into which links in the package may lead. Default: the "
        "nearest folder around the package that holds both blobs and snapshots.",
        show_default=False,
        file_okay=False,
    ),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        help="NAME=FILE, once for each input: .npy for an array, a picture for an image. An input "
        "that is not given is random (normal floats, integers 0 and 1, noise for images), so that "
        "a command works without any.",
        show_default=False,
    ),
]
FunctionName = Annotated[
    str | None,
    typer.Option(help="Function of a multifunction model. Default: the one that the model names."),
]
PrecisionOption = Annotated[
    Precision,
    typer.Option(
        help="storage rounds every result to the type that the program declares, as the format "
        "promises; float32 rounds nothing, which separates errors of the graph from those of "
        "rounding."
    ),
]
Seed = Annotated[
    int, typer.Option(help="Seed of random inputs; it is fixed so that a run can be repeated.")
]


@app.command()
def inspect(package: Package, cache: Cache = None) -> None:
    """Show functions, inputs, outputs, ops, parameters, bits per weight, GMAC and oldest iOS."""
    for number, summary in enumerate(summarize(package, cache)):
        print("\n" * (number > 0) + _describe(summary))


def _describe(summary: FunctionSummary) -> str:
    lines = [f"function {summary.name}: opset CoreML{summary.opset}, iOS {summary.ios} and newer"]
    for label, features in (
        ("input", summary.inputs),
        ("output", summary.outputs),
        ("state", summary.states),
    ):
        lines += [f"  {label:<7} {feature.name}: {feature.expected()}" for feature in features]
    counts = ", ".join(f"{count} {name}" for name, count in summary.ops.items())
    lines.append(f"  {sum(summary.ops.values())} ops: {counts}")
    lines.append(
        f"  {summary.parameters:,} parameters, {summary.bits_per_weight:.2f} bits per weight, "
        f"{summary.macs / 1e9:.3f} GMAC"
    )
    if summary.uncounted:
        lines.append(f"  not counted: {summary.uncounted} ops with sizes known only at run time")
    return "\n".join(lines)


@app.command(name="run")
def run_package(
    package: Package,
    inputs: Inputs = None,
    function: FunctionName = None,
    precision: PrecisionOption = Precision.storage,
    seed: Seed = 0,
    cache: Cache = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the outputs, NAME.npy and NAME.png. Default: none is written.",
            show_default=False,
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Run a model once and describe its outputs."""
    model = load(package, function, precision, cache=cache)
    state = model.make_state() if model.states else None
    results = model.predict(_inputs(model, inputs, seed), state)
    for name, value in results.items():
        print(f"{name}: {_describe_value(value)}")
    if out is not None:
        _write_all(out, results)


def _inputs(model: CoreMLModel, options: list[str] | None, seed: int) -> dict[str, Any]:
    """Read the files that ``--input`` names; the other required inputs are random."""
    features = {feature.name: feature for feature in model.inputs}
    files: dict[str, Path] = {}
    for text in options or ():
        name, separator, path = text.partition("=")
        if not separator or name not in features:
            names = ", ".join(features)
            raise InputError(f"--input is {text!r}, expected NAME=FILE with NAME of: {names}")
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
        raise InputError(f"input {feature.name!r}: {path} is not a readable {kind}") from error


def _describe_value(value: Any) -> str:
    if isinstance(value, Image.Image):
        return f"{value.mode} image of {value.width}×{value.height}"
    if isinstance(value, dict):
        best = sorted(value.items(), key=lambda pair: -pair[1])[:5]
        return ", ".join(f"{key} {probability:.4f}" for key, probability in best)
    if not isinstance(value, np.ndarray):
        return repr(value)
    shape = "×".join(map(str, value.shape)) or "scalar"
    if not value.size:
        return f"{value.dtype} {shape}"
    numbers = value.astype(np.float64)
    range_and_mean = f"{numbers.min():.6g} to {numbers.max():.6g}, mean {numbers.mean():.6g}"
    return f"{value.dtype} {shape}, {range_and_mean}"


def _write_all(folder: Path, results: dict[str, Any]) -> None:
    """Write all outputs of one run, so that of two runs one wins as a whole."""
    with locked(folder, lambda: say(f"another run writes {folder}; waiting for it")):
        # The program chooses the names of its outputs, which may be no files' names.
        for name, file in file_names(results).items():
            _write(folder, file, results[name])


def _write(folder: Path, name: str, value: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(value, Image.Image) and value.mode != "F":
        with atomic.replacing(folder / f"{name}.png") as partial:
            value.save(partial, format="PNG")
    elif isinstance(value, np.ndarray | Image.Image):
        np.save(stream := io.BytesIO(), np.asarray(value))
        atomic.write(folder / f"{name}.npy", stream.getvalue())


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="Package of the reference.")],
    second: Annotated[
        Path, typer.Argument(help="Package of the program, compressed or converted again.")
    ],
    inputs: Inputs = None,
    function: FunctionName = None,
    precision: PrecisionOption = Precision.float32,
    seed: Seed = 0,
    cache: Cache = None,
    rows: Annotated[int, typer.Option(help="Number of values to list; 20 fit on a screen.")] = 20,
    floor: Annotated[
        float,
        typer.Option(help="Signal to noise, in dB, below which a value is wrong; 40 dB is 1 %."),
    ] = 40.0,
) -> None:
    """Run two versions of a program and show the signal to noise of every value, worst first."""
    models = [load(path, function, precision, cache=cache) for path in (first, second)]
    differences = compare_models(models[0], models[1], _inputs(models[0], inputs, seed))
    worst = sorted(differences, key=lambda one: -math.inf if math.isnan(one.snr) else one.snr)
    width = max(len(one.name) for one in worst[:rows])
    for one in worst[:rows]:
        print(f"{_db(one.snr)}  {_bar(one.snr)}  {one.name:<{width}}")
    print(_first_wrong(differences, floor))


def _db(value: float) -> str:
    return "another shape" if math.isnan(value) else f"{value:10.1f} dB"


def _bar(value: float) -> str:
    """Draw signal to noise as a bar, which is full at 100 dB."""
    share = 0.0 if math.isnan(value) else min(max(value / FULL_BAR, 0.0), 1.0)
    filled = round(share * BAR_WIDTH)
    return "█" * filled + "·" * (BAR_WIDTH - filled)


def _first_wrong(differences: list[Difference], floor: float) -> str:
    """Say where the second program is first wrong; a mark on a bar shows the position."""
    wrong = [one for one in differences if not one.snr >= floor]
    if not wrong:
        return f"all of {len(differences)} values reach {floor:g} dB"
    first = min(wrong, key=lambda one: one.index)
    index = differences.index(first)
    mark = round(index / max(len(differences) - 1, 1) * (BAR_WIDTH - 1))
    bar = "─" * mark + "┼" + "─" * (BAR_WIDTH - 1 - mark)
    return (
        f"{len(wrong)} of {len(differences)} values are below {floor:g} dB; the first, "
        f"{index + 1} of {len(differences)}: {first.name} ├{bar}┤"
    )


if __name__ == "__main__":
    run(app, "python -m coreml_runtime")
