"""`avatar.toml`: the parts of an avatar model, as a team names them."""

from __future__ import annotations

import json
import math
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avatar.people import DesignerStyle
from avatar.styles_file import NAME, TIERS
from components.errors import AssemblyError
from components.overlay.changes import MOST_STEPS
from support.json_records import from_plain, record

PATHS = ("base", "image_encoder", "unet", "decoder")
"""Parts that may be written as a path alone, where their own model cards name their licences."""


@record
@dataclass(frozen=True, kw_only=True)
class PartEntry:
    """One model.

    Attributes:
        path: Folder or file, relative to the file that names it.
        licence: Of its weights; empty where its own model card says it.
    """

    path: str
    licence: str = ""


@record
@dataclass(frozen=True, kw_only=True)
class AdapterEntry:
    """The IP-Adapter.

    Attributes:
        file: A safetensors file.
        licence: Of its weights.
        scale: How much it counts: a number, or numbers by block, as diffusers'
            `set_ip_adapter_scale` takes them.
    """

    file: str
    licence: str
    scale: float | dict[str, Any] = 1.0


@record
@dataclass(frozen=True, kw_only=True)
class LoraEntry:
    """A LoRA, fused into UNet and text encoders.

    Attributes:
        file: A safetensors file.
        licence: Of its weights.
        strength: What its update of the weights is multiplied by.
    """

    file: str
    licence: str
    strength: float = 1.0


@record
@dataclass(frozen=True, kw_only=True)
class SelfiesEntry:
    """What the model takes of a person.

    Attributes:
        places: Most selfies in one call; each costs a run of the image encoder.
        pool: Where several are averaged: `embeddings` (one vector a selfie) or `tokens`. Empty for
            the first where the adapter reads vectors.
    """

    places: int = 4
    pool: str = ""


@record
@dataclass(frozen=True, kw_only=True)
class SamplerSettings:
    """How pictures are drawn.

    Attributes:
        scheduler: Class of diffusers; empty for the base's own.
        steps: Default number of steps.
        also: Other numbers of steps that an app may choose.
        guidance: Scale of guidance; 1 for one call a step, without negative prompts.
        eta: How much fresh noise a step adds, in schedulers that leave it open.
        settings: The scheduler's settings by their names in diffusers, over the base's.
    """

    steps: int
    guidance: float
    scheduler: str = ""
    also: tuple[int, ...] = ()
    eta: float = 0.0
    settings: dict[str, Any] = field(default_factory=dict)


@record
@dataclass(frozen=True, kw_only=True)
class StyleSettings:
    """One style: its prompts, and what users and lawyers want to know of it.

    Attributes:
        name: Lower-case letters, digits and hyphens.
        prompt: What the text encoder reads.
        negative: What guidance leads away from.
        title: Name for people; made of the name where it is empty.
        tier: `free` or `plus`.
        licence, licence_url, creator, creator_url, source, source_url: As every style has them.
    """

    name: str
    prompt: str
    licence: str
    creator: str
    negative: str = ""
    title: str = ""
    tier: str = "free"
    licence_url: str = ""
    creator_url: str = ""
    source: str = ""
    source_url: str = ""

    def designer_style(self) -> DesignerStyle:
        """The style as a checkpoint's `styles.json` has it."""
        return DesignerStyle(
            name=self.name,
            title=self.title or self.name.replace("-", " ").title(),
            tier=self.tier,
            licence=self.licence,
            licence_url=self.licence_url,
            creator=self.creator,
            creator_url=self.creator_url,
            source=self.source,
            source_url=self.source_url,
        )


@record
@dataclass(frozen=True, kw_only=True)
class AvatarFile:
    """All of an `avatar.toml`.

    Attributes:
        base: Stable Diffusion: a folder in diffusers' layout, or one safetensors file.
        image_encoder: What looks at selfies: the folder of a `CLIPVisionModelWithProjection`.
        adapter: The IP-Adapter.
        sampler: How pictures are drawn.
        style: The styles, in the order of their indices.
        unet: A UNet in the place of the base's.
        decoder: An autoencoder in the place of the base's, `AutoencoderTiny` too.
        lora: LoRAs, fused in this order.
        selfies: What the model takes of a person.
        size: Width and height of avatars in pixels, such as `384x384`; empty for the base's.
        title: Name of the model for its card; empty for the file's folder's name.
    """

    base: PartEntry
    image_encoder: PartEntry
    adapter: AdapterEntry
    sampler: SamplerSettings
    style: tuple[StyleSettings, ...]
    unet: PartEntry | None = None
    decoder: PartEntry | None = None
    lora: tuple[LoraEntry, ...] = ()
    selfies: SelfiesEntry = SelfiesEntry()
    size: str = ""
    title: str = ""


def read_avatar_file(path: Path) -> AvatarFile:
    """Read an `avatar.toml`, and check what can be checked without its parts.

    Raises:
        AssemblyError: It is no such file; the message says what is wrong in it, and what was
            expected.
    """

    def wrong(message: str) -> AssemblyError:
        return AssemblyError(f"{path}: {message}")

    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise wrong(f"cannot be read ({error.strerror}); expected an avatar.toml") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise wrong(f"is not TOML: {error}") from None
    if "guidance_rescale" in values.get("sampler", {}):
        raise wrong(
            "sampler.guidance_rescale looks at the whole picture in every step, which no sampler "
            "table can: leave it out, and name an EulerDiscreteScheduler with settings = "
            '{ timestep_spacing = "trailing" }'
        )
    found: AvatarFile = from_plain(AvatarFile, _plain(values, wrong), wrong)
    _check_numbers(found, wrong)
    _check_styles(found, wrong)
    return found


def _plain(values: Mapping[str, Any], wrong: Any) -> dict[str, Any]:
    """The file's values as JSON has them, where parts that are a path alone are tables too."""
    tables = {
        name: {"path": value} if name in PATHS and isinstance(value, str) else value
        for name, value in values.items()
    }
    try:
        made: dict[str, Any] = json.loads(json.dumps(tables, default=str, allow_nan=False))
    except ValueError:
        raise wrong("holds a number that is not finite") from None
    return made


def _check_numbers(found: AvatarFile, wrong: Any) -> None:
    sampler, places = found.sampler, found.selfies.places
    steps = (sampler.steps, *sampler.also)
    if not all(1 <= count <= MOST_STEPS for count in steps) or len({*steps}) != len(steps):
        raise wrong(
            f"sampler has steps {', '.join(map(str, steps))}, expected different numbers from 1 to "
            f"{MOST_STEPS}"
        )
    if not 1 <= sampler.guidance < math.inf:
        raise wrong(f"sampler.guidance is {sampler.guidance:g}, expected 1 (none) or more")
    if not 0 <= sampler.eta <= 1:
        raise wrong(f"sampler.eta is {sampler.eta:g}, expected a number from 0 to 1")
    if not 1 <= places <= 16:
        raise wrong(f"selfies.places is {places}, expected 1 to 16")
    if found.selfies.pool not in ("", "tokens", "embeddings"):
        raise wrong(f"selfies.pool is {found.selfies.pool!r}, expected 'tokens' or 'embeddings'")


def _check_styles(found: AvatarFile, wrong: Any) -> None:
    if not found.style:
        raise wrong("has no [[style]], expected at least one, with name, prompt, licence, creator")
    for style in found.style:
        if not NAME.fullmatch(style.name):
            raise wrong(
                f"a style is named {style.name!r}, expected lower-case letters, digits and hyphens"
            )
        if style.tier not in TIERS:
            raise wrong(
                f"style {style.name} has the tier {style.tier!r}, expected {' or '.join(TIERS)}"
            )
        if empty := [name for name in ("prompt", "licence", "creator") if not getattr(style, name)]:
            raise wrong(f"style {style.name} has an empty {empty[0]}")
        if style.negative and found.sampler.guidance == 1:
            raise wrong(
                f"style {style.name} has a negative prompt, which guidance = 1 never reads: leave "
                f"it out, or raise sampler.guidance"
            )
    for name, count in Counter(style.name for style in found.style).items():
        if count > 1:
            raise wrong(f"{count} styles are named {name!r}, expected a name of its own for each")
