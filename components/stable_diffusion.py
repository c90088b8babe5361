"""The components of diffusers' Stable Diffusion pipeline: text encoder, UNet, VAE decoder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizerFast

from components.checkpoint import read_json, understood
from components.clip_tokenizer import check_tokenizer, load_tokenizer, token_ids, write_tokenizer
from components.component import (
    Arrays,
    Component,
    PipelineComponents,
    PipelineFacts,
    Runner,
    TensorSpec,
)
from components.declared import (
    Part,
    load_module,
    load_variants,
    reports_instead_of_warnings,
    require_known_fields,
)
from components.errors import CheckpointError
from components.schedulers import KINDS, kind_of, load_scheduler, schedule, table
from components.text_and_vae import require_scale, require_text_model
from components.unet_inputs import latent_size, require_plain, text_widths

PROMPT = "a watercolour of a lighthouse at dusk"
STEPS = 4
"""Steps of a recorded run: enough for early and late timesteps, and an 860 M UNet does them in
seconds."""
ALSO = (20, 50)
"""Steps that apps use: their tables stand in the manifest as well."""
GUIDANCE = 7.5


_NETWORKS = {"text_encoder": CLIPTextModel, "unet": UNet2DConditionModel, "vae": AutoencoderKL}


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
        # `StableDiffusionPipeline` has no use for `shift_factor`, which other pipelines add here.
        self.scale = model.config.scaling_factor

    def forward(self, latents: Tensor) -> Tensor:
        latents = latents / self.scale
        if self.post_quant_conv is not None:
            latents = self.post_quant_conv(latents)
        return (self.decoder(latents) / 2 + 0.5).clamp(0, 1)


class StableDiffusionComponents(PipelineComponents):
    """`text_encoder`, `unet` and `decoder` of a `StableDiffusionPipeline` checkpoint."""

    names = ("text_encoder", "unet", "decoder")
    differentiable = False
    index_settings = ("requires_safety_checker",)
    parts = (
        Part(name="text_encoder", libraries=("transformers",), classes=("CLIPTextModel",)),
        Part(name="unet", libraries=("diffusers",), classes=("UNet2DConditionModel",)),
        Part(name="vae", libraries=("diffusers",), classes=("AutoencoderKL",)),
        Part(name="scheduler", libraries=("diffusers",), classes=(*KINDS,), holds="scheduler"),
        Part(
            name="tokenizer",
            libraries=("transformers",),
            classes=("CLIPTokenizer", "CLIPTokenizerFast"),
            holds="tokenizer",
        ),
        # No component is made of the parts below; a run without pictures as input has no use for
        # an image encoder.
        Part(
            name="safety_checker",
            libraries=("stable_diffusion",),
            classes=("StableDiffusionSafetyChecker",),
            holds="nothing",
            needed=False,
        ),
        Part(
            name="feature_extractor",
            libraries=("transformers",),
            classes=("CLIPImageProcessor", "CLIPFeatureExtractor"),
            holds="nothing",
            needed=False,
        ),
        Part(
            name="image_encoder",
            libraries=("transformers",),
            classes=("CLIPVisionModelWithProjection",),
            holds="nothing",
            needed=False,
        ),
    )

    def check(self) -> None:
        super().check()
        unet, vae, text = (self._config(name) for name in ("unet", "vae", "text_encoder"))
        for kind, name, config in (
            (UNet2DConditionModel, "unet", unet),
            (AutoencoderKL, "vae", vae),
        ):
            require_known_fields(kind._get_init_keys(kind), config, self._path(name))
        require_text_model(text, self._path("text_encoder"))
        require_scale(vae, self._path("vae"))
        with understood(self._path("text_encoder")):
            width = self._text.shape[2]
        with understood(self._path("vae")):
            latents = int(vae.get("latent_channels", 4))
        with understood(self._path("unet")):
            require_plain(unet, self._path("unet"), latents=latents)
            widths, _ = text_widths(unet), self._latents
        with understood(self._path("vae")):
            height, width_of_image = self._image.shape[2:]
        if height % 8 or width_of_image % 8:
            raise CheckpointError(
                f"{self._path('unet')} has sample_size = {unet.get('sample_size')!r}, which gives "
                f"a picture of {height}×{width_of_image}, expected multiples of 8"
            )
        if (channels := vae.get("out_channels", 3)) != 3:
            raise CheckpointError(
                f"{self._path('vae')} has out_channels = {channels}, expected 3: red, green, blue"
            )
        if widths != {width}:
            found = ", ".join(map(str, sorted(widths)))
            raise CheckpointError(
                f"{self._path('unet')} takes text of width {found}, expected {width} as the text "
                f"encoder's hidden_size is"
            )
        for steps in (STEPS, *ALSO):
            table(self.checkpoint, steps)
        check_tokenizer(self.checkpoint, self._input_ids)

    def facts(self) -> PipelineFacts:
        tables = [table(self.checkpoint, steps) for steps in (STEPS, *ALSO)]
        default, *also = ({**made, "guidance": GUIDANCE} for made in tables)
        sampler = {
            "kind": kind_of(self.checkpoint),
            **default,
            "schedule": schedule(self.checkpoint, STEPS),
            "also": also,
        }
        return PipelineFacts(
            title="Stable Diffusion",
            summary="Draws pictures from text: text encoder, UNet and VAE decoder.",
            licence="see the checkpoint's own licence",
            sampler=sampler,
        )

    def write_tokenizer(self, folder: Path) -> dict[str, Any]:
        return write_tokenizer(self.checkpoint, folder)

    def example_run(self, seed: int) -> dict[str, np.ndarray]:
        """`input_ids` and `empty_ids` (1,tokens) int32 and `noise` of the latents' shape."""
        generator = torch.Generator().manual_seed(seed)
        return {
            "input_ids": token_ids(self.checkpoint, PROMPT, self._input_ids),
            "empty_ids": token_ids(self.checkpoint, "", self._input_ids),
            "noise": torch.randn(self._latents.shape, generator=generator).numpy(),
        }

    def run(self, runners: Mapping[str, Runner], inputs: Arrays) -> dict[str, np.ndarray]:
        """The checkpoint's scheduler with classifier-free guidance (arXiv 2207.12598), eta 0."""
        encode, scheduler = runners["text_encoder"], self._scheduler
        text = encode({"input_ids": inputs["input_ids"]})["text_embeddings"]
        empty = encode({"input_ids": inputs["empty_ids"]})["text_embeddings"]
        latents = inputs["noise"] * np.float32(scheduler.init_noise_sigma)
        for timestep in scheduler.timesteps:
            scaled = scheduler.scale_model_input(torch.from_numpy(latents), timestep).numpy()
            call = {"latents": scaled, "timestep": np.array([timestep], np.float32)}
            conditioned = runners["unet"]({**call, "text_embeddings": text})["prediction"]
            plain = runners["unet"]({**call, "text_embeddings": empty})["prediction"]
            guided = plain + np.float32(GUIDANCE) * (conditioned - plain)
            step = scheduler.step(torch.from_numpy(guided), timestep, torch.from_numpy(latents))
            latents = step.prev_sample.numpy()
        return runners["decoder"]({"latents": latents})

    def anchor(self, inputs: Arrays, seed: int) -> dict[str, np.ndarray]:
        """diffusers' own pipeline, which reads the prompt and draws the noise by itself.

        Where the weights come from a quantized checkpoint it runs with the components' modules.
        """
        pipeline = self.assemble()
        pipeline.set_progress_bar_config(disable=True)
        height, width = self._image.shape[2:]
        with understood(self.checkpoint):
            pictures = pipeline(
                PROMPT,
                height=height,
                width=width,
                num_inference_steps=STEPS,
                guidance_scale=GUIDANCE,
                generator=torch.Generator().manual_seed(seed),
                output_type="np",
            ).images
        return {"image": np.ascontiguousarray(np.moveaxis(pictures, 3, 1), np.float32)}

    def assemble(self) -> StableDiffusionPipeline:
        """The checkpoint as diffusers' pipeline, in float32, without a safety checker."""
        with understood(self.checkpoint), reports_instead_of_warnings():
            given = (
                load_variants(_NETWORKS, self.checkpoint)
                if self.weights is None
                else self._given_parts()
            )
            tokenizer = load_tokenizer(self.checkpoint)
            if isinstance(tokenizer, CLIPTokenizerFast):
                given["tokenizer"] = None  # `from_pretrained` knows one class only, and sets it
            pipeline = StableDiffusionPipeline.from_pretrained(
                self.checkpoint,
                local_files_only=True,
                use_safetensors=True,
                torch_dtype=torch.float32,
                safety_checker=None,
                feature_extractor=None,
                image_encoder=None,
                requires_safety_checker=False,
                **given,
            )
            pipeline.register_modules(tokenizer=tokenizer)
        return pipeline

    def _given_parts(self) -> dict[str, Any]:
        """The parts with weights, made of the components: the folder has no files of them."""
        decoder = self.component("decoder").module
        vae = AutoencoderKL.from_config(self._config("vae")).eval()
        vae.decoder, vae.post_quant_conv = decoder.decoder, decoder.post_quant_conv
        return {
            "text_encoder": self.component("text_encoder").module.model,
            "unet": self.component("unet").module.model,
            "vae": vae,
        }

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
                inputs=(self._latents, self._timestep, self._text),
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
        height, width = latent_size(config, self._path("unet"))
        return TensorSpec(
            name="latents",
            shape=(1, int(config.get("in_channels", 4)), height, width),
            description="The picture in latent space; noise before the first step.",
        )

    @cached_property
    def _timestep(self) -> TensorSpec:
        scheduler = self._scheduler
        steps = [float(step) for step in scheduler.timesteps]
        return TensorSpec(
            name="timestep",
            shape=(1,),
            range=(min(0.0, *steps), max(float(scheduler.config.num_train_timesteps), *steps)),
            description="A value from the manifest's sampler table.",
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
        scale = 2 ** (len(self._config("vae")["block_out_channels"]) - 1)
        height, width = (side * scale for side in self._latents.shape[2:])
        return TensorSpec(
            name="image",
            shape=(1, 3, height, width),
            range=(0.0, 1.0),
            image=True,
            description="The picture, sRGB in [0,1].",
        )

    @property
    def _scheduler(self) -> Any:
        return load_scheduler(self.checkpoint, STEPS)

    def _path(self, folder: str) -> Path:
        return self.checkpoint / folder / "config.json"

    def _config(self, folder: str) -> dict[str, Any]:
        return read_json(self._path(folder))

    def _model(self, kind: Any, folder: str) -> Any:
        if self.weights is None:
            return load_module(kind, self.checkpoint, folder)
        config = self._config(folder)
        with understood(self.checkpoint / folder):
            if folder == "text_encoder":  # a class of transformers, not of diffusers
                return kind(kind.config_class(**config))
            return kind.from_config(config)
