"""Core ML as Apple's Swift package reads it (apple/ml-stable-diffusion 1.1).

    TextEncoder, TextEncoder2, Unet or ControlledUnet, controlnet/ControlNet, VAEEncoder, VAEDecoder
        .mlpackage, which compile.sh makes .mlmodelc of, in Resources/ beside vocab.json, merges.txt

File names are those of `StableDiffusionPipeline+Resources.swift` and
`StableDiffusionXL+Resources.swift`; inputs and outputs those of `TextEncoder.swift`,
`TextEncoderXL.swift`, `Unet.swift`, `ControlNet.swift`, `Encoder.swift`, `Decoder.swift` and of
`torch2coreml.py`. What that package does by itself is outside the networks: guidance (it calls the
UNet with both sides at once), the factor between the sampler's latents and the autoencoder's,
noise, and the range of pictures.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from components import Arrays, Component, PipelineComponents, TensorSpec
from components.checkpoint import read_index
from components.diffusion.autoencoder import Scaling, deviation
from components.diffusion.clip_tokenizer import FOLDERS, load_tokenizer
from export.errors import ExportError
from export.formats import Place
from export.layouts import networks
from export.layouts.layout import Layout, Placed, Translation, adapted, on_tensors

PIPELINES = (
    "StableDiffusionControlNetPipeline",
    "StableDiffusionImg2ImgPipeline",
    "StableDiffusionPipeline",
    "StableDiffusionXLImg2ImgPipeline",
    "StableDiffusionXLPipeline",
)
"""Pipelines that Apple's package has."""

SIDES = 2
"""Rows of each call of a UNet: without the prompt, and with it."""

SCALE, SCALE_XL = 0.18215, 0.13025
"""What the package multiplies latents with by default (`PipelineConfiguration.swift`)."""

SCRIPT = "compile.sh"

_END, _PAD_2 = "<|endoftext|>", "!"
"""What the package pads prompts with, and those for TextEncoder2 (`BPETokenizer.swift`)."""

_INPUTS = {
    **{ours: theirs for ours, theirs in networks.UNET_INPUTS.items() if theirs != "timestep_cond"},
    "latents": "sample",
    "control_image": "controlnet_cond",
}
"""For inputs of a UNet or a ControlNet what the package calls them."""

_SMALL_LOG_VARIANCE = -30.0
"""For an encoder that draws no noise; the package cuts it here."""


class AppleLayout(Layout):
    """See `export.layouts.layout.Layout`.

    A UNet may be in two chunks, `UnetChunk1` and `UnetChunk2`: the package gives the second the
    inputs of the whole UNet and all that the first gave.
    """

    most_chunks = 2

    def __init__(self, pipeline: PipelineComponents) -> None:
        super().__init__(pipeline)
        kind = read_index(pipeline.checkpoint)["_class_name"]
        if kind not in PIPELINES:
            raise _refused(f"has no pipeline for a {kind}, expected one of {', '.join(PIPELINES)}")
        self._xl = "XL" in kind
        sampler = pipeline.facts().sampler
        if (prediction := sampler["prediction"]) != "epsilon":
            raise _refused(f"samples with predictions of noise (epsilon) only, not {prediction}")
        _require_one_vocabulary(pipeline)

    def place(self, component: Component) -> Placed:
        scale = SCALE_XL if self._xl else SCALE
        match component.name:
            case "unet":
                made = _unet(component)
            case "controlnet":
                made = _controlnet(component)
            case "encoder":
                made = _encoder(component, scale)
            case "decoder":
                made = _decoder(component, scale)
            case name:
                tokenizer = load_tokenizer(self.pipeline.checkpoint / FOLDERS[name])
                made = _text_encoder(component, _Padding(tokenizer, name))
        theirs, translation = made
        place = Place(path=_file(component))
        return Placed(component=theirs, place=place, translation=translation)

    def finish(self, folder: Path) -> None:
        shutil.copyfile(Path(__file__).with_name(SCRIPT), folder / SCRIPT)


class _Padding:
    """Token ids as the package pads them to those that the text encoder was trained with.

    The package pads with the end token, or `!` for TextEncoder2, whatever the checkpoint does.
    """

    def __init__(self, tokenizer: Any, name: str) -> None:
        """
        Args:
            tokenizer: The checkpoint's.
            name: The text encoder's name.
        """
        vocabulary = tokenizer.get_vocab()
        self.end, self.wanted = int(tokenizer.eos_token_id), int(tokenizer.pad_token_id)
        given = _PAD_2 if name == "text_encoder_2" else _END
        self.given = int(vocabulary.get(given, vocabulary.get(_END, 0)))

    def __call__(self, ids: Tensor) -> Tensor:
        if self.given == self.wanted:
            return ids
        first = (ids == self.end).to(torch.int32).argmax(dim=1, keepdim=True)
        after = torch.arange(ids.shape[1], device=ids.device)[None] > first
        padded = torch.logical_and(after, ids == self.given)  # coremltools knows no "&"
        return torch.where(padded, self.wanted, ids)


def _file(component: Component) -> str:
    """The path of a component's package, without its ending."""
    inputs = {spec.name: spec for spec in component.inputs}
    if component.name == "unet":
        if any(name.startswith("residual_") for name in inputs):
            return "ControlledUnet"
        refiner = "time_ids" in inputs and inputs["time_ids"].shape[1] == 5
        return "UnetRefiner" if refiner else "Unet"
    return {
        "text_encoder": "TextEncoder",
        "text_encoder_2": "TextEncoder2",
        "controlnet": "controlnet/ControlNet",
        "encoder": "VAEEncoder",
        "decoder": "VAEDecoder",
    }[component.name]


def _text_encoder(component: Component, padding: _Padding) -> tuple[Component, Translation]:
    """`input_ids`, as float32, to `last_hidden_state` or for SDXL `hidden_embeds`, and pooled text.

    All SDXL text encoders give `pooled_outputs`, which the package takes of the second.
    """
    network: Any = component.module
    every = networks.reads_penultimate(network)
    (ids,), (hidden, *pooled) = component.inputs, component.outputs
    name = "hidden_embeds" if every else "last_hidden_state"
    width = pooled[0].shape[1] if pooled else hidden.shape[2]

    def forward(input_ids: Tensor) -> tuple[Tensor, Tensor]:
        made = network.model(
            input_ids=padding(input_ids.to(torch.int32)),
            output_hidden_states=every,
            return_dict=True,
        )
        states = made.hidden_states[-2] if every else made.last_hidden_state
        return states, made.text_embeds if pooled else made.pooler_output

    theirs = adapted(
        component,
        forward,
        (networks.renamed(ids, ids.name, dtype="float32"),),
        (
            networks.renamed(hidden, name),
            networks.renamed(hidden, "pooled_outputs", shape=(1, width)),
        ),
    )

    def there(arrays: Arrays) -> dict[str, np.ndarray]:
        return {ids.name: arrays[ids.name].astype(np.float32)}

    def back(made: Arrays) -> dict[str, np.ndarray]:
        found = {hidden.name: made[name]}
        return found | {spec.name: made["pooled_outputs"] for spec in pooled}

    return theirs, Translation(inputs=there, outputs=back)


def _unet(component: Component) -> tuple[Component, Translation]:
    """Both sides of guidance at once, text as (2,D,1,T), to `noise_pred`."""
    return _both_sides(component, {component.outputs[0].name: "noise_pred"})


def _controlnet(component: Component) -> tuple[Component, Translation]:
    """The same to the residuals that `ControlledUnet` takes."""
    outputs = enumerate(component.outputs)
    return _both_sides(component, {s.name: f"additional_residual_{i}" for i, s in outputs})


def _both_sides(component: Component, outputs: dict[str, str]) -> tuple[Component, Translation]:
    """A network that is called with both sides of guidance at once.

    Args:
        component: A UNet or a ControlNet.
        outputs: For each of its outputs the name that the package knows.
    """
    network = component.module
    inputs = {spec.name: _their_name(spec, component) for spec in component.inputs}

    def forward(*values: Tensor) -> Any:
        given = zip(inputs, values, strict=True)
        return network(*(_text_from_columns(name, value) for name, value in given))

    theirs = adapted(
        component,
        forward,
        [_two_sided(spec, inputs[spec.name]) for spec in component.inputs],
        [_two_sided(spec, outputs[spec.name]) for spec in component.outputs],
    )

    def there(arrays: Arrays) -> dict[str, np.ndarray]:
        return {inputs[name]: _twice(name, array) for name, array in arrays.items()}

    def back(made: Arrays) -> dict[str, np.ndarray]:
        return {ours: made[name][:1] for ours, name in outputs.items()}

    return theirs, Translation(inputs=there, outputs=back)


def _their_name(spec: TensorSpec, component: Component) -> str:
    residuals = [s.name for s in component.inputs if s.name.startswith("residual_")]
    if spec.name in residuals:
        return f"additional_residual_{residuals.index(spec.name)}"
    if spec.name not in _INPUTS:
        raise _refused(f"has no {spec.name}, which the {component.name} takes")
    return _INPUTS[spec.name]


def _two_sided(spec: TensorSpec, name: str) -> TensorSpec:
    if spec.shape[0] != 1:
        raise _refused(f"draws one picture at a time, not {spec.shape[0]}")
    if spec.name == "text_embeddings":
        return networks.renamed(spec, name, shape=(SIDES, spec.shape[2], 1, spec.shape[1]))
    return networks.renamed(spec, name, shape=(SIDES, *spec.shape[1:]))


def _text_from_columns(name: str, value: Tensor) -> Tensor:
    return value.squeeze(2).transpose(1, 2) if name == "text_embeddings" else value


def _twice(name: str, array: np.ndarray) -> np.ndarray:
    twice = np.concatenate([array] * SIDES)
    return twice.transpose(0, 2, 1)[:, :, None] if name == "text_embeddings" else twice


def _decoder(component: Component, scale: float) -> tuple[Component, Translation]:
    """`z`, the sampler's latents by the package's factor, to `image` in about [-1,1]."""
    network: Any = component.module
    (latents,), (image,) = component.inputs, component.outputs
    own = _has_scale(network.scaling, scale)

    def forward(z: Tensor) -> Tensor:
        return networks.decoded(network, z if own else network.scaling.to_autoencoder(z * scale))

    theirs = adapted(
        component,
        forward,
        (networks.renamed(latents, "z"),),
        (networks.renamed(image, "image", range=(-1.0, 1.0)),),
    )

    def there(arrays: Arrays) -> dict[str, np.ndarray]:
        return {"z": arrays[latents.name] / np.float32(scale)}

    def back(made: Arrays) -> dict[str, np.ndarray]:
        return {image.name: networks.to_unit(made["image"])}

    return theirs, Translation(inputs=there, outputs=back)


def _encoder(component: Component, scale: float) -> tuple[Component, Translation]:
    """`z`, a picture in [-1,1], to `latent`: mean and logarithm of the variance, by the factor.

    The input is `z` because versions of `Encoder.swift` from 2023 look for that name; later ones
    take the first input, and `torch2coreml.py` calls it `x`.
    """
    network: nn.Module = component.module
    scaling: Any = network.scaling
    (image,), (mean, *spread) = component.inputs, component.outputs
    channels = mean.shape[1]
    if channels != 4:
        raise _refused(f"encodes pictures to 4 channels, not {channels}")
    own = _has_scale(scaling, scale)

    def forward(picture: Tensor) -> Tensor:
        made = networks.encoded(network, picture)
        if not spread:
            made = torch.cat([made, torch.full_like(made, _SMALL_LOG_VARIANCE)], dim=1)
        if own:
            return made
        factor = scaling.spread(torch.ones(1)) / scale
        latents, log_variance = made[:, :channels], made[:, channels:]
        return torch.cat(
            [scaling.to_sampler(latents) / scale, log_variance + 2 * factor.log()], dim=1
        )

    theirs = adapted(
        component,
        forward,
        (networks.renamed(image, "z", range=(-1.0, 1.0)),),
        (networks.renamed(mean, "latent", shape=(1, 2 * channels, *mean.shape[2:])),),
    )

    def there(arrays: Arrays) -> dict[str, np.ndarray]:
        return {"z": arrays[image.name] * 2 - 1}

    def back(made: Arrays) -> dict[str, np.ndarray]:
        found = {mean.name: made["latent"][:, :channels] * np.float32(scale)}
        for spec in spread:
            apart = on_tensors(deviation, made["latent"][:, channels:])
            found[spec.name] = apart * np.float32(scale)
        return found

    return theirs, Translation(inputs=there, outputs=back)


def _has_scale(scaling: Scaling, scale: float) -> bool:
    """Whether the package's factor is all that lies between sampler and autoencoder."""
    return not scaling.whole and scaling.scale == scale


def _require_one_vocabulary(pipeline: PipelineComponents) -> None:
    """Raise `ExportError` where two text encoders split words in two ways: the package has one."""
    found = [
        load_tokenizer(pipeline.checkpoint / folder).get_vocab()
        for name, folder in FOLDERS.items()
        if name in pipeline.names
    ]
    if any(vocabulary != found[0] for vocabulary in found):
        raise _refused("reads prompts with one vocabulary, but the tokenizers have two")


def _refused(reason: str) -> ExportError:
    return ExportError(f"Apple's package {reason}; leave out --layout")
