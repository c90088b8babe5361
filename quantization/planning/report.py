"""A plan as people see it: a table, and the curve of quality over size as PNG and HTML."""

from __future__ import annotations

import base64
import io
from collections import Counter
from pathlib import Path

from rich.table import Table

from quantization.planning.activation_planner import ActivationPlan
from quantization.planning.curve import Curve
from quantization.planning.settings import decibels_of
from support import atomic
from support.render import render

TEMPLATES = Path(__file__).parent / "templates"
HEADINGS = ("", "MB", "bits", "predicted dB", "mean dB", "worst dB")


def table(curve: Curve) -> Table:
    """A table of all plans; its title says how many weights have which scheme."""
    counts = Counter(str(scheme) for scheme, _ in curve.chosen.recipe.weights.values())
    schemes = ", ".join(f"{count}× {name}" for name, count in sorted(counts.items()))
    runs = curve.chosen.quality.runs
    shown = Table(
        title=f"final images of {runs} runs against fp16\n{schemes}", title_justify="left"
    )
    for heading in HEADINGS:
        shown.add_column(heading, justify="right" if heading else "left")
    for row in _rows(curve):
        shown.add_row(*row)
    return shown


def _rows(curve: Curve) -> list[tuple[str, ...]]:
    """The cells of each row of the table, in the order of `HEADINGS`."""
    named = [("this plan", curve.chosen), *curve.plans, *curve.uniform]
    return [
        (
            name,
            f"{plan.size / 1e6:.2f}",
            f"{8 * plan.size / curve.parameters:.2f}",
            f"{plan.predicted:.1f}",
            f"{plan.quality.mean:.1f}",
            f"{plan.quality.worst:.1f}",
        )
        for name, plan in named
    ]


def layer_table(plan: ActivationPlan) -> Table:
    """A table of all convolutions, those last that cost most for each multiplication they save.

    Its title says what the whole plan does.
    """
    quality, count = plan.quality, sum(layer.int8 for layer in plan.layers)
    shown = Table(
        title=f"{count} of {len(plan.layers)} convolutions in int8, {plan.share:.1%} of all "
        f"multiplications of weights\nfinal images of {quality.runs} runs against fp16: mean "
        f"{quality.mean:.1f} dB ({plan.predicted:.1f} predicted), worst {quality.worst:.1f} dB, "
        f"SSIM {quality.ssim:.3f}",
        title_justify="left",
    )
    for heading in ("layer", "computes in", "million multiplications a run", "alone, dB"):
        shown.add_column(
            heading, justify="left" if heading in ("layer", "computes in") else "right"
        )
    for layer in plan.layers:
        shown.add_row(
            layer.name,
            "int8" if layer.int8 else "float",
            f"{layer.multiplications / 1e6:.1f}",
            f"{decibels_of(layer.cost):.1f}",
        )
    return shown


def write(curve: Curve, recipe: Path) -> tuple[Path, Path]:
    """Write the curve beside a recipe, as `NAME.png` and `NAME.html`; returns both paths."""
    picture, page = recipe.with_suffix(".png"), recipe.with_suffix(".html")
    data = png(curve)
    weights = [
        (name, str(scheme), "×".join(map(str, shape)))
        for name, (scheme, shape) in sorted(curve.chosen.recipe.weights.items())
    ]
    text = render(
        TEMPLATES,
        "plan.html.j2",
        picture=base64.b64encode(data).decode(),
        headings=HEADINGS,
        rows=_rows(curve),
        runs=curve.chosen.quality.runs,
        weights=weights,
    )
    atomic.write(picture, data)
    atomic.write(page, text.encode())
    return picture, page


def png(curve: Curve) -> bytes:
    """The curve as a picture; same curve, same bytes on one machine."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    sizes, decibels = zip(*curve.predicted, strict=True)
    axes.plot([s / 1e6 for s in sizes], decibels, color="0.7", label="planned, predicted")
    for label, plans, mark in (
        ("planned, measured", curve.plans, "o"),
        ("uniform bits", curve.uniform, "s"),
        ("this plan", [("this plan", curve.chosen)], "*"),
    ):
        points = sorted((plan.size / 1e6, plan.quality.mean) for _, plan in plans)
        if points:
            size = 12 if mark == "*" else 6
            axes.plot(*zip(*points, strict=True), mark, markersize=size, label=label)
    for name, plan in curve.uniform:
        axes.annotate(
            name.removeprefix("uniform "),
            (plan.size / 1e6, plan.quality.mean),
            textcoords="offset points",
            xytext=(6, -10),
        )
    axes.set_xlabel("size of all components, MB")
    axes.set_ylabel("mean PSNR of final images, dB")
    axes.grid(alpha=0.3)
    axes.legend()
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=120, metadata={"Software": None})
    return stream.getvalue()
