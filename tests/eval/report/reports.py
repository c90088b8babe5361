"""Reports as evaluations write them, with real pictures and worsened ones, for the tests of their
forms."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from avatar.people import STYLES, can_draw, draw, sample_identity
from components.metrics import psnr, ssim
from eval import (
    Comparison,
    Cost,
    Coverage,
    Environment,
    Layer,
    LayerSearch,
    Point,
    Report,
    Row,
    Series,
    Subject,
    Where,
)
from eval.metrics.flip import flip
from eval.schema import RUN, Level

COREML, ONNX = "dist/coreml", "dist/onnx"
RUNTIMES = {COREML: ("coreml_runtime",), ONNX: ("onnx", "ort")}
COMPONENTS = ("identity_encoder", "denoiser", "decoder")
TABLES = {"1": (1100.0,), "2": (1100.0, 500.0), "4": (1000.0, 750.0, 500.0, 250.0)}
CRASH = "Fail: \x1b[31m[ONNXRuntimeError] : 1 : FAIL\x1b[0m : Load model <decoder.ort> failed"

ENVIRONMENT = Environment(
    version="0.1.0",
    python="3.11.7",
    system="Linux 6.1 x86_64",
    processor="Intel(R) Xeon(R) Platinum 8481C",
    cores=2,
    threads=2,
    libraries={"torch": "2.13.0", "onnxruntime": "1.28.0", "coremltools": "9.0"},
    started="2026-11-23T09:30:00+00:00",
    seconds=71.3,
    peak_bytes=1_900_000_000,
)
COVERAGE = Coverage(
    digest="5f" * 32,
    people=(11, 12, 13, 14, 15, 16),
    runs=12,
    selfies=(1, 3, 10),
    styles=tuple(style.name for style in STYLES),
    tables=TABLES,
)

SIZES = {
    COREML: [("mlpackage", 13_980_000, 15e6)],
    ONNX: [("onnx", 26_882_000, 30e6), ("ort", 51_904_000, 60e6)],
}
"""For all model files of a kind: name, bytes, ceiling."""


def subject(name: str) -> Subject:
    return Subject(
        name=name,
        format=name.removeprefix("dist/"),
        tier="fp16",
        gates="eval/gates/fp16.toml",
        version="0.1.0",
        options={"target": "iOS16", "precision": "fp16"} if name == COREML else {"opset": "18"},
        tools={"torch": "2.13.0"},
        manifest="ab" * 32,
        checkpoint="cd" * 32,
        recipe=None,
        bytes=SIZES[name][0][1],
    )


def row(artifact: str, level: Level, metric: str, value: float, limit: float | None, **more) -> Row:
    units = {"psnr": "dB", "snr": "dB", "bytes": "bytes", "seconds": "s"}
    floor = metric in ("psnr", "snr", "cosine", "ssim", "retrieval")
    facts = {"unit": units.get(metric, ""), "at_least": floor, **more}
    return Row(artifact=artifact, level=level, metric=metric, value=value, limit=limit, **facts)


def passing(folder: Path) -> Report:
    """Core ML and ONNX of one checkpoint, all in order; its pictures are written to `folder`."""
    rows = [made for name in RUNTIMES for made in _rows(name)]
    return Report(
        mode="default",
        environment=ENVIRONMENT,
        coverage=COVERAGE,
        subjects=(subject(COREML), subject(ONNX)),
        rows=tuple(rows),
        series=tuple(s for name in RUNTIMES for s in _series(name)),
        costs=tuple(dict.fromkeys(cost for name in RUNTIMES for cost in _costs(name))),
        comparisons=tuple(
            pair
            for name, runtimes in RUNTIMES.items()
            for runtime in runtimes
            for pair in _pairs(folder, name, runtime, noise=0.004)
        ),
    )


def failing(folder: Path) -> Report:
    """The same report with a denoiser that is wrong in Core ML, and a `.ort` that crashes."""
    good = passing(folder)
    rows = [_worsened(made) for made in good.rows if made.runtime != "ort"]
    crash = {"runtime": "ort", "outcome": "crashed", "reason": CRASH}
    rows.append(row(ONNX, "components", "run", -math.inf, None, **crash))
    kept = [pair for pair in good.comparisons if pair.runtime == "onnx"]
    broken = _pairs(folder, COREML, "coreml_runtime", noise=0.12)
    series = [s if s.artifact == ONNX else _dented(s) for s in good.series if s.runtime != "ort"]
    return replace(
        good,
        rows=tuple(rows),
        series=tuple(series),
        searches=(_search(),),
        costs=tuple(cost for cost in good.costs if cost.runtime != "ort"),
        comparisons=(*broken, *kept),
    )


def _rows(name: str) -> list[Row]:
    made = [
        row(name, "manifest", "wrong", 0, 0, count=23),
        row(name, "weights", "wrong", 0, 0, count=412),
        *(
            row(name, "size", "bytes", value, limit, runtime=kind)
            for kind, value, limit in SIZES[name]
        ),
    ]
    for runtime in RUNTIMES[name]:
        fine = 60.0 if name == ONNX else 0.0
        for index, component in enumerate(COMPONENTS):
            facts = {"runtime": runtime, "component": component, "count": 144}
            case = Where(person=12 + index, selfies=3, style="micah", seed=7, steps=2, step=1)
            facts["where"] = replace(case, timestep=500.0)
            for metric, value, limit in (
                ("psnr", 73.4 + fine + index, 50.0),
                ("snr", 66.2 + fine, 45.0),
                ("cosine", 0.9999998, 0.9999),
                ("max_error", 0.0021, 0.02),
            ):
                made.append(row(name, "components", metric, value, limit, typical=value, **facts))
        of_run = {
            "runtime": runtime,
            "count": 12,
            "where": Where(person=14, style="lorelei", seed=3),
        }
        made += [
            row(name, "trajectory", "psnr", 64.2 + fine, 45.0, **of_run),
            row(name, "image", "psnr", 58.1 + fine, 40.0, typical=63.0 + fine, **of_run),
            row(name, "image", "ssim", 0.99991, 0.99, **of_run),
            row(name, "image", "flip", 0.0041, 0.03, **of_run),
            row(name, "set", "retrieval", 0.941, 0.92, runtime=runtime, count=72),
            row(name, "speed", "ratio", 0.62, 4.0, runtime=runtime),
            row(name, "speed", "seconds", 0.191, None, runtime=runtime),
        ]
    if name == COREML:
        why = "Apple's framework exists on macOS only"
        away = {"runtime": "apple-all", "outcome": "unavailable", "reason": why}
        made.append(row(name, "components", "run", 0, None, **away))
    return made


def _worsened(made: Row) -> Row:
    """What a wrong denoiser does to Core ML's rows."""
    if made.artifact != COREML or made.runtime != "coreml_runtime" or made.level == "speed":
        return made
    if made.component not in ("denoiser", RUN) or made.level == "set":
        return made
    worse = {"psnr": 21.4, "snr": 17.9, "cosine": 0.93, "max_error": 0.44, "ssim": 0.71}
    return replace(made, value=worse.get(made.metric, 0.231), typical=None)


def _series(name: str) -> list[Series]:
    made = []
    for runtime in RUNTIMES[name]:
        for level, component in (("components", "denoiser"), ("trajectory", "denoiser")):
            fine = 60.0 if name == ONNX else 0.0
            drift = 3.0 if level == "trajectory" else 0.0
            offset = 1.5 * (runtime == "ort")
            points = tuple(
                Point(
                    steps=int(steps),
                    step=step,
                    timestep=timestep,
                    worst=73.0 + fine + offset + timestep / 300 - drift * step,
                    mean=76.0 + fine + timestep / 300 - drift * step,
                )
                for steps, timesteps in TABLES.items()
                for step, timestep in enumerate(timesteps)
            )
            facts = {"artifact": name, "runtime": runtime, "component": component}
            facts |= {"metric": "psnr", "unit": "dB", "against": "reference"}
            made.append(Series(level=level, points=points, **facts))
    return made


def _dented(series: Series) -> Series:
    worse = [replace(p, worst=21.4 + p.timestep / 200, mean=24.0) for p in series.points]
    return replace(series, points=tuple(worse))


def _search() -> LayerSearch:
    rng = np.random.default_rng(0)
    blocks = [f"down.{i}.conv" for i in range(24)] + [f"mid.{i}.proj" for i in range(10)]
    blocks += ["mid.attention.to_out"] + [f"up.{i}.conv" for i in range(30)]
    wrong = blocks.index("mid.attention.to_out")
    values = [68 - 0.1 * i + rng.normal() if i < wrong else 17 + rng.normal() for i in range(65)]
    layers = [Layer(name=n, value=n, snr=float(v)) for n, v in zip(blocks, values, strict=True)]
    return LayerSearch(
        artifact=COREML,
        runtime="coreml_runtime",
        component="denoiser",
        against="reference",
        where=Where(person=13, style="micah", steps=2, step=1, timestep=500.0),
        layers=(Layer(name="input.conv", value="input", snr=math.inf), *layers),
        first="mid.attention.to_out",
        snr=layers[wrong].snr,
        note="Layers that are fused with their activation are compared after it.",
    )


def _costs(name: str) -> list[Cost]:
    made = []
    work = {"identity_encoder": (0.008, 1.2), "denoiser": (0.048, 3.1), "decoder": (0.031, 1.9)}
    for runtime in ("pytorch", *RUNTIMES[name]):
        ratio = {"pytorch": 1.0, "onnx": 0.48, "ort": 0.55, "coreml_runtime": 1.31}[runtime]
        for component, (seconds, gmac) in work.items():
            warm = tuple(seconds * ratio * (1 + 0.02 * i) for i in range(5))
            facts = {"artifact": name, "runtime": runtime, "component": component}
            facts["artifact"] = "" if runtime == "pytorch" else name
            facts |= {"load": 0.21, "cold": 3 * seconds, "warm": warm, "ratio": ratio, "gmac": gmac}
            size = 0 if runtime == "pytorch" else int(4e6 * gmac * (2 if runtime == "ort" else 1))
            facts |= {"peak_bytes": 81_000_000, "file_bytes": size, "moved_bytes": 42_000_000}
            made.append(Cost(**facts))
        owner = "" if runtime == "pytorch" else name
        facts = {"artifact": owner, "runtime": runtime, "component": RUN, "avatars": 4}
        made.append(
            Cost(load=0.6, cold=0.9, warm=(0.41 * ratio, 0.4 * ratio), ratio=ratio, **facts)
        )
    return made


def _pairs(folder: Path, name: str, runtime: str, *, noise: float) -> list[Comparison]:
    """A worst and a typical pair: an avatar as drawn, and one that is blurred and noisy."""
    made = []
    for person, kind, amount in ((14, "worst", noise), (15, "typical", noise / 3)):
        identity = sample_identity(person)
        style = [style.name for style in STYLES if can_draw(identity, style.name)][person % 3]
        drawn = draw(identity, style, person)
        test = _degraded(drawn, amount, person)
        stem = f"pictures/{name.replace('/', '-')}-{runtime}-{kind}"
        difference = np.abs(drawn.astype(int) - test).clip(0, 31) * 8
        for part, pixels in (("reference", drawn), ("test", test), ("difference", difference)):
            path = folder / f"{stem}-{part}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(path)
        a, b = (x.transpose(2, 0, 1)[None] / 255 for x in (drawn, test))
        facts = {part: f"{stem}-{part}.png" for part in ("reference", "test", "difference")}
        metrics = {"psnr": psnr(a, b, peak=1), "ssim": ssim(a, b, peak=1), "flip": flip(a, b)}
        where = Where(person=person, selfies=3, style=style, seed=7, steps=2)
        facts |= {"artifact": name, "runtime": runtime, "against": "reference"}
        made.append(Comparison(kind=kind, where=where, metrics=metrics, **facts))
    return made


def _degraded(pixels: np.ndarray, amount: float, seed: int) -> np.ndarray:
    blurred = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(12 * amount))
    noise = np.random.default_rng(seed).normal(0, 255 * amount, pixels.shape)
    return (np.asarray(blurred) + noise + 0.5).clip(0, 255).astype(np.uint8)
