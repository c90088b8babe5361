"""Draws the renderer's stages: `python -m docs.renderer` writes `docs/renderer.png`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from avatar.people.identity import sample_identity
from avatar.people.renderer import SHADOW_STEPS, SIDE, STEPS, _cpu, _gpu, _table, render
from avatar.people.renderer._color import linear_from_srgb, srgb_from_linear
from avatar.people.renderer.head.paint_face import paint_eye, paint_mouth, paint_skin
from avatar.people.renderer.head.paint_rest import paint_glasses, paint_hair, paint_torso
from avatar.people.renderer.head.parameters import Parameters

PICTURE = Path(__file__).parent / "renderer.png"
PERSON, SEED = 2, 1002
PANEL, GAP, TITLE, COLUMNS = 192, 10, 26, 4

PART_COLORS = np.array(
    [[232, 190, 160], [70, 130, 220], [200, 60, 70], [120, 170, 90], [120, 90, 60], [40, 40, 40],
     [230, 190, 40]]
) / 255  # fmt: skip
PAINTERS = (paint_skin, paint_eye, paint_mouth, paint_torso, paint_hair, paint_glasses)
"""In the order of `head.PARTS`; this person wears neither earrings nor a headscarf."""

NOTHING = np.array([0.80, 0.85, 0.92])
"""What is shown where no ray meets anything."""

Panel = NDArray[np.float64]


def stages() -> dict[str, Panel]:
    """What one ray a pixel finds, by stage, (128,128,3) sRGB in [0,1].

    Computed with the tensors of `_gpu.py`, whose stages can be called one at a time.
    """
    row = _table([sample_identity(PERSON)], [SEED])[0]
    p = Parameters(*(torch.tensor([[float(row[name])]]) for name in Parameters._fields))
    k = _gpu._kernels(int(row["hair_form"]), False)
    place = torch.arange(SIDE * SIDE)[None]
    u = (place % SIDE + 0.5) * (2.0 / SIDE) - 1.0
    v = 1.0 - (place // SIDE + 0.5) * (2.0 / SIDE)
    *ray, t, far = k.aim(u, v, p)
    pixel = 1.0 / (SIDE * p.focal)
    t, hit, part = _gpu._march(
        k, p, tuple(ray), t, far, near=0.25 * pixel, last=2.0 * pixel, steps=STEPS
    )
    at = _gpu._along(p, tuple(ray), t)
    normal = _gpu._normal(k, p, at)
    shadow, occlusion = _gpu._visibility(k, p, at, normal, SHADOW_STEPS)
    paint = torch.zeros(3, SIDE * SIDE)
    for number, painter in enumerate(PAINTERS):
        colors = torch.stack(
            [torch.as_tensor(channel).expand_as(t)[0] for channel in painter(*at, p)[:3]]
        )
        paint = torch.where(part[0] == number, colors, paint)
    depth = 1.0 - (t - t[hit].min()) / (t[hit].max() - t[hit].min())

    def panel(values: torch.Tensor) -> Panel:
        """(1 or 3, pixels) to a picture."""
        picture = values.expand(3, -1).numpy().astype(np.float64).T
        return np.where(hit[0].numpy()[:, None], picture, NOTHING).reshape(SIDE, SIDE, 3)

    return {
        "1  distance": panel(depth),
        "2  part": panel(torch.from_numpy(PART_COLORS[part[0].numpy()].T)),
        "3  normal": panel(0.5 + 0.5 * torch.cat(normal)),
        "4  shadow of the key light": panel(shadow),
        "5  occlusion of the sky": panel(occlusion),
        "6  paint": panel(torch.from_numpy(srgb_from_linear(paint.numpy()))),
    }


def lit_head() -> Panel:
    """The rendered head, four rays a pixel."""
    table = _table([sample_identity(PERSON)], [SEED])
    head = _cpu.trace(table, 0, SIDE, steps=STEPS, shadow_steps=SHADOW_STEPS)
    behind = linear_from_srgb(NOTHING) * (1.0 - head[..., 3:])
    return srgb_from_linear(head[..., :3] + behind).astype(np.float64)


def photo() -> Panel:
    """The finished selfie."""
    (picture,) = render([sample_identity(PERSON)], [SEED])
    return picture.transpose(1, 2, 0).astype(np.float64)


def sheet(panels: dict[str, Panel]) -> Image.Image:
    """The panels in rows, their titles above them."""
    rows = -(-len(panels) // COLUMNS)
    page = Image.new(
        "RGB", (COLUMNS * (PANEL + GAP) + GAP, rows * (PANEL + TITLE + GAP) + GAP), "white"
    )
    pen = ImageDraw.Draw(page)
    for index, (title, panel) in enumerate(panels.items()):
        left = GAP + index % COLUMNS * (PANEL + GAP)
        top = GAP + index // COLUMNS * (PANEL + TITLE + GAP)
        pen.text((left, top + 4), title, fill="black", font_size=14)
        picture = Image.fromarray(np.floor(panel * 255 + 0.5).astype(np.uint8))
        picture = picture.resize((PANEL, PANEL), Image.Resampling.LANCZOS)
        page.paste(picture, (left, top + TITLE))
    return page


def main() -> None:
    """Draw, write and name the picture."""
    sheet({**stages(), "7  lit head": lit_head(), "8  photo": photo()}).save(PICTURE)
    print(PICTURE)


if __name__ == "__main__":
    main()
