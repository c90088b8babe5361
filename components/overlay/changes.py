"""What a user wants changed in a checkpoint before a command works on it, and how that is written.

A checkpoint may also be one file: a `.safetensors` in the layout of the original Stable Diffusion.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.errors import OverlayError

PARTS = ("unet", "vae", "text_encoder", "controlnet")
"""The parts that a model of the user's own can take the place of."""
PREDICTIONS = ("epsilon", "v_prediction")
"""What a denoiser may predict, as schedulers of diffusers call it."""
MOST_STEPS = 1000
"""Steps that models are trained with: more there cannot be."""
MOST_PICTURES = 16
"""The largest batch: a phone has no use, and no memory, for more."""


@dataclass(frozen=True, kw_only=True)
class Lora:
    """A LoRA that is to be fused into the weights.

    Attributes:
        file: A safetensors file, or a folder that holds `pytorch_lora_weights.safetensors`.
        strength: What its update of the weights is multiplied by.
    """

    file: Path
    strength: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What is to differ from a checkpoint. Nothing does by default.

    Attributes:
        loras: LoRAs, fused in this order.
        unet, vae: Folder of one model, or a safetensors file, in the place of the checkpoint's own.
        text_encoder, controlnet: Folder of one model.
        pipeline: Name of the class that `model_index.json` names.
        prediction: What the UNet predicts, one of `PREDICTIONS`.
        size: Width and height of pictures in pixels.
        batch: Number of pictures that one run draws, 1 to `MOST_PICTURES`.
        guidance: Scale of guidance; 0 or 1 for none.
        steps: Numbers of steps that the sampler has tables of, the default first.
        strength: How far a run from a picture goes back to noise, in (0,1].
    """

    loras: tuple[Lora, ...] = ()
    unet: Path | None = None
    vae: Path | None = None
    text_encoder: Path | None = None
    controlnet: Path | None = None
    pipeline: str | None = None
    prediction: str | None = None
    size: tuple[int, int] | None = None
    batch: int | None = None
    guidance: float | None = None
    steps: tuple[int, ...] = ()
    strength: float | None = None

    def __post_init__(self) -> None:
        if self.prediction not in (None, *PREDICTIONS):
            raise OverlayError(
                f"--prediction is {self.prediction!r}, expected {' or '.join(PREDICTIONS)}"
            )
        if self.batch is not None and not 1 <= self.batch <= MOST_PICTURES:
            raise OverlayError(f"--batch is {self.batch}, expected 1 to {MOST_PICTURES}")
        if self.guidance is not None and not 0 <= self.guidance < math.inf:
            raise OverlayError(f"--guidance is {self.guidance}, expected a number from 0")
        if self.strength is not None and not 0 < self.strength <= 1:
            raise OverlayError(f"--strength is {self.strength}, expected more than 0, at most 1")

    def part(self, name: str) -> Path | None:
        """The model that takes a part's place, if any."""
        path: Path | None = getattr(self, name)
        return path

    @property
    def changes_weights(self) -> bool:
        """Whether any weight would differ from the checkpoint's."""
        return bool(self.loras) or any(self.part(name) is not None for name in PARTS)


def parse_loras(texts: Sequence[str]) -> tuple[Lora, ...]:
    """LoRAs as a command line names them: `FILE` or `FILE:STRENGTH` each.

    The colon of a Windows drive belongs to the file, and so does any other where a file of the
    whole name exists.

    Raises:
        OverlayError: What follows the last colon is no finite number.
    """
    return tuple(_parse_lora(text) for text in texts)


def _parse_lora(text: str) -> Lora:
    path, colon, tail = text.rpartition(":")
    drive = re.fullmatch(r"[A-Za-z]", path) is not None and tail[:1] in ("\\", "/")
    if not colon or drive or Path(text).exists():
        return Lora(file=Path(text))
    try:
        strength = float(tail)
    except ValueError:
        strength = math.nan
    if not path or not math.isfinite(strength):
        raise OverlayError(
            f"--lora {text}: the strength is {tail[:40]!r}, expected FILE:STRENGTH with a number, "
            f"such as {path or 'FILE'}:0.8"
        )
    return Lora(file=Path(path), strength=strength)


def parse_size(text: str | None) -> tuple[int, int] | None:
    """A size as a command line gives it: `WIDTHxHEIGHT` in pixels.

    Raises:
        OverlayError: It is not written so.
    """
    if text is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,4})[x×]([1-9][0-9]{0,4})", text.strip(), re.IGNORECASE)
    if found is None:
        raise OverlayError(
            f"--size is {text[:40]!r}, expected WIDTHxHEIGHT in pixels, such as 512x768"
        )
    return int(found[1]), int(found[2])


def parse_steps(text: str | None) -> tuple[int, ...]:
    """Numbers of steps as a command line gives them: `20` or `4,1,8`, each from 1 to 1000.

    Raises:
        OverlayError: It is not written so, or a number is there twice.
    """
    if text is None:
        return ()
    parts = text.split(",")
    steps = [int(part) for part in parts if re.fullmatch(r"[1-9][0-9]{0,3}", part.strip())]
    if len(steps) != len(parts) or len({*steps}) != len(steps) or max(steps) > MOST_STEPS:
        raise OverlayError(
            f"--steps is {text[:40]!r}, expected different numbers from 1 to {MOST_STEPS} with "
            f"commas between them, the default first, such as 4,1,8"
        )
    return tuple(steps)
