"""The report as one HTML page that a person can look at: verdicts, pictures, plots, figures."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from avatar.model import AvatarPipeline
from avatar.people import STYLES
from distillation import plots
from distillation.data import People
from distillation.report import (
    DEFAULT_STEPS,
    FIGURES,
    SELFIES,
    STUDENT_STEPS,
    TEACHER_STEPS,
    Report,
    targets,
    worst,
    worst_group,
)
from distillation.scoring import Painter
from support import atomic
from support.render import render

TEMPLATES = Path(__file__).parent / "templates"

PAGE = "report.html"
SHOWN_PEOPLE, SHOWN_WORST = 4, 16
CELL = 128


def write_page(
    report: Report,
    teacher: AvatarPipeline,
    student: AvatarPipeline,
    people: People,
    out: Path,
) -> Path:
    """Draw what the page shows once more, and write `report.html`; gives its path."""
    usual = Painter(student, people, student.sampler.table(DEFAULT_STEPS), SELFIES)
    painters = _painters(teacher, student, people)
    text = render(
        TEMPLATES,
        "report.html.j2",
        {"picture": picture},
        report=report,
        targets=targets(report),
        figures=FIGURES,
        worst_group=worst_group,
        styles=STYLES,
        default_steps=DEFAULT_STEPS,
        teacher_steps=TEACHER_STEPS,
        plots=[
            plots.attributes(report, DEFAULT_STEPS, TEACHER_STEPS),
            plots.by_steps(report, TEACHER_STEPS),
            plots.by_selfies(report),
        ],
        blocks=[
            block(person, people, painters) for person in range(min(SHOWN_PEOPLE, len(people)))
        ],
        worst=worst_cases(report, people, usual),
    )
    atomic.write(out / PAGE, text.encode())
    return out / PAGE


def _painters(
    teacher: AvatarPipeline, student: AvatarPipeline, people: People
) -> dict[str, Painter]:
    table = teacher.sampler.table(TEACHER_STEPS)
    made = {f"teacher, {TEACHER_STEPS} steps": Painter(teacher, people, table, SELFIES)}
    for steps in STUDENT_STEPS:
        table = student.sampler.table(steps)
        made[f"student, {steps} steps"] = Painter(student, people, table, SELFIES)
    return made


def block(
    person: int, people: People, painters: dict[str, Painter]
) -> list[tuple[str, Image.Image]]:
    """A person's selfies, then their drawings and what each model makes of them, style by style."""
    rows = first_rows(people, person)
    selfies = torch.from_numpy(people.selfies[person, :SELFIES])
    drawn = {"designers": _drawings(people, rows)}
    made = {name: _pixels(painter.paint(rows)) for name, painter in painters.items()}
    pictures = {f"{len(selfies)} selfies": selfies, **drawn, **made}
    return [(name, strip(found)) for name, found in pictures.items()]


def first_rows(people: People, person: int) -> np.ndarray:
    """The row of the person's first drawing in every style that has one."""
    rows: dict[int, int] = {}
    for row, entry in enumerate(people.avatars):
        if entry.person == person:
            rows.setdefault(entry.style, row)
    return np.array(list(rows.values()))


def worst_cases(report: Report, people: People, painter: Painter) -> list[tuple[str, Image.Image]]:
    """The avatars that the judge finds least like their drawing: selfie, drawing, avatar."""
    rows = np.array(worst(report, SHOWN_WORST))
    cases = []
    painted = _pixels(painter.paint(rows))
    for row, avatar, drawn in zip(rows, painted, _drawings(people, rows), strict=True):
        entry = people.avatars[row]
        selfie = torch.from_numpy(people.selfies[entry.person, :1])
        seen = torch.nn.functional.interpolate(selfie.float(), 256)[0].byte()
        title = f"{STYLES[entry.style].name}, {report.likeness[row]:.1f}"
        cases.append((title, strip(torch.stack([seen, drawn, avatar]))))
    return cases


def _drawings(people: People, rows: np.ndarray) -> Tensor:
    pixels = [people.avatars[row].pixels() for row in rows]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)


def _pixels(images: Tensor) -> Tensor:
    return (images * 255 + 0.5).clamp(0, 255).byte()


def strip(images: Tensor) -> Image.Image:
    """(n,3,h,w) uint8 pictures side by side, each `CELL` high."""
    count, _, height, width = images.shape
    sheet = images.permute(2, 0, 3, 1).reshape(height, count * width, 3).numpy()
    return Image.fromarray(sheet).resize((count * CELL, CELL), Image.Resampling.LANCZOS)


def picture(image: Image.Image) -> str:
    """As a data URL: the page needs no other file."""
    image.save(stream := io.BytesIO(), format="PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
