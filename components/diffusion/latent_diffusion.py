"""What all pipelines of latent diffusion have in common; `components/pipelines/` has the kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, cached_property
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from accelerate import init_empty_weights
from diffusers import ControlNetModel, UNet2DConditionModel
from transformers import CLIPTokenizerFast

from components.checkpoint import understood
from components.component import (
    Arrays,
    Component,
    PipelineComponents,
    PipelineFacts,
    Runner,
    TensorSpec,
)
from components.declared import (
    declared_class,
    declared_parts,
    load_by_part,
    load_module,
    reports_instead_of_warnings,
    require_known_fields,
)
from components.diffusion import autoencoder, clip_tokenizer, text_encoders, unet
from components.diffusion.example import example_wish
from components.diffusion.flow import Flow
from components.diffusion.sampling import Table
from components.diffusion.schedulers import FEW_STEPS, SchedulerSettings, kind_of
from components.errors import CheckpointError
from components.overlay.record import Overlay, licence_of, overlay_of
from components.sizes import latent_size, vae_factor

RECORDED = 3
"""Steps of a recorded run: an early, a middle and a late timestep, and a solver of second order
uses its history. An 860 M UNet does them in half a minute."""
FEWEST = 2
"""Steps that a recorded run from a picture does at least, whatever share of its steps that is."""
STEPS = (20, 4, 50)
"""Steps that tables of the manifest have, the default first; a recorded run's are always there."""
FEW = (4, 1, 2, 8)
"""The same for weights that were distilled for a handful of steps."""


class LatentDiffusion(PipelineComponents):
    """Text encoders, UNet and decoder, and where a kind has them an encoder and a ControlNet."""

    library: ClassVar[Any]
    """diffusers' class of the pipeline."""
    title: ClassVar[str]
    """The title of the model card."""
    default_guidance: ClassVar[float] = 7.5
    """Scale of classifier-free guidance; diffusers' default."""
    corrections: ClassVar[Mapping[str, Any]] = {}
    """Settings of old scheduler files that diffusers' pipeline corrects."""
    reads_last_layer: ClassVar[bool] = True
    """Whether the UNet reads the text encoders' last hidden state, else the one before."""
    normalised: ClassVar[bool] = False
    """Whether the pipeline uses means and deviations of the VAE's latents."""
    begins_with_picture: ClassVar[bool] = False
    """Whether runs begin with a picture, a share of whose steps they do."""
    masked: ClassVar[bool] = False
    """Whether runs draw parts of a picture anew."""
    controlled: ClassVar[bool] = False
    """Whether a ControlNet tells the UNet what the picture shall follow."""
    default_strength: ClassVar[float] = 0.5
    """How far runs that begin with a picture go back to noise."""

    # What runs are made of.

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        encoder = ("encoder",) if self.begins_with_picture or self.masked else ()
        controlnet = ("controlnet",) if self.controlled else ()
        return (*self._texts, *encoder, *controlnet, "unet", "decoder")

    def facts(self) -> PipelineFacts:
        default, *also = (self._constants(steps) for steps in self._steps)
        sampler = {
            "kind": kind_of(self.checkpoint),
            **default,
            "schedule": self._scheduler.schedule(self.recorded_steps),
            "also": also,
        }
        return PipelineFacts(
            title=self.title,
            summary=(self.__doc__ or "").partition("\n")[0],
            licence=licence_of(self.checkpoint) or "NOASSERTION",
            sampler=sampler,
            settings=dict(self.flow.settings),
        )

    def write_tokenizers(self, folder: Path) -> dict[str, dict[str, Any]]:
        folders = (clip_tokenizer.FOLDERS[name] for name in self._texts)
        return {
            name: clip_tokenizer.write_tokenizer(self.checkpoint / name, folder) for name in folders
        }

    def example_run(self, seed: int) -> dict[str, np.ndarray]:
        """Token ids of a prompt and of an empty one, noise, and the pictures that a run needs."""
        wish = example_wish(seed, self.flow.images, self.flow.picture)
        return self.flow.arrays(wish, self._tokenize, self._recorded)

    def run(self, runners: Mapping[str, Runner], inputs: Arrays) -> dict[str, np.ndarray]:
        """The checkpoint's own sampler with classifier-free guidance, eta 0."""
        return self.flow.run(runners, inputs, self._recorded)

    @cached_property
    def flow(self) -> Flow:
        """How a run joins the components."""
        made = {name: self._specs(name) for name in self.names}
        return Flow(
            inputs={name: inputs for name, (inputs, _) in made.items()},
            outputs={name: outputs for name, (_, outputs) in made.items()},
            settings=self._settings(),
        )

    def _settings(self) -> dict[str, Any]:
        """The pipeline's constants; see `Flow`."""
        if self._config("unet").get("time_cond_proj_dim") is None:
            return {}
        return {"embedded_guidance": self.guidance}

    @cached_property
    def recorded_steps(self) -> int:  # type: ignore[override]
        """Steps of a recorded run: more than usual where a small strength would leave few."""
        least = max(RECORDED, self._scheduler.fewest)
        if not self.begins_with_picture:
            return least
        return next(steps for steps in count(least) if int(steps * self.strength) >= FEWEST)

    @property
    def _steps(self) -> tuple[int, ...]:
        """Steps of the manifest's tables, the default first, those of a recorded run among them."""
        few = kind_of(self.checkpoint) in FEW_STEPS
        steps = self._overlay.steps or (FEW if few else STEPS)
        if self.begins_with_picture:
            steps = tuple(number for number in steps if int(number * self.strength) >= 1)
        return tuple(dict.fromkeys((*steps, self.recorded_steps)))

    @cached_property
    def _constants(self) -> Callable[[int], dict[str, Any]]:
        """From a number of steps to its table; each is made once, by diffusers' scheduler."""
        return cache(self._table)

    def _table(self, steps: int) -> dict[str, Any]:
        strength = self.strength if self.begins_with_picture else None
        embedded = self._config("unet").get("time_cond_proj_dim") is not None
        guidance = 1.0 if embedded or self.guidance <= 1 else self.guidance
        return {**self._scheduler.table(steps, strength=strength), "guidance": guidance}

    @cached_property
    def _recorded(self) -> Table:
        return Table.read(self._constants(self.recorded_steps))

    @cached_property
    def _scheduler(self) -> SchedulerSettings:
        return SchedulerSettings.of_checkpoint(self.checkpoint, self.corrections)

    def _tokenize(self, name: str, text: str) -> np.ndarray:
        (spec,) = self.flow.inputs[name]
        folder = self.checkpoint / clip_tokenizer.FOLDERS[name]
        return clip_tokenizer.token_ids(folder, text, spec)

    # What is checked before anything is computed.

    def check(self) -> None:
        super().check()
        for name in self._texts:
            text_encoders.require_text_model(self._config(name), self._path(name))
            with understood(self._path(name)):
                text_encoders.outputs(self._config(name), pooled=True)
        autoencoder.require_autoencoder(self._vae_class, self._config("vae"), self._path("vae"))
        self._check_networks()
        self._check_sizes()
        with understood(self._path("unet")):
            flow = self.flow
        for steps in (self.recorded_steps, *self._steps):
            self._constants(steps)
        for name in self._texts:
            (spec,) = flow.inputs[name]
            folder = self.checkpoint / clip_tokenizer.FOLDERS[name]
            clip_tokenizer.check_tokenizer(folder, spec)

    def _check_networks(self) -> None:
        """Raise `CheckpointError` where UNet, ControlNet, text encoders and VAE do not fit."""
        width = sum(int(self._config(name)["hidden_size"]) for name in self._texts)
        for name, kind in self._networks.items():
            config, path = self._config(name), self._path(name)
            require_known_fields(kind._get_init_keys(kind), config, path)
            unet.require_plain(config, path)
            with understood(path):
                widths = unet.text_widths(config)
            if widths != {width}:
                found = ", ".join(map(str, sorted(widths)))
                raise CheckpointError(
                    f"{path} takes text of width {found}, expected {width} as the text "
                    f"encoder's hidden_size is"
                )
            self._check_added(config, path)
        unet.require_channels(
            self._config("unet"), self._path("unet"), latents=self._channels, mask=self.masked
        )

    def _check_added(self, config: Mapping[str, Any], path: Path) -> None:
        """Raise `CheckpointError` where a network takes pooled text and numbers, and no more."""
        if config.get("addition_embed_type") is not None:
            raise CheckpointError(
                f"{path} has addition_embed_type = {config['addition_embed_type']!r}: this UNet "
                f"takes further embeddings (SDXL), expected one that takes latents, timestep and "
                f"text only"
            )

    def _check_sizes(self) -> None:
        with understood(self._path("vae")):
            height, width = self._image.shape[2:]
        if height % 8 or width % 8:
            size = self._config("unet").get("sample_size")
            raise CheckpointError(
                f"{self._path('unet')} has sample_size = {size!r}, which gives "
                f"a picture of {height}×{width}, expected multiples of 8"
            )

    # The library's own pipeline.

    def anchor(self, inputs: Arrays, seed: int) -> dict[str, np.ndarray]:
        """diffusers' own pipeline, which reads the prompt and draws the noise by itself.

        Where the weights come from a quantized checkpoint it runs with the components' modules.
        """
        pipeline = self.assemble()
        pipeline.set_progress_bar_config(disable=True)
        _release_in_turn(pipeline)
        with understood(self.checkpoint), reports_instead_of_warnings():
            pictures = pipeline(**self._library_arguments(inputs, seed)).images
        return {"image": np.ascontiguousarray(np.moveaxis(pictures, 3, 1), np.float32)}

    def _library_arguments(self, inputs: Arrays, seed: int) -> dict[str, Any]:
        """How diffusers' pipeline is called for the run of `example_run(seed)`."""
        wish = example_wish(seed, self.flow.images, self.flow.picture)
        height, width = self.flow.picture[2:]
        arguments: dict[str, Any] = {
            "prompt": wish.prompt,
            "num_inference_steps": self.recorded_steps,
            "guidance_scale": self.guidance,
            "generator": torch.Generator().manual_seed(seed),
            "num_images_per_prompt": self.flow.latents[0],
            "output_type": "np",
        }
        if not self.begins_with_picture:
            arguments |= {"height": height, "width": width}
        else:
            arguments["strength"] = self.strength
        if self.masked:
            arguments |= {"strength": 1.0, "mask_image": torch.from_numpy(inputs["mask"])}
        if self.begins_with_picture or self.masked:
            arguments["image"] = torch.from_numpy(inputs["image"])
        if self.controlled:
            arguments["image"] = torch.from_numpy(inputs["control_image"])
        return arguments

    def assemble(self) -> Any:
        """The checkpoint as diffusers' pipeline, in float32, without a safety checker."""
        with understood(self.checkpoint), reports_instead_of_warnings():
            given = self._given_parts()
            tokenizers = {}
            for name in self._texts:
                folder = clip_tokenizer.FOLDERS[name]
                tokenizers[folder] = clip_tokenizer.load_tokenizer(self.checkpoint / folder)
                if isinstance(tokenizers[folder], CLIPTokenizerFast):
                    given[folder] = None  # `from_pretrained` knows one class only, and sets it
            given |= self._with_one_side(given)
            absent = {part.name: None for part in self.parts if part.holds == "nothing"}
            pipeline = self.library.from_pretrained(
                self.checkpoint,
                local_files_only=True,
                use_safetensors=True,
                torch_dtype=torch.float32,
                **self._library_settings(),
                **absent,
                **given,
            )
            pipeline.register_modules(**tokenizers)
            pipeline.unet.register_to_config(sample_size=self._config("unet")["sample_size"])
        return pipeline

    def _with_one_side(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The UNet with a number as its size: some of diffusers' pipelines compare it with 64."""
        size = self._config("unet")["sample_size"]
        if not isinstance(size, list):
            return {}
        network = given.get("unet") or self._model(UNet2DConditionModel, "unet")
        network.register_to_config(sample_size=min(size))
        return {"unet": network}

    def _library_settings(self) -> dict[str, Any]:
        """Settings of diffusers' class that are no parts."""
        return {"requires_safety_checker": False}

    def _given_parts(self) -> dict[str, Any]:
        """The parts that diffusers' loader would not read as the components are."""
        kinds: dict[str, Any] = {
            **{name: text_encoders.KINDS[name] for name in self._texts},
            **self._networks,
            "vae": self._vae_class,
        }
        if self.weights is None:
            return load_by_part(kinds, self.checkpoint)
        given = {
            name: self.component(name).module.model for name in (*self._texts, *self._networks)
        }
        vae = self._vae_class.from_config(self._config("vae")).eval()
        decoder = self.component("decoder").module
        vae.decoder, vae.post_quant_conv = decoder.decoder, decoder.post_quant_conv
        if "encoder" in self.names:
            encoder = self.component("encoder").module
            vae.encoder = encoder.encoder
            if hasattr(encoder, "quant_conv"):
                vae.quant_conv = encoder.quant_conv
        return {**given, "vae": vae}

    # The components.

    def _load(self, name: str) -> Component:
        inputs, outputs = self._specs(name)
        if name in text_encoders.NAMES:
            model = self._model(text_encoders.KINDS[name], name)
            return text_encoders.component(
                name, model, self._config(name), last=self.reads_last_layer
            )
        if name == "unet":
            return unet.unet(self._model(UNet2DConditionModel, name), inputs)
        if name == "controlnet":
            return unet.controlnet(self._model(ControlNetModel, name), inputs, outputs)
        model = self._model(self._vae_class, "vae")
        scaling = autoencoder.Scaling(self._config("vae"), normalised=self.normalised)
        make = autoencoder.decoder if name == "decoder" else autoencoder.encoder
        return make(model, scaling, self._latents, self._image)

    def _specs(self, name: str) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
        """What a component takes and gives."""
        config = self._config("vae" if name in ("decoder", "encoder") else name)
        if name in text_encoders.NAMES:
            pooled = not self.reads_last_layer and name == text_encoders.NAMES[1]
            return (text_encoders.input_ids(config),), text_encoders.outputs(config, pooled=pooled)
        if name == "unet":
            residuals = self._specs("controlnet")[1] if self.controlled else ()
            inputs = unet.unet_inputs(
                config, self._latents, self._timestep, self._conditions, residuals
            )
            return inputs, (unet.prediction(self._latents),)
        if name == "controlnet":
            inputs = unet.controlnet_inputs(
                config, self._latents, self._timestep, self._conditions, self._image
            )
            return inputs, self._residuals
        if name == "decoder":
            return (self._latents,), (self._image,)
        return autoencoder.encoder_specs(config, self._latents, self._image)

    @cached_property
    def _residuals(self) -> tuple[TensorSpec, ...]:
        config = self._config("controlnet")
        inputs = unet.controlnet_inputs(
            config, self._latents, self._timestep, self._conditions, self._image
        )
        with understood(self._path("controlnet")):
            return unet.residuals(config, inputs)

    @cached_property
    def _conditions(self) -> unet.Conditions:
        made = [text_encoders.outputs(self._config(name), pooled=True) for name in self._texts]
        embeddings, pooled = made[-1]
        width = sum(spec.shape[2] for spec, _ in made)
        text = TensorSpec(
            name=embeddings.name,
            shape=(1, embeddings.shape[1], width),
            description=embeddings.description,
        )
        return unet.Conditions(text=text, pooled=None if self.reads_last_layer else pooled)

    @cached_property
    def _latents(self) -> TensorSpec:
        height, width = latent_size(self._config("unet"), self._path("unet"))
        return TensorSpec(
            name="latents",
            shape=(self.pictures, self._channels, height, width),
            description="The picture in latent space; noise before the first step.",
        )

    @cached_property
    def _timestep(self) -> TensorSpec:
        scheduler = self._scheduler.scheduler(self.recorded_steps)
        steps = [float(step) for step in scheduler.timesteps]
        return TensorSpec(
            name="timestep",
            shape=(1,),
            range=(min(0.0, *steps), max(float(scheduler.config.num_train_timesteps), *steps)),
            description="A value from the manifest's sampler table.",
        )

    @cached_property
    def _image(self) -> TensorSpec:
        pictures, _, *size = self._latents.shape
        height, width = (side * vae_factor(self._config("vae")) for side in size)
        return TensorSpec(
            name="image",
            shape=(pictures, 3, height, width),
            range=(0.0, 1.0),
            image=pictures == 1,  # formats that have an image type have none for several
            description="The picture, sRGB in [0,1].",
        )

    @property
    def pictures(self) -> int:
        """How many pictures a run draws."""
        return self._overlay.batch

    @cached_property
    def _overlay(self) -> Overlay:
        """What the user wants changed."""
        return overlay_of(self.checkpoint) or Overlay(base="")

    @property
    def guidance(self) -> float:
        """Scale of classifier-free guidance; 1 or less for none, as Turbo models want it."""
        wanted = self._overlay.guidance
        return self.default_guidance if wanted is None else wanted

    @property
    def strength(self) -> float:
        """How far runs that begin with a picture go back to noise, in (0,1]."""
        wanted = self._overlay.strength
        return self.default_strength if wanted is None else wanted

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        """The text encoders that the checkpoint has."""
        declared = declared_parts(self.checkpoint)
        return tuple(name for name in text_encoders.NAMES if name in declared)

    @property
    def _networks(self) -> dict[str, Any]:
        """The classes of UNet and ControlNet."""
        controlnet = {"controlnet": ControlNetModel} if self.controlled else {}
        return {**controlnet, "unet": UNet2DConditionModel}

    @property
    def _vae_class(self) -> Any:
        return autoencoder.KINDS[declared_class(self.checkpoint, "vae")]

    @property
    def _channels(self) -> int:
        """Channels of the latents."""
        with understood(self._path("vae")):
            return int(self._config("vae").get("latent_channels", 4))

    def _model(self, kind: Any, folder: str) -> Any:
        if self.weights is None:
            return load_module(kind, self.checkpoint, folder)
        config = self._config(folder)
        # Weights come later, whole: initial ones would take a minute for a large UNet.
        with understood(self.checkpoint / folder), init_empty_weights():
            if folder in text_encoders.NAMES:  # a class of transformers, not of diffusers
                return kind(kind.config_class(**config))
            return kind.from_config(config)


def _release_in_turn(pipeline: Any) -> None:
    """Let a pipeline of diffusers drop networks whose turn is over; it can then run only once.

    It would hold all of them to its end, where the decoder needs another gigabyte.
    """

    def drop(*names: str) -> None:
        for name in names:
            if (network := getattr(pipeline, name, None)) is not None:
                network.to("meta")

    pipeline.unet.register_forward_pre_hook(lambda *_: drop(*text_encoders.NAMES))
    pipeline.vae.decoder.register_forward_pre_hook(lambda *_: drop("unet", "controlnet"))
