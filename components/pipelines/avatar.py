"""The components of the avatar pipeline: identity encoder, denoiser, decoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np
import torch
from diffusers import ModelMixin
from torch import nn

from avatar.errors import StylesError
from avatar.model import (
    LATENT_SIZE,
    AvatarPipeline,
    Decoder,
    Denoiser,
    IdentityEncoder,
    Networks,
    Sampler,
    draw,
    encode,
    noise_of,
    pad_selfies,
)
from avatar.people import STYLES, DesignerStyle, sample_identity
from avatar.selfies import MAX_SELFIES, SELFIE_SIZE, rules_to_dicts
from avatar.styles_file import styles_of
from components.avatar_specs import denoiser_inputs, selfie_inputs
from components.checkpoint import read_json, understood
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
    load_by_part,
    load_module,
    reports_instead_of_warnings,
    require_known_fields,
)
from components.errors import CheckpointError
from support.images import on_8_bit_grid

EXAMPLE_SELFIES = 3
"""Selfies in a recorded run: more than one, so that the run pools; fewer than the most, so that it
masks."""

SUMMARY = (
    "Draws stylised profile pictures of a person from up to ten selfies, on the device. "
    "The identity encoder turns selfies into identity tokens, the denoiser turns noise into a "
    "latent of that person in a style, and the decoder turns the latent into a picture."
)


_NETWORKS = {"identity_encoder": IdentityEncoder, "denoiser": Denoiser, "decoder": Decoder}


def _part(name: str, kind: str, *, module: str = "", **others: Any) -> Part:
    """A part whose class is defined in `avatar.model`, which earlier versions had as `avatar`."""
    file = module or name
    libraries = (f"avatar.model.{file}", f"avatar.{file}")
    return Part(name=name, libraries=libraries, classes=(kind,), **others)


_ENCODER_INPUTS = selfie_inputs(MAX_SELFIES, SELFIE_SIZE)


class AvatarComponents(PipelineComponents):
    """`identity_encoder`, `denoiser` and `decoder` of an `AvatarPipeline` checkpoint."""

    names = ("identity_encoder", "denoiser", "decoder")
    selfie_inputs = _ENCODER_INPUTS
    parts = (
        _part("identity_encoder", "IdentityEncoder"),
        _part("denoiser", "Denoiser"),
        _part("decoder", "Decoder"),
        _part("latent_encoder", "LatentEncoder", module="decoder", needed=False),
        _part("sampler", "Sampler", holds="scheduler"),
    )

    def check(self) -> None:
        super().check()
        for name, kind in _NETWORKS.items():
            path = self.checkpoint / name / "config.json"
            require_known_fields(kind._get_init_keys(kind), self._config(name), path)
        path = self.checkpoint / "sampler" / Sampler.config_name
        require_known_fields(Sampler._get_init_keys(Sampler), read_json(path), path)
        self._require_same("latent_channels", "decoder", "denoiser")
        self._require_same("tokens", "denoiser", "identity_encoder")
        self._require_same("token_width", "denoiser", "identity_encoder")
        with understood(self.checkpoint):
            _ = self._styles, self._latents, self._tokens, self._denoiser_inputs

    def _require_same(self, field: str, first: str, second: str) -> None:
        """Raise `CheckpointError` where two networks that join disagree on a size."""
        found, expected = (self._config(name).get(field) for name in (first, second))
        if None not in (found, expected) and found != expected:
            raise CheckpointError(
                f"{self.checkpoint / first / 'config.json'} has {field} = {found}, expected "
                f"{expected} as {second} has"
            )

    def facts(self) -> PipelineFacts:
        return PipelineFacts(
            title="Pocket Avatar",
            summary=SUMMARY,
            # A model with its own styles was trained by others, who decide on its licence.
            licence="Apache-2.0" if self._styles == STYLES else "NOASSERTION",
            styles=tuple(asdict(style) for style in self._styles),
            sampler=self._sampler.constants(),
            selfie_rules=rules_to_dicts(),
        )

    def example_run(self, seed: int) -> dict[str, np.ndarray]:
        """Rendered selfies of one person, a style, and the noise of `seed`.

        Returns:
            `selfies` and `selfie_mask` as the identity encoder takes them, `style` (1,) int32 and
            `noise` (1,C,32,32). Selfies hold 8-bit values, as selfies from files do.
        """
        selfies, mask = pad_selfies(_render_selfies(seed))
        return {
            "selfies": selfies,
            "selfie_mask": mask,
            "style": np.array([seed % len(self._styles)], np.int32),
            "noise": noise_of(seed, self._latents.shape),
        }

    def run(self, runners: Mapping[str, Runner], inputs: Arrays) -> dict[str, np.ndarray]:
        networks = Networks.of(runners)
        # The tokens of no selfies are always computed, because other languages test against them.
        tokens = encode(networks, inputs["selfies"], inputs["selfie_mask"])
        style, noise = int(inputs["style"][0]), inputs["noise"]
        return {_AVATAR.name: draw(networks, tokens, style, noise, self._sampler.table())}

    def _load(self, name: str) -> Component:
        if name == "identity_encoder":
            return Component(
                name=name,
                module=self._module(IdentityEncoder, name),
                inputs=_ENCODER_INPUTS,
                outputs=(self._tokens,),
                description="Selfies of one person to identity tokens.",
            )
        if name == "denoiser":
            prediction = TensorSpec(
                name="prediction",
                shape=self._latents.shape,
                description=f"The {self._sampler.table().prediction} at this timestep.",
            )
            return Component(
                name=name,
                module=self._module(Denoiser, name),
                inputs=self._denoiser_inputs,
                outputs=(prediction,),
                description="One sampling step: noisy latents to a prediction.",
            )
        return Component(
            name=name,
            module=self._module(Decoder, name),
            inputs=(self._latents,),
            outputs=(_AVATAR,),
            description="Latents to the picture.",
        )

    @cached_property
    def _styles(self) -> tuple[DesignerStyle, ...]:
        """The styles that the denoiser knows, by index."""
        try:
            styles = styles_of(self.checkpoint)
        except StylesError as error:
            raise CheckpointError(str(error)) from None
        count = int(self._config("denoiser")["styles"])
        if count != len(styles):
            raise CheckpointError(
                f"{self.checkpoint}: the denoiser knows {count} styles, expected {len(styles)}: "
                f"{', '.join(style.name for style in styles)}"
            )
        return styles

    @cached_property
    def _latents(self) -> TensorSpec:
        channels = int(self._config("denoiser")["latent_channels"])
        return TensorSpec(
            name="latents",
            shape=(1, channels, LATENT_SIZE, LATENT_SIZE),
            description="The picture in latent space, unscaled; noise before the first step.",
        )

    @cached_property
    def _tokens(self) -> TensorSpec:
        config = self._config("identity_encoder")
        return TensorSpec(
            name="identity_tokens",
            shape=(1, int(config["tokens"]), int(config["token_width"])),
            description="What all selfies of the person share.",
        )

    @cached_property
    def _denoiser_inputs(self) -> tuple[TensorSpec, ...]:
        return denoiser_inputs(
            self._latents,
            self._tokens,
            largest_timestep=max(1000.0, *(t.timesteps[0] for t in self._sampler.tables())),
            styles=len(self._styles),
        )

    @cached_property
    def _sampler(self) -> Any:
        return Sampler.from_config(read_json(self.checkpoint / "sampler" / Sampler.config_name))

    def anchor(self, inputs: Arrays, seed: int) -> dict[str, np.ndarray]:
        """`AvatarPipeline` as diffusers loads and calls it, with noise drawn from the seed.

        Where the weights come from a quantized checkpoint it is made of the components' modules.
        """
        with understood(self.checkpoint), reports_instead_of_warnings():
            if self.weights is None:
                pipeline = AvatarPipeline.from_pretrained(
                    self.checkpoint,
                    local_files_only=True,
                    use_safetensors=True,
                    torch_dtype=torch.float32,
                    latent_encoder=None,
                    **load_by_part(_NETWORKS, self.checkpoint),
                )
            else:
                pipeline = self.assemble()
            selfies = inputs["selfies"][inputs["selfie_mask"] == 1]
            pictures = pipeline(selfies, style=int(inputs["style"][0]), seeds=[seed])
        return {_AVATAR.name: pictures}

    def assemble(self) -> AvatarPipeline:
        """The components as an `AvatarPipeline`.

        It has no latent encoder, because only training needs one.
        """
        modules: dict[str, Any] = {name: self.component(name).module for name in self.names}
        with understood(self.checkpoint / "sampler"):
            sampler = Sampler.from_pretrained(
                self.checkpoint, subfolder="sampler", local_files_only=True
            )
        return AvatarPipeline(**modules, latent_encoder=None, sampler=sampler)

    def _module(self, kind: type[ModelMixin], name: str) -> nn.Module:
        if self.weights is not None:
            with understood(self.checkpoint / name):
                return kind.from_config(self._config(name))
        module: nn.Module = load_module(kind, self.checkpoint, name)
        return module


_AVATAR = TensorSpec(
    name="avatar",
    shape=(1, 3, LATENT_SIZE * 8, LATENT_SIZE * 8),
    range=(0.0, 1.0),
    image=True,
    description="The avatar, sRGB in [0,1].",
)


def _render_selfies(seed: int) -> np.ndarray:
    """Selfies of one sampled person, (n,3,128,128) float32 in [0,1], on the 8-bit grid."""
    # Imported here, because only a recording needs the renderer, whose compilation takes seconds.
    from avatar.people.renderer import render

    people = [sample_identity(seed)] * EXAMPLE_SELFIES
    selfies = render(people, [seed * EXAMPLE_SELFIES + i for i in range(EXAMPLE_SELFIES)])
    return on_8_bit_grid(selfies)
