"""The report as one HTML page to look at: targets, figures, plots and pictures."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from avatar.model import AvatarPipeline
from avatar.people import STYLES
from distillation.data import MadeUpPeople
from distillation.report import plots
from distillation.report.comparison import (
    DEFAULT_STEPS,
    FIGURES,
    SELFIES,
    STUDENT_STEPS,
    TEACHER_STEPS,
    Report,
    targets,
    worst,
)
from distillation.report.generation import AvatarGenerator
from distillation.report.tables import worst_group
from support import atomic
from support.images import to_8_bit
from support.render import render

TEMPLATES = Path(__file__).parent / "templates"

PAGE_FILE = "report.html"
SHOWN_PEOPLE, SHOWN_WORST = 4, 16
HEIGHT = 128
"""Height of each picture on the page's strips, in pixels."""


def write_page(
    report: Report,
    teacher: AvatarPipeline,
    student: AvatarPipeline,
    people: MadeUpPeople,
    out: Path,
) -> Path:
    """Generate the avatars that the page shows, write `report.html`, and return its path."""
    usual = AvatarGenerator(student, people, student.sampler.table(DEFAULT_STEPS), SELFIES)
    generators = _generators(teacher, student, people)
    text = render(
        TEMPLATES,
        "report.html.j2",
        {"picture": data_url},
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
            person_strips(person, people, generators)
            for person in range(min(SHOWN_PEOPLE, len(people)))
        ],
        worst=worst_strips(report, people, usual),
    )
    atomic.write(out / PAGE_FILE, text.encode())
    return out / PAGE_FILE


def _generators(
    teacher: AvatarPipeline, student: AvatarPipeline, people: MadeUpPeople
) -> dict[str, AvatarGenerator]:
    """A generator for each model and number of steps, by its title on the page."""
    table = teacher.sampler.table(TEACHER_STEPS)
    found = {f"teacher, {TEACHER_STEPS} steps": AvatarGenerator(teacher, people, table, SELFIES)}
    for steps in STUDENT_STEPS:
        table = student.sampler.table(steps)
        found[f"student, {steps} steps"] = AvatarGenerator(student, people, table, SELFIES)
    return found


def person_strips(
    person: int, people: MadeUpPeople, generators: dict[str, AvatarGenerator]
) -> list[tuple[str, Image.Image]]:
    """Titles and strips of one person: selfies, drawings by style, and each model's avatars."""
    rows = first_rows(people, person)
    selfies = torch.from_numpy(people.selfies[person, :SELFIES])
    drawn = {"designers": _drawings(people, rows)}
    made = {name: _in_8_bit(generator.generate(rows)) for name, generator in generators.items()}
    pictures = {f"{len(selfies)} selfies": selfies, **drawn, **made}
    return [(name, strip(found)) for name, found in pictures.items()]


def first_rows(people: MadeUpPeople, person: int) -> NDArray[np.integer]:
    """The row of the person's first drawing in every style that has one."""
    rows: dict[int, int] = {}
    for row, drawing in enumerate(people.drawings):
        if drawing.person == person:
            rows.setdefault(drawing.style, row)
    return np.array(list(rows.values()))


def worst_strips(
    report: Report, people: MadeUpPeople, generator: AvatarGenerator
) -> list[tuple[str, Image.Image]]:
    """Titles and strips (selfie, drawing, avatar) of the avatars least like their drawing."""
    rows = np.array(worst(report, SHOWN_WORST))
    strips = []
    generated = _in_8_bit(generator.generate(rows))
    for row, avatar, drawn in zip(rows, generated, _drawings(people, rows), strict=True):
        drawing = people.drawings[row]
        selfie = torch.from_numpy(people.selfies[drawing.person, :1])
        seen = torch.nn.functional.interpolate(selfie.float(), 256)[0].byte()
        title = f"{STYLES[drawing.style].name}, {report.likeness[row]:.1f}"
        strips.append((title, strip(torch.stack([seen, drawn, avatar]))))
    return strips


def _drawings(people: MadeUpPeople, rows: NDArray[np.integer]) -> Tensor:
    pixels = [people.drawings[row].pixels() for row in rows]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)


def _in_8_bit(images: Tensor) -> Tensor:
    return torch.from_numpy(to_8_bit(images.numpy()))


def strip(images: Tensor) -> Image.Image:
    """Pictures (n,3,h,w) uint8 side by side, each `HEIGHT` high."""
    count, _, height, width = images.shape
    joined = images.permute(2, 0, 3, 1).reshape(height, count * width, 3).numpy()
    return Image.fromarray(joined).resize((count * HEIGHT, HEIGHT), Image.Resampling.LANCZOS)


def data_url(image: Image.Image) -> str:
    """The picture as a data URL, so that the page needs no other file."""
    image.save(stream := io.BytesIO(), format="PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
