"""The components of diffusers' Stable Diffusion pipeline: text encoder, UNet, VAE decoder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from components.checkpoint import read_json, require_safetensors
from components.component import (
    Arrays,
    Component,
    PipelineComponents,
    PipelineFacts,
    Runner,
    TensorSpec,
)
from components.errors import CheckpointError

PROMPT = "a watercolour of a lighthouse at dusk"
STEPS = 4
"""Steps of a recorded run: enough for early and late timesteps, and an 860 M UNet does them in
seconds."""
GUIDANCE = 7.5


class _TextEncoder(nn.Module):
    """From token ids to the last hidden state. The pipeline does not use the pooled output."""

    def __init__(self, model: CLIPTextModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor) -> Tensor:
        return self.model(input_ids=input_ids, return_dict=False)[0]


class _UNet(nn.Module):
    """The UNet with positional arguments and one output."""

    def __init__(self, model: UNet2DConditionModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, latents: Tensor, timestep: Tensor, text_embeddings: Tensor) -> Tensor:
        return self.model(latents, timestep, text_embeddings, return_dict=False)[0]


class _Decoder(nn.Module):
    """From latents, as the sampler leaves them, to a picture in [0,1]: scaling is inside."""

    def __init__(self, model: AutoencoderKL) -> None:
        super().__init__()
        self.decoder, self.post_quant_conv = model.decoder, model.post_quant_conv
        self.scale, self.shift = model.config.scaling_factor, model.config.shift_factor or 0.0

    def forward(self, latents: Tensor) -> Tensor:
        latents = latents / self.scale + self.shift
        if self.post_quant_conv is not None:
            latents = self.post_quant_conv(latents)
        return (self.decoder(latents) / 2 + 0.5).clamp(0, 1)


class StableDiffusionComponents(PipelineComponents):
    """`text_encoder`, `unet` and `decoder` of a `StableDiffusionPipeline` checkpoint."""

    names = ("text_encoder", "unet", "decoder")

    def facts(self) -> PipelineFacts:
        scheduler = self._scheduler
        sampler = {
            "kind": "ddim",
            "prediction": scheduler.config.prediction_type,
            "guidance": GUIDANCE,
            "timesteps": [int(step) for step in scheduler.timesteps],
        }
        return PipelineFacts(
            title="Stable Diffusion",
            summary="Draws pictures from text: text encoder, UNet and VAE decoder.",
            licence="see the checkpoint's own licence",
            sampler=sampler,
        )

    def example_run(self, seed: int) -> dict[str, np.ndarray]:
        """`input_ids` and `empty_ids` (1,tokens) int32 and `noise` of the latents' shape."""
        generator = torch.Generator().manual_seed(seed)
        return {
            "input_ids": self._ids(PROMPT),
            "empty_ids": self._ids(""),
            "noise": torch.randn(self._latents.shape, generator=generator).numpy(),
        }

    def run(self, runners: Mapping[str, Runner], inputs: Arrays) -> dict[str, np.ndarray]:
        """DDIM (arXiv 2010.02502) with classifier-free guidance, eta 0."""
        encode, scheduler = runners["text_encoder"], self._scheduler
        text = encode({"input_ids": inputs["input_ids"]})["text_embeddings"]
        empty = encode({"input_ids": inputs["empty_ids"]})["text_embeddings"]
        latents = inputs["noise"] * np.float32(scheduler.init_noise_sigma)
        for timestep in scheduler.timesteps:
            call = {"latents": latents, "timestep": np.array([timestep], np.float32)}
            conditioned = runners["unet"]({**call, "text_embeddings": text})["prediction"]
            plain = runners["unet"]({**call, "text_embeddings": empty})["prediction"]
            guided = plain + np.float32(GUIDANCE) * (conditioned - plain)
            step = scheduler.step(torch.from_numpy(guided), timestep, torch.from_numpy(latents))
            latents = step.prev_sample.numpy()
        return runners["decoder"]({"latents": latents})

    def _load(self, name: str) -> Component:
        if name == "text_encoder":
            return Component(
                name=name,
                module=_TextEncoder(self._model(CLIPTextModel, "text_encoder")),
                inputs=(self._input_ids,),
                outputs=(self._text,),
                description="Token ids of a prompt to text embeddings.",
            )
        if name == "unet":
            return Component(
                name=name,
                module=_UNet(self._model(UNet2DConditionModel, "unet")),
                inputs=(self._latents, _TIMESTEP, self._text),
                outputs=(TensorSpec(name="prediction", shape=self._latents.shape),),
                description="One sampling step: noisy latents to a prediction.",
            )
        return Component(
            name=name,
            module=_Decoder(self._model(AutoencoderKL, "vae")),
            inputs=(self._latents,),
            outputs=(self._image,),
            description="Latents to the picture.",
        )

    @cached_property
    def _latents(self) -> TensorSpec:
        config = self._config("unet")
        size = int(config["sample_size"])
        return TensorSpec(
            name="latents",
            shape=(1, int(config["in_channels"]), size, size),
            description="The picture in latent space; noise before the first step.",
        )

    @cached_property
    def _input_ids(self) -> TensorSpec:
        config = self._config("text_encoder")
        return TensorSpec(
            name="input_ids",
            shape=(1, int(config.get("max_position_embeddings", 77))),
            dtype="int32",
            range=(0, int(config["vocab_size"]) - 1),
            description="Token ids of the prompt, padded.",
        )

    @cached_property
    def _text(self) -> TensorSpec:
        width = int(self._config("text_encoder")["hidden_size"])
        return TensorSpec(
            name="text_embeddings",
            shape=(1, self._input_ids.shape[1], width),
            description="The prompt as the UNet reads it.",
        )

    @cached_property
    def _image(self) -> TensorSpec:
        levels = len(self._config("vae")["block_out_channels"])
        side = self._latents.shape[2] * 2 ** (levels - 1)
        return TensorSpec(
            name="image",
            shape=(1, 3, side, side),
            range=(0.0, 1.0),
            image=True,
            description="The picture, sRGB in [0,1].",
        )

    @property
    def _scheduler(self) -> DDIMScheduler:
        scheduler = DDIMScheduler.from_pretrained(self.checkpoint, subfolder="scheduler")
        scheduler.set_timesteps(STEPS)
        return scheduler

    def _ids(self, prompt: str) -> np.ndarray:
        tokenizer = CLIPTokenizer.from_pretrained(self.checkpoint / "tokenizer")
        length = self._input_ids.shape[1]
        ids = tokenizer(prompt, padding="max_length", max_length=length, truncation=True).input_ids
        return np.array([ids], np.int32)

    def _config(self, folder: str) -> dict[str, Any]:
        return read_json(self.checkpoint / folder / "config.json")

    def _model(self, kind: Any, folder: str) -> Any:
        if self.weights is not None:
            config = self._config(folder)
            if folder == "text_encoder":  # a class of transformers, not of diffusers
                return kind(kind.config_class(**config))
            return kind.from_config(config)
        require_safetensors(self.checkpoint / folder)
        try:
            model = kind.from_pretrained(self.checkpoint, subfolder=folder, use_safetensors=True)
        except OSError as error:
            raise CheckpointError(f"cannot read {self.checkpoint / folder}: {error}") from None
        return model.float()


_TIMESTEP = TensorSpec(
    name="timestep",
    shape=(1,),
    range=(0.0, 1000.0),
    description="A value from the manifest's sampler table.",
)
