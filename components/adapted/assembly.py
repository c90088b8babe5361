"""From an `avatar.toml` to a checkpoint: every part is read, changed and written, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers

from avatar.styles_file import STYLES_FILE, dump_styles
from components.adapted import card
from components.adapted.adapter import read_adapter
from components.adapted.avatar_file import AvatarFile, PartEntry, read_avatar_file
from components.adapted.job import Job, path_of
from components.adapted.levels import ADVICE, levels_of
from components.adapted.networks_written import write_networks
from components.checkpoint import INDEX, read_json, understood
from components.declared import SCHEDULER_CONFIG
from components.diffusion.latent_diffusion import LatentDiffusion
from components.diffusion.schedulers import KINDS as SCHEDULERS
from components.diffusion.schedulers import SchedulerSettings
from components.errors import AssemblyError, CheckpointError, OverlayError
from components.overlay import Change, Changes, Lora, Overlay, licence_of, overlaid, parse_size
from components.overlay.assembly import hash_of
from components.overlay.record import RECORD
from components.registry import load
from support import atomic
from support.json_records import dump
from support.progress import Progress, silent
from support.publish import publish

PIPELINE = "AdaptedAvatarPipeline"
_LIBRARY = "components.adapted"
_BASES = (
    "LatentConsistencyModelPipeline",
    "StableDiffusionPipeline",
    "StableDiffusionXLPipeline",
)


def assemble(file: Path, out: Path, progress: Progress = silent) -> Path:
    """Put an avatar model together from parts, and publish it in one atomic step.

    Weights are stored in fp16 where that changes no number, else in fp32. Law: the same file and
    parts give the same bytes.

    Args:
        file: The `avatar.toml`, whose paths are relative to it.
        out: Folder of the checkpoint.
        progress: Hears of each step.

    Returns:
        `out`.

    Raises:
        AssemblyError: The file or a part of it cannot be used; the message names the part.
        ComponentsError: A part cannot be read.
        PublishError: The checkpoint cannot be put in its place.
    """
    wanted = read_avatar_file(file)
    licences = _licences(file, wanted)
    adapter = read_adapter(path_of(file, wanted.adapter.file))

    def waiting() -> None:
        progress(f"another call writes {out}; waiting for it")

    # Both files, so that a team's own base is never replaced.
    with publish(out, marker=(INDEX, RECORD), kind="an assembled model", on_wait=waiting) as folder:
        with _base(file, wanted, progress) as base:
            job = Job(file, wanted, folder, base)
            _require_base(job)
            _write_scheduler(job)
            write_networks(job, adapter, progress)
        (folder / STYLES_FILE).write_bytes(
            dump_styles([style.designer_style() for style in wanted.style])
        )
        _write_index(folder, wanted)
        record = _record(file, wanted)
        (folder / RECORD).write_bytes(record.dump())
        card.write(folder, wanted, licences, record)
        progress("checking what was written")
        load(folder)
    return out


def _licences(file: Path, wanted: AvatarFile) -> dict[str, str]:
    """The licence of every part, by what the file calls the part.

    Raises:
        AssemblyError: A part is missing, or nobody has said its licence.
    """
    found = {}
    for name, part in _parts(wanted):
        path = path_of(file, part.path)
        if not path.exists():
            raise AssemblyError(f"{file}: {name} is {path}, which is not there")
        licence = part.licence or (licence_of(path) if path.is_dir() else None)
        if not licence:
            raise AssemblyError(
                f"{file}: {name} has no licence, and no model card that names one: "
                f'{name} = {{ path = "{part.path}", licence = "…" }}'
            )
        found[name] = licence
    return found


def _parts(wanted: AvatarFile) -> Iterator[tuple[str, PartEntry]]:
    """Every part with the name that the file gives it."""
    for name in ("base", "unet", "image_encoder", "decoder"):
        part: PartEntry | None = getattr(wanted, name)
        if part is not None:
            yield name, part
    adapter = wanted.adapter
    yield "adapter", PartEntry(path=adapter.file, licence=adapter.licence)
    for lora in wanted.lora:
        yield f"lora {lora.file}", PartEntry(path=lora.file, licence=lora.licence)


@contextmanager
def _base(file: Path, wanted: AvatarFile, progress: Progress) -> Iterator[LatentDiffusion]:
    """The base with LoRAs, UNet, decoder and size as the file has them."""
    changes = Changes(
        loras=tuple(
            Lora(file=path_of(file, lora.file), strength=lora.strength) for lora in wanted.lora
        ),
        unet=path_of(file, wanted.unet.path) if wanted.unet else None,
        vae=path_of(file, wanted.decoder.path) if wanted.decoder else None,
        size=_renamed(lambda: parse_size(wanted.size or None)),
    )
    _require_same_scaling(file, wanted)
    entered = overlaid(path_of(file, wanted.base.path), changes, progress)
    folder = _renamed(entered.__enter__)
    try:
        pipeline = load(folder)
        if not isinstance(pipeline, LatentDiffusion):
            raise AssemblyError(f"{file}: base is {wanted.base.path}, expected Stable Diffusion")
        yield pipeline
    finally:
        entered.__exit__(None, None, None)


def _renamed(make: Callable[[], Any]) -> Any:
    """What `make` returns; its errors name entries of the file instead of options."""
    try:
        return make()
    except OverlayError as error:
        text = str(error)
        for option, entry in (("--lora", "lora"), ("--vae", "decoder"), ("--unet", "unet")):
            text = text.replace(option, entry)
        raise AssemblyError(text.replace("--size", "size")) from None


def _require_same_scaling(file: Path, wanted: AvatarFile) -> None:
    """Raise `AssemblyError` where the decoder of another base would draw wrong colours."""
    if wanted.decoder is None:
        return
    paths = (path_of(file, wanted.base.path) / "vae", path_of(file, wanted.decoder.path))
    if not all((path / "config.json").is_file() for path in paths):
        return
    own, other = (read_json(path / "config.json") for path in paths)
    if own.get("_class_name") != other.get("_class_name"):
        return  # an `AutoencoderTiny` scales by itself
    scales = [float(config.get("scaling_factor", 0.18215)) for config in (own, other)]
    if scales[0] != scales[1]:
        raise AssemblyError(
            f"decoder: {paths[1]} scales latents by {scales[1]:g}, expected {scales[0]:g} as the "
            f"base's own: it is of another base (Stable Diffusion 1 and 2 have 0.18215, XL 0.13025)"
        )


def _require_base(job: Job) -> None:
    """Raise `AssemblyError` unless the base draws pictures from text alone."""
    name = read_json(job.base.checkpoint / INDEX)["_class_name"]
    if name not in _BASES:
        raise AssemblyError(f"{job.file}: base is a {name}, expected one of {', '.join(_BASES)}")
    config = read_json(job.base.checkpoint / "unet" / "config.json")
    if config.get("encoder_hid_dim_type") is not None:
        raise AssemblyError(
            f"{job.file}: base has encoder_hid_dim_type = {config['encoder_hid_dim_type']!r}, "
            f"expected a UNet that takes text and an adapter's tokens only"
        )


# The scheduler.


def _write_scheduler(job: Job) -> None:
    """Write the scheduler's folder; raises `AssemblyError` where no table can express it."""
    asked = job.wanted.sampler
    own = SchedulerSettings.of_checkpoint(job.base.checkpoint, job.base.corrections)
    name = asked.scheduler or own.kind
    if name not in SCHEDULERS:
        raise AssemblyError(
            f"{job.file}: sampler.scheduler is {name!r}, expected one of {', '.join(SCHEDULERS)}"
        )
    values = {"clip_sample": False, **own.values, **asked.settings}
    _require_known(job.file, name, asked.settings)
    with understood(job.file):
        made = getattr(diffusers, name).from_config(values)
    known = made._get_init_keys(type(made))
    config = {key: value for key, value in made.config.items() if key in known}
    folder = job.folder / "scheduler"
    folder.mkdir()
    (folder / SCHEDULER_CONFIG).write_bytes(dump({"_class_name": name, **config}))
    _write_index(job.folder, job.wanted, scheduler=name)
    try:
        settings = SchedulerSettings.of_checkpoint(job.folder)
        levels_of(settings, (asked.steps, *asked.also), guidance=1.0, eta=asked.eta)
    except CheckpointError as error:
        text = str(error).replace(f"{folder / SCHEDULER_CONFIG}", f"the base's {name}")
        advice = "" if ADVICE in text else f"; {ADVICE}"
        raise AssemblyError(f"{job.file}: sampler: {text}{advice}") from None


def _require_known(file: Path, name: str, settings: Mapping[str, Any]) -> None:
    kind = getattr(diffusers, name)
    if unknown := sorted(settings.keys() - kind._get_init_keys(kind)):
        raise AssemblyError(
            f"{file}: sampler.settings has {unknown[0]}, which a {name} does not know"
        )


# What the folder says of itself.


def _write_index(folder: Path, wanted: AvatarFile, scheduler: str | None = None) -> None:
    sampler = wanted.sampler
    scheduler = scheduler or str(read_json(folder / INDEX)["scheduler"][1])
    index = {
        "_class_name": PIPELINE,
        "identity_encoder": [_LIBRARY, "SelfieEncoder"],
        "denoiser": [_LIBRARY, "StyledDenoiser"],
        "decoder": [_LIBRARY, "LatentDecoder"],
        "scheduler": ["diffusers", scheduler],
        "steps": ",".join(map(str, (sampler.steps, *sampler.also))),
        "guidance": sampler.guidance,
        "eta": sampler.eta,
    }
    atomic.write(folder / INDEX, dump(index))


def _record(file: Path, wanted: AvatarFile) -> Overlay:
    """What the model was made of, as every changed checkpoint says it."""
    changes = []
    for name, part in _parts(wanted):
        path = path_of(file, part.path)
        what, _, _ = name.partition(" ")
        strength = next(
            (lora.strength for lora in wanted.lora if name == f"lora {lora.file}"), None
        )
        changes.append(
            Change(what=what, value=Path(part.path).name, sha256=hash_of(path), strength=strength)
        )
    if wanted.size:
        changes.append(Change(what="size", value=wanted.size))
    base = changes[0].sha256
    assert base is not None
    return Overlay(base=base, changes=tuple(changes))
