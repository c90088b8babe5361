"""Stable Diffusion with an IP-Adapter as an avatar model, as `components.adapted` assembles it.

FOLDER/model_index.json             its parts, and steps, guidance and eta of its sampler
FOLDER/styles.json                  as every avatar model has it
FOLDER/scheduler/                   diffusers' scheduler
FOLDER/identity_encoder/            SelfieEncoder
FOLDER/denoiser/                    StyledDenoiser
FOLDER/decoder/                     LatentDecoder
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from accelerate import init_empty_weights
from diffusers import UNet2DConditionModel

from avatar.errors import StylesError
from avatar.model import Networks, draw, encode, noises_of, pad_selfies
from avatar.people import DesignerStyle
from avatar.selfies import resize, rules_for, rules_to_dicts
from avatar.styles_file import STYLES_FILE, read_styles
from components.adapted import anchored
from components.adapted.latent_decoder import LatentDecoder
from components.adapted.levels import Levels, levels_of
from components.adapted.networks import crop_of, network, side_of
from components.adapted.selfie_encoder import SelfieEncoder, projection
from components.adapted.styled_denoiser import (
    Constants,
    StyledDenoiser,
    embedded_guidance,
    with_adapter,
)
from components.avatar_specs import denoiser_inputs, selfie_inputs
from components.checkpoint import understood
from components.component import (
    Arrays,
    Component,
    PipelineComponents,
    PipelineFacts,
    Runner,
    TensorSpec,
)
from components.declared import Part, reports_instead_of_warnings
from components.diffusion.autoencoder import KINDS, Scaling
from components.diffusion.parts import SCHEDULER
from components.diffusion.schedulers import SchedulerSettings
from components.errors import CheckpointError
from components.overlay import licence_of, parse_steps
from components.sizes import latent_size, vae_factor
from components.streamed import read_state
from components.weights import find_weights
from support.images import on_8_bit_grid, to_8_bit

LIBRARY = "components.adapted"
EXAMPLE_SELFIES = 3
"""Selfies in a recorded run, where there are places for as many."""

SUMMARY = (
    "Draws a person from their selfies in a style, on the device: Stable Diffusion, an IP-Adapter "
    "that reads the selfies, and a prompt for each style."
)


class AdaptedAvatarComponents(PipelineComponents):
    """`identity_encoder`, `denoiser` and `decoder` of an `AdaptedAvatarPipeline` checkpoint."""

    names = ("identity_encoder", "denoiser", "decoder")
    parts: ClassVar[tuple[Part, ...]] = (
        Part(name="identity_encoder", libraries=(LIBRARY,), classes=("SelfieEncoder",)),
        Part(name="denoiser", libraries=(LIBRARY,), classes=("StyledDenoiser",)),
        Part(name="decoder", libraries=(LIBRARY,), classes=("LatentDecoder",)),
        SCHEDULER,
    )
    index_settings = ("steps", "guidance", "eta")

    def check(self) -> None:
        super().check()
        with understood(self.checkpoint):
            _ = self._styles, self._levels, self.selfie_inputs, self._denoiser_inputs
            _ = self._avatar, self._scaling
            count, width = self._config("denoiser")["text"][0], self._tokens.shape[2]
            unet = self._config("denoiser")["unet"]["cross_attention_dim"]
        if count != len(self._styles):
            raise CheckpointError(
                f"{self.checkpoint}: the denoiser has prompts of {count} styles, expected "
                f"{len(self._styles)} as {STYLES_FILE} has"
            )
        if unet != width:
            raise CheckpointError(
                f"{self.checkpoint}: the identity encoder gives tokens of width {width}, expected "
                f"{unet} as the denoiser takes"
            )

    # What runs are made of.

    def facts(self) -> PipelineFacts:
        default, *also = (table.to_dict() for table in self._levels.tables)
        places, _, _, side = self.selfie_inputs[0].shape
        return PipelineFacts(
            title="Avatar model",
            summary=SUMMARY,
            licence=licence_of(self.checkpoint) or "NOASSERTION",
            styles=tuple(asdict(style) for style in self._styles),
            sampler={**default, **({"also": also} if also else {})},
            selfie_rules=rules_to_dicts(rules_for(places, side)),
            selfie_crop=crop_of(self._config("identity_encoder")),
        )

    def example_run(self, seed: int) -> dict[str, np.ndarray]:
        """Rendered selfies of one person, a style, and the noise of `seed`.

        Returns:
            `selfies` and `selfie_mask` as the identity encoder takes them, `style` (1,) int32,
            `noise` (1,C,h,w), and `noises` (n,1,C,h,w) where the sampler draws n times more.
        """
        places, _, _, side = self.selfie_inputs[0].shape
        selfies, mask = pad_selfies(
            _render_selfies(seed, min(places, EXAMPLE_SELFIES), side), places
        )
        stream = noises_of(seed, self._latents.shape)
        made = {
            "selfies": selfies,
            "selfie_mask": mask,
            "style": np.array([seed % len(self._styles)], np.int32),
            "noise": next(stream),
        }
        later = [next(stream) for _ in range(self._levels.tables[0].draws)]
        return {**made, **({"noises": np.stack(later)} if later else {})}

    def run(self, runners: Mapping[str, Runner], inputs: Arrays) -> dict[str, np.ndarray]:
        networks, table = Networks.of(runners), self._levels.tables[0]
        # The tokens of no selfies are always computed, because other languages test against them.
        tokens = encode(networks, inputs["selfies"], inputs["selfie_mask"])
        style, fresh = int(inputs["style"][0]), inputs.get("noises", ())
        return {
            self._avatar.name: draw(networks, tokens, style, inputs["noise"], table, fresh=fresh)
        }

    # diffusers' own pipeline.

    def anchor(self, inputs: Arrays, seed: int) -> dict[str, np.ndarray]:
        """diffusers' own pipeline with its scheduler, which draws all noise from the seed.

        transformers' and diffusers' own networks make the image tokens. Prompts are embedded
        already, because no text encoder ships.
        """
        # One network after the other: full-size ones have no room beside each other.
        tokens = anchored.image_tokens(
            self._module("identity_encoder"), self._config("identity_encoder"), inputs
        )
        denoiser = self._module("denoiser")
        with understood(self.checkpoint), reports_instead_of_warnings():
            picture = anchored.run(
                self._assembled(denoiser.unet),
                denoiser,
                tokens,
                style=int(inputs["style"][0]),
                steps=self._steps[0],
                guidance=self._guidance,
                eta=self._eta,
                seed=seed,
            )
        return {self._avatar.name: picture}

    def assemble(self) -> Any:
        """The components as diffusers' pipeline, without text encoders and image encoder."""
        return self._assembled(self._module("denoiser").unet)

    def _assembled(self, unet: Any) -> Any:
        vae = anchored.whole(self._vae(), self._module("decoder"))
        scheduler = self._scheduler.scheduler(self._steps[0])
        with understood(self.checkpoint), reports_instead_of_warnings():
            return anchored.pipeline(unet, vae, scheduler)

    def _module(self, name: str) -> Any:
        return self.component(name).module

    # The components.

    def _load(self, name: str) -> Component:
        # Memory for weights is taken when they are read, unless others bring them.
        memory = init_empty_weights() if self.weights is None else nullcontext()
        with memory, understood(self.checkpoint / name):
            component: Component = getattr(self, f"_{name}")()
        if self.weights is None:
            self._set_weights(component, self._stored)
        return component

    def _stored(self, name: str) -> dict[str, torch.Tensor]:
        return read_state(find_weights(self.checkpoint / name, LIBRARY).files)

    def _identity_encoder(self) -> Component:
        config = self._config("identity_encoder")
        _, tokens, width = self._tokens.shape
        module = SelfieEncoder(
            network(config),
            projection(config["projection"]),
            torch.zeros(1, tokens - 1, width),
            pool=config["pool"],
        )
        return Component(
            name="identity_encoder",
            module=module,
            inputs=self.selfie_inputs,
            outputs=(self._tokens,),
            description="Selfies of one person to identity tokens.",
        )

    def _denoiser(self) -> Component:
        config = self._config("denoiser")
        unet = UNet2DConditionModel.from_config(config["unet"])
        with_adapter(unet, self._tokens.shape[1] - 1, config["adapted"])
        module = StyledDenoiser(
            unet,
            torch.tensor(self._levels.rows),
            torch.zeros(config["text"]),
            torch.zeros(config["pooled"]) if config["pooled"] else None,
            self._constants(config),
        )
        prediction = TensorSpec(
            name="prediction",
            shape=self._latents.shape,
            description="The velocity at this timestep.",
        )
        return Component(
            name="denoiser",
            module=module,
            inputs=self._denoiser_inputs,
            outputs=(prediction,),
            description="One sampling step: noisy latents to a prediction.",
        )

    def _constants(self, config: Mapping[str, Any]) -> Constants:
        width = config["unet"].get("time_cond_proj_dim")
        return Constants(
            time_ids=torch.tensor([config["time_ids"]]) if config["time_ids"] else None,
            guidance=embedded_guidance(self._guidance, width) if width else None,
        )

    def _decoder(self) -> Component:
        return Component(
            name="decoder",
            module=LatentDecoder(self._vae(), self._scaling, self._levels.end),
            inputs=(self._latents,),
            outputs=(self._avatar,),
            description="Latents to the picture.",
        )

    def _vae(self) -> Any:
        config = self._config("decoder")
        return KINDS[config["class"]].from_config(config["vae"]).eval()

    # What the configurations say.

    @cached_property
    def _levels(self) -> Levels:
        embedded = self._config("denoiser")["unet"].get("time_cond_proj_dim") is not None
        guidance = 1.0 if embedded else self._guidance
        return levels_of(self._scheduler, self._steps, guidance=guidance, eta=self._eta)

    @cached_property
    def _scheduler(self) -> SchedulerSettings:
        return SchedulerSettings.of_checkpoint(self.checkpoint)

    @cached_property
    def _scaling(self) -> Scaling:
        config = self._config("decoder")
        return Scaling(config["vae"], normalised=config["normalised"])

    @property
    def _steps(self) -> tuple[int, ...]:
        return parse_steps(self._index()["steps"])

    @property
    def _guidance(self) -> float:
        return float(self._index()["guidance"])

    @property
    def _eta(self) -> float:
        return float(self._index().get("eta", 0.0))

    @cached_property
    def _styles(self) -> tuple[DesignerStyle, ...]:
        try:
            return read_styles(self.checkpoint / STYLES_FILE)
        except StylesError as error:
            raise CheckpointError(str(error)) from None

    @cached_property
    def _latents(self) -> TensorSpec:
        path, config = self._path("denoiser"), self._config("denoiser")["unet"]
        height, width = latent_size(config, path)
        return TensorSpec(
            name="latents",
            shape=(1, int(config["in_channels"]), height, width),
            description="The picture in latent space; noise before the first step.",
        )

    @cached_property
    def _avatar(self) -> TensorSpec:
        factor = vae_factor(self._config("decoder")["vae"])
        height, width = (side * factor for side in self._latents.shape[2:])
        return TensorSpec(
            name="avatar",
            shape=(1, 3, height, width),
            range=(0.0, 1.0),
            image=True,
            description="The avatar, sRGB in [0,1].",
        )

    @cached_property
    def _tokens(self) -> TensorSpec:
        tokens, width = self._config("identity_encoder")["tokens"]
        return TensorSpec(
            name="identity_tokens",
            shape=(1, int(tokens) + 1, int(width)),
            description="What all selfies of the person share; the last token is 1 for somebody, "
            "and 0 for nobody.",
        )

    @cached_property
    def selfie_inputs(self) -> tuple[TensorSpec, ...]:  # type: ignore[override]
        config = self._config("identity_encoder")
        places, side = int(config["places"]), side_of(config)
        return selfie_inputs(places, side)

    @cached_property
    def _denoiser_inputs(self) -> tuple[TensorSpec, ...]:
        return denoiser_inputs(
            self._latents,
            self._tokens,
            largest_timestep=float(len(self._levels.rows) - 1),
            styles=len(self._styles),
        )


def _render_selfies(seed: int, count: int, side: int) -> np.ndarray:
    """Selfies of one sampled person, (count,3,side,side) float32 in [0,1], on the 8-bit grid."""
    # Imported here, because only a recording needs the renderer, whose compilation takes seconds.
    from avatar.people import sample_identity
    from avatar.people.renderer import render

    seeds = [seed * EXAMPLE_SELFIES + index for index in range(count)]
    shown = to_8_bit(render([sample_identity(seed)] * count, seeds)).transpose(0, 2, 3, 1)
    # On the grid, so that libraries for apps can be given the same selfies as pictures.
    return on_8_bit_grid(np.stack([resize(picture, side) for picture in shown]))
