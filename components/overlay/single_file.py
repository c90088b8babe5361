"""A checkpoint in one file, in the layout of the original Stable Diffusion, as a folder.

Which kind it is shows in the names of its weights, and how large it is in their shapes. What
neither shows comes from the configurations in `data/`, which are those of the published models.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from diffusers.loaders import single_file_utils as original

from components.checkpoint import INDEX, understood
from components.declared import SCHEDULER_CONFIG
from components.errors import CheckpointError
from components.foreign import refusal
from components.overlay.changes import PREDICTIONS
from components.overlay.exact import require_exact
from components.overlay.folder import CheckpointFolder
from components.overlay.shapes import clip_config, open_clip_config, vae_config
from components.overlay.tensors import Shapes, Tensors, open_tensors
from components.overlay.tokenizer import VOCABULARY, write_tokenizer
from components.overlay.unet_shapes import unet_config

UNET, VAE = "model.diffusion_model.", "first_stage_model."
_CLIP, _OPEN_CLIP = "cond_stage_model.transformer.", "cond_stage_model.model."
_XL_CLIP, _XL_OPEN_CLIP = "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."
_REFINER = "conditioner.embedders.0.model."
_TEXT = {
    "sdxl": {"text_encoder": _XL_CLIP, "text_encoder_2": _XL_OPEN_CLIP},
    "sdxl_refiner": {"text_encoder_2": _REFINER},
    "sd2": {"text_encoder": _OPEN_CLIP},
    "sd1": {"text_encoder": _CLIP},
}
"""For each kind its text encoders, and what the names of their weights begin with."""
_UNUSED = ("embeddings.position_ids", "text_projection.weight", "logit_scale")
"""Ends of names in CLIP's text encoder that Stable Diffusion has no use for."""
_INPAINT = {
    "StableDiffusionPipeline": "StableDiffusionInpaintPipeline",
    "StableDiffusionXLPipeline": "StableDiffusionXLInpaintPipeline",
}
_LCM_SCHEDULER = {
    "_class_name": "LCMScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "original_inference_steps": 50,
    "prediction_type": "epsilon",
    "set_alpha_to_one": True,
    "steps_offset": 0,
    "timestep_spacing": "leading",
}
"""The scheduler of the published latent consistency models (arXiv 2310.04378)."""


def kind_of(shapes: Shapes) -> str | None:
    """The kind of a single file, as the files in `data/` are named; None where it is none of them.

    UNet, VAE and text encoder must all be there.
    """
    for kind, text in _TEXT.items():
        prefixes = (UNET, VAE, *text.values())
        if all(any(name.startswith(prefix) for name in shapes) for prefix in prefixes):
            return kind
    return None


def read_kind(kind: str) -> dict[str, Any]:
    """The published configurations of a kind."""
    text = (files("components.overlay") / "data" / f"{kind}.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


def unpack(file: Path, folder: CheckpointFolder, prediction: str | None) -> Mapping[str, str]:
    """Write a single file's parts into a folder, one after the other, in the types that they have.

    Args:
        file: A `.safetensors` file.
        folder: Where to; nothing is in it.
        prediction: What the UNet predicts, where the user says it.

    Returns:
        The file's metadata.

    Raises:
        CheckpointError: It is no such file; it does not say what it predicts and nothing else
            shows it; or its weights fit no configuration.
    """
    with ExitStack() as stack:
        tensors = open_tensors([file], stack)
        kind = kind_of(tensors.shapes)
        if kind is None:
            raise CheckpointError(refusal(file, INDEX))
        published = read_kind(kind)
        unet = unet_config(tensors.shapes_below(UNET), published["unet"], str(file))
        _require_channels(unet, file)
        predicts = prediction or _prediction(kind, unet, tensors, file)
        folder.index = dict(published["model_index"])
        configs = _text_configs(kind, published, tensors, file)
        unet = _sized(_with_time_ids(unet, configs), kind, predicts)
        _write(folder, "unet", unet, original_unet(tensors.below(UNET), unet), file)
        vae = vae_config(tensors.shapes_below(VAE), published["vae"], str(file))
        _write(folder, "vae", vae, original_vae(tensors.below(VAE), vae), file)
        for part, prefix in _TEXT[kind].items():
            state = _text_state(kind, tensors, prefix, configs[part])
            _write(folder, part, configs[part], state, file)
            _write_tokenizer(folder, part, published["pads"], configs[part], file)
        _write_scheduler(folder, published, unet, predicts, tensors)
        return dict(tensors.metadata)


def original_unet(state: dict[str, torch.Tensor], config: Mapping[str, Any]) -> dict[str, Any]:
    """The weights of a UNet of the original layout, under diffusers' names."""
    named = {f"{UNET}{name}": tensor for name, tensor in state.items()}
    made: dict[str, Any] = original.convert_ldm_unet_checkpoint(named, dict(config))
    if "time_embed.cond_proj.weight" in state:  # the one weight that diffusers leaves out
        made["time_embedding.cond_proj.weight"] = state["time_embed.cond_proj.weight"]
    return made


def original_vae(state: dict[str, torch.Tensor], config: Mapping[str, Any]) -> dict[str, Any]:
    """The weights of a VAE of the original layout, under diffusers' names."""
    made: dict[str, Any] = original.convert_ldm_vae_checkpoint(dict(state), dict(config))
    return made


def _require_channels(unet: Mapping[str, Any], file: Path) -> None:
    latents = unet["out_channels"]
    if unet["in_channels"] not in (latents, 2 * latents + 1):
        raise CheckpointError(
            f"{file} is of a UNet with {unet['in_channels']} channels, expected {latents}, or "
            f"{2 * latents + 1} for inpainting"
        )


def _inpaints(unet: Mapping[str, Any]) -> bool:
    return bool(unet["in_channels"] != unet["out_channels"])


def _prediction(kind: str, unet: Mapping[str, Any], tensors: Tensors, file: Path) -> str:
    """What a UNet predicts, where the file says it or its kind leaves no choice.

    Files say it by an empty tensor `v_pred`, by `modelspec` metadata, or by the number of training
    steps of the official 512-pixel Stable Diffusion 2, as diffusers reads it.
    """
    spec = tensors.metadata.get("modelspec.prediction_type", "")
    architecture = tensors.metadata.get("modelspec.architecture", "").partition("/")[0]
    if "v_pred" in tensors or spec.startswith("v") or architecture.endswith("-768-v"):
        return "v_prediction"
    if kind != "sd2" or _inpaints(unet) or spec == "epsilon" or architecture.endswith("v2-512"):
        return "epsilon"
    if "global_step" in tensors.shapes:
        return "epsilon" if int(tensors["global_step"]) == 875_000 else "v_prediction"
    raise CheckpointError(
        f"{file} is a Stable Diffusion 2, whose weights do not show what they predict: add "
        f"--prediction {PREDICTIONS[1]} (2.1 of 768 pixels) or --prediction {PREDICTIONS[0]} "
        f"(2.1-base of 512 pixels, Turbo)"
    )


def _text_configs(
    kind: str, published: Mapping[str, Any], tensors: Tensors, file: Path
) -> dict[str, dict[str, Any]]:
    configs = {}
    for part, prefix in _TEXT[kind].items():
        shapes, start = tensors.shapes_below(prefix), published[part]
        if prefix in (_CLIP, _XL_CLIP):
            shapes = {name.removeprefix("text_model."): shape for name, shape in shapes.items()}
            configs[part] = clip_config(shapes, start, str(file))
        else:
            configs[part] = open_clip_config(shapes, start, str(file))
        if kind == "sd2":
            # Projection and last layer of OpenCLIP are not used; some files leave them out.
            configs[part]["projection_dim"] = start["projection_dim"]
            if configs[part]["num_hidden_layers"] != start["num_hidden_layers"]:
                configs[part]["num_hidden_layers"] -= 1
        if configs[part]["vocab_size"] != VOCABULARY:
            raise CheckpointError(
                f"{file}: its text encoder knows {configs[part]['vocab_size']} tokens, expected "
                f"the {VOCABULARY} of CLIP: name a folder in diffusers' layout, with its tokenizer"
            )
    return configs


def _text_state(
    kind: str, tensors: Tensors, prefix: str, config: Mapping[str, Any]
) -> dict[str, torch.Tensor]:
    """The weights of a text encoder under transformers' names."""
    if prefix in (_CLIP, _XL_CLIP):
        return {
            f"text_model.{name.removeprefix('text_model.')}": tensor
            for name, tensor in tensors.below(prefix).items()
            if not name.endswith(_UNUSED)
        }
    dropped: tuple[str, ...] = ()
    if kind == "sd2":
        last = f"transformer.resblocks.{config['num_hidden_layers']}."
        dropped = (last, "text_projection")
    state = {
        f"{prefix}{name}": tensor
        for name, tensor in tensors.below(prefix).items()
        if not name.startswith(dropped)
    }
    width = SimpleNamespace(config=SimpleNamespace(hidden_size=config["hidden_size"]))
    made: dict[str, torch.Tensor] = original.convert_open_clip_checkpoint(width, state, prefix)
    return made


def _with_time_ids(unet: dict[str, Any], texts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A UNet of SDXL reads pooled text and six numbers, five in the refiner, each embedded."""
    if "addition_time_embed_dim" not in unet:
        return unet
    numbers = 6 if "text_encoder" in texts else 5
    pooled = texts["text_encoder_2"]["projection_dim"]
    width = (unet["projection_class_embeddings_input_dim"] - pooled) // numbers
    return {**unet, "addition_time_embed_dim": width}


def _sized(unet: dict[str, Any], kind: str, prediction: str) -> dict[str, Any]:
    """Stable Diffusion 2 of 768 pixels, which alone predicts v; its attention needs fp32."""
    if kind == "sd2" and prediction == "v_prediction":
        return {**unet, "sample_size": 96, "upcast_attention": True}
    return unet


def _write(
    folder: CheckpointFolder, part: str, config: Mapping[str, Any], state: Any, file: Path
) -> None:
    library, kind = folder.part(part)
    require_exact(library, kind, config, state, f"{file}: its {part}")
    folder.set_config(part, config)
    folder.set_weights(part, library, state)


def _write_tokenizer(
    folder: CheckpointFolder,
    part: str,
    pads: Mapping[str, str],
    config: Mapping[str, Any],
    file: Path,
) -> None:
    name = part.replace("text_encoder", "tokenizer")
    with understood(file):
        write_tokenizer(
            folder.path / name, pad=pads[name], length=config["max_position_embeddings"]
        )


def _write_scheduler(
    folder: CheckpointFolder,
    published: Mapping[str, Any],
    unet: Mapping[str, Any],
    prediction: str,
    tensors: Tensors,
) -> None:
    """Scheduler and pipeline class, as the published models of that kind have them."""
    config, name = dict(published["scheduler"]), folder.index["_class_name"]
    if unet.get("time_cond_proj_dim"):
        config, name = dict(_LCM_SCHEDULER), "LatentConsistencyModelPipeline"
    elif _inpaints(unet):
        if name not in _INPAINT:
            raise CheckpointError(f"there is no inpainting pipeline of the kind of a {name}")
        name = _INPAINT[name]
    if prediction == "v_prediction" and config["_class_name"] == "PNDMScheduler":
        config.pop("skip_prk_steps")
        config |= {"_class_name": "DDIMScheduler", "clip_sample": False}
    if "ztsnr" in tensors:
        config |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    folder.index["_class_name"] = name
    folder.index["scheduler"] = ["diffusers", config["_class_name"]]
    folder.set_config("scheduler", {**config, "prediction_type": prediction}, SCHEDULER_CONFIG)
