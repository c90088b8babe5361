"""Models of the user's own in the place of a checkpoint's parts."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

from components.checkpoint import read_json
from components.errors import OverlayError
from components.foreign import described
from components.overlay.exact import require_exact
from components.overlay.folder import CONFIG, CheckpointFolder
from components.overlay.shapes import vae_config
from components.overlay.single_file import UNET, VAE, original_unet, original_vae, read_kind
from components.overlay.tensors import Shapes, Tensors, open_tensors
from components.overlay.unet_shapes import unet_config
from components.weights import find_weights
from support.found_files import describe
from support.hub_cache import snapshot

_CLASSES = {
    "unet": ("diffusers", ("UNet2DConditionModel",)),
    "vae": ("diffusers", ("AutoencoderKL", "AutoencoderTiny")),
    "text_encoder": ("transformers", ("CLIPTextModel", "CLIPTextModelWithProjection")),
    "controlnet": ("diffusers", ("ControlNetModel",)),
}
"""For each part its library, and the classes that it may have."""
_WITH_CONTROLNET = {
    "StableDiffusionPipeline": "StableDiffusionControlNetPipeline",
    "StableDiffusionImg2ImgPipeline": "StableDiffusionControlNetImg2ImgPipeline",
    "StableDiffusionInpaintPipeline": "StableDiffusionControlNetInpaintPipeline",
    "StableDiffusionXLPipeline": "StableDiffusionXLControlNetPipeline",
    "StableDiffusionXLImg2ImgPipeline": "StableDiffusionXLControlNetImg2ImgPipeline",
    "StableDiffusionXLInpaintPipeline": "StableDiffusionXLControlNetInpaintPipeline",
}
"""The class that a pipeline has with a ControlNet."""
_OF_CHECKPOINT = ("sample_size", "addition_time_embed_dim", "upcast_attention")
"""Settings of a UNet that its weights do not show: they stay as the checkpoint has them."""


def swap(folder: CheckpointFolder, part: str, source: Path) -> None:
    """Put a model in a part's place.

    Args:
        folder: The checkpoint.
        part: `unet`, `vae`, `text_encoder` or `controlnet`.
        source: Folder of one model with its `config.json`, or its download in Hugging Face's
            cache; for UNet and VAE also one safetensors file, in the original layout or diffusers'.

    Raises:
        OverlayError: It is no such model.
        CheckpointError: It cannot be read, or its weights fit no configuration.
    """
    source = snapshot(source)
    if part == "controlnet":
        _name_controlnet_pipeline(folder)
    else:
        folder.part(part)
    if source.is_dir():
        _swap_folder(folder, part, source)
    elif part in ("unet", "vae") and describe(source)[0] == "a safetensors file":
        _swap_file(folder, part, source)
    else:
        _refuse(part, source)


def _refuse(part: str, source: Path) -> NoReturn:
    file = " or a safetensors file" if part in ("unet", "vae") else ""
    what = f"is {described(source)}" if source.exists() else "is missing"
    raise OverlayError(
        f"--{_option(part)}: {source} {what}, expected the folder of one model{file}"
    )


def _option(part: str) -> str:
    return part.replace("_", "-")


def _name_controlnet_pipeline(folder: CheckpointFolder) -> None:
    name = folder.index["_class_name"]
    if name in _WITH_CONTROLNET:
        folder.index["_class_name"] = _WITH_CONTROLNET[name]
    elif name not in _WITH_CONTROLNET.values():
        raise OverlayError(f"--controlnet: a {name} takes no ControlNet")


def _swap_folder(folder: CheckpointFolder, part: str, source: Path) -> None:
    library, classes = _CLASSES[part]
    if not (source / CONFIG).is_file():
        inside = source / part / CONFIG
        advice = f": name {inside.parent}" if inside.is_file() else ""
        raise OverlayError(
            f"--{_option(part)}: {source} is {described(source)} without {CONFIG}, expected the "
            f"folder of one model{advice}"
        )
    config = read_json(source / CONFIG)
    named = config.get("_class_name") or (config.get("architectures") or [None])[0]
    if named not in classes:
        raise OverlayError(
            f"--{_option(part)}: {source} is of a {str(named)[:60]}, "
            f"expected {' or '.join(classes)}"
        )
    find_weights(source, library)
    folder.set_part(part, source, library, named)


def _swap_file(folder: CheckpointFolder, part: str, source: Path) -> None:
    library, classes = _CLASSES[part]
    with ExitStack() as stack:
        tensors = open_tensors([source], stack)
        made = _from_original(folder, part, tensors, source)
        config, state = made or (folder.config(part), {k: tensors[k] for k in tensors})
        kind = str(config.get("_class_name", classes[0]))
        require_exact(library, kind, config, state, f"--{_option(part)}: {source}")
        folder.index[part] = [library, kind]
        folder.set_config(part, config)
        folder.set_weights(part, library, state)


def _from_original(
    folder: CheckpointFolder, part: str, tensors: Tensors, source: Path
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Configuration and weights of a file in the original layout; None where it is in another."""
    prefix = {"unet": UNET, "vae": VAE}[part]
    if not any(name.startswith(prefix) for name in tensors):
        prefix = ""
    shapes = tensors.shapes_below(prefix)
    if part == "unet" and "input_blocks.0.0.weight" in shapes:
        config = unet_config(shapes, _published_unet(folder, shapes), str(source))
        own = folder.config(part)
        config |= {key: own[key] for key in _OF_CHECKPOINT if key in own and key in config}
        return config, original_unet(tensors.below(prefix), config)
    if part == "vae" and "encoder.down.0.block.0.conv1.weight" in shapes:
        start = folder.config(part)
        if start.get("_class_name") != "AutoencoderKL":
            start = read_kind("sdxl" if folder.has("text_encoder_2") else "sd1")["vae"]
        config = vae_config(shapes, start, str(source))
        return config, original_vae(tensors.below(prefix), config)
    return None


def _published_unet(folder: CheckpointFolder, shapes: Shapes) -> dict[str, Any]:
    """The published configuration that a UNet's is nearest to."""
    if "label_emb.0.0.weight" in shapes:
        kind = "sdxl" if folder.has("text_encoder") else "sdxl_refiner"
    else:
        linear = {len(s) for name, s in shapes.items() if name.endswith(".proj_in.weight")} == {2}
        kind = "sd2" if linear else "sd1"
    unet: dict[str, Any] = read_kind(kind)["unet"]
    return unet
