"""The three networks of an assembled model: made of their parts and written, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from components.adapted.adapter import Adapter, install, projection_options
from components.adapted.image_encoder import (
    FaceNetwork,
    ImageEncoder,
    open_face_network,
    open_image_encoder,
)
from components.adapted.job import Job
from components.adapted.latent_decoder import LatentDecoder, halved
from components.adapted.prompts import Prompts, embed
from components.adapted.selfie_encoder import OF_VECTORS, Pooling, SelfieEncoder
from components.adapted.styled_denoiser import Constants, StyledDenoiser
from components.checkpoint import INDEX, read_json
from components.declared import load_module
from components.diffusion.autoencoder import KINDS
from components.errors import AssemblyError
from components.overlay.folder import WEIGHT_FILES
from components.overlay.tensors import write_tensors
from support.json_records import dump
from support.progress import Progress

_HIDDEN = ("_name_or_path", "transformers_version", "torch_dtype", "dtype", "architectures")
"""Fields of configurations that say nothing about a network."""


def write_networks(job: Job, adapter: Adapter, progress: Progress) -> None:
    """Write the three networks, each gone from memory before the next.

    Args:
        job: The assembly.
        adapter: The IP-Adapter.
        progress: Hears of each step.

    Raises:
        AssemblyError: Parts do not go together; the message names them.
    """
    encoder, pool = _opened(job, adapter), _pooling(job, adapter)
    progress("embedding the prompts")
    zeros = job.base.flow.settings.get("empty_prompt") == "zeros"
    prompts = embed(job.base, job.wanted.style, zeros=zeros)
    progress("putting the adapter into the UNet")
    projection = _write_denoiser(job, adapter, prompts)
    progress("joining image encoder and projection")
    _write_encoder(job, encoder, projection, pool)
    progress("writing the decoder")
    _write_decoder(job)


def _write_denoiser(job: Job, adapter: Adapter, prompts: Prompts) -> nn.Module:
    """Write the denoiser; returns the adapter's projection."""
    unet = load_module(UNet2DConditionModel, job.base.checkpoint, "unet")
    projection, adapted = install(adapter, unet, job.wanted.adapter.scale)
    settings = job.base.flow.settings
    text, pooled = prompts.text, prompts.pooled
    module = StyledDenoiser(unet, torch.zeros(1, 4), text, pooled, Constants())
    config = {
        "unet": _config_of(unet),
        "adapted": adapted,
        "text": list(text.shape),
        "pooled": list(pooled.shape) if pooled is not None else None,
        "time_ids": settings.get("time_ids"),
    }
    _write(job.folder, "denoiser", module, config)
    return projection


def _config_of(unet: UNet2DConditionModel) -> dict[str, Any]:
    config = {name: value for name, value in unet.config.items() if not name.startswith("_")}
    return {**config, "encoder_hid_dim_type": None}


def _pooling(job: Job, adapter: Adapter) -> Pooling:
    """Where several selfies are averaged."""
    vectors = adapter.kind in OF_VECTORS
    if job.wanted.selfies.pool == "embeddings" and not vectors:
        raise AssemblyError(
            f"{job.file}: selfies.pool is 'embeddings', of which this adapter reads none but "
            f"states place by place: leave it out"
        )
    return "embeddings" if vectors and job.wanted.selfies.pool != "tokens" else "tokens"


def _opened(job: Job, adapter: Adapter) -> ImageEncoder | FaceNetwork:
    entry = job.wanted.image_encoder
    path = job.path(entry.path)
    if path.suffix == ".onnx":
        return open_face_network(path, entry, adapter)
    return open_image_encoder(path, adapter)


def _write_encoder(
    job: Job, encoder: ImageEncoder | FaceNetwork, projection: nn.Module, pool: Pooling
) -> None:
    options = projection_options(projection)
    network = encoder.network().float().eval()
    with torch.no_grad():
        nobody = encoder.nobody(network)
        null = projection(nobody)
    module = SelfieEncoder(network, projection, null, pool=pool)
    config = {
        **encoder.config(),
        "projection": options,
        "tokens": list(null.shape[1:]),
        "pool": pool,
        "places": job.wanted.selfies.places,
    }
    _write(job.folder, "identity_encoder", module, config)


def _write_decoder(job: Job) -> None:
    config = read_json(job.base.checkpoint / "vae" / "config.json")
    kind = str(read_json(job.base.checkpoint / INDEX)["vae"][1])
    vae = load_module(KINDS[kind], job.base.checkpoint, "vae")
    module = LatentDecoder(halved(vae), None, 1.0)  # type: ignore[arg-type]  # weights only
    clean = {k: v for k, v in config.items() if not k.startswith("_") and k not in _HIDDEN}
    settings = {"class": kind, "vae": clean, "normalised": job.base.normalised}
    _write(job.folder, "decoder", module, settings)


def _write(folder: Path, part: str, module: nn.Module, config: Mapping[str, Any]) -> None:
    """Write one network: `config.json`, and its weights."""
    (folder / part).mkdir()
    named = {"_class_name": type(module).__name__, **config}
    (folder / part / "config.json").write_bytes(dump(named))
    state = {name: _compact(tensor) for name, tensor in module.state_dict().items()}
    write_tensors(folder / part / WEIGHT_FILES["diffusers"], state)


def _compact(tensor: Tensor) -> Tensor:
    """The same numbers in fp16 where it holds them all, else in fp32."""
    half = tensor.half()
    return half if torch.equal(half.float(), tensor) else tensor
