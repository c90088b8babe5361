"""ONNX as optimum's `ORTDiffusionPipeline` opens it (optimum-onnx 0.1, `modeling_diffusion.py`).

    model_index.json, scheduler/, tokenizer/, tokenizer_2/      as diffusers has them
    text_encoder/, text_encoder_2/, unet/, vae_encoder/, vae_decoder/
        model.onnx                                              inputs and outputs named as in
        config.json                                             `exporters/onnx/model_configs.py`

The first axis of everything has any length, because optimum calls the UNet once for both sides of
guidance and for all pictures of a prompt. Other axes are static.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from components import Arrays, Component, PipelineComponents, TensorSpec
from components.checkpoint import INDEX, read_index, read_json
from components.diffusion.autoencoder import deviation
from export.errors import ExportError
from export.formats import Place
from export.layouts import networks
from export.layouts.layout import Layout, Placed, Translation, adapted, on_tensors

PIPELINES = (
    "LatentConsistencyModelPipeline",
    "StableDiffusionImg2ImgPipeline",
    "StableDiffusionInpaintPipeline",
    "StableDiffusionPipeline",
    "StableDiffusionXLImg2ImgPipeline",
    "StableDiffusionXLInpaintPipeline",
    "StableDiffusionXLPipeline",
)
"""Pipelines that optimum has a class for."""

FOLDERS = {
    "text_encoder": "text_encoder",
    "text_encoder_2": "text_encoder_2",
    "unet": "unet",
    "encoder": "vae_encoder",
    "decoder": "vae_decoder",
}
"""For each component the folder of its model."""

_CONFIGS = {"encoder": "vae", "decoder": "vae"}
"""For components whose configuration lies elsewhere in a checkpoint, where."""


class OptimumLayout(Layout):
    """See `export.layouts.layout.Layout`."""

    options: ClassVar[dict[str, Any]] = {"ort": "none"}  # optimum opens no .ort files

    def __init__(self, pipeline: PipelineComponents) -> None:
        super().__init__(pipeline)
        kind = read_index(pipeline.checkpoint)["_class_name"]
        if kind not in PIPELINES:
            raise ExportError(
                f"optimum has no pipeline for a {kind}, expected one of {', '.join(PIPELINES)}; "
                f"leave out --layout"
            )

    def place(self, component: Component) -> Placed:
        make = {"unet": _unet, "encoder": _encoder, "decoder": _decoder}
        theirs, translation = make.get(component.name, _text_encoder)(component)
        path = f"{FOLDERS[component.name]}/model"
        place = Place(path=path, any_batch=True)
        return Placed(component=theirs, place=place, translation=translation)

    def finish(self, folder: Path) -> None:
        checkpoint = self.pipeline.checkpoint
        index = read_json(checkpoint / INDEX)
        for part in self.pipeline.parts:
            if part.holds == "nothing":
                index[part.name] = [None, None]  # optimum would look for its files
        _write_json(folder / INDEX, index)
        (folder / "scheduler").mkdir()
        shutil.copyfile(
            checkpoint / "scheduler" / "scheduler_config.json",
            folder / "scheduler" / "scheduler_config.json",
        )
        for name in self.pipeline.names:
            if (folder / FOLDERS[name]).is_dir():
                config = read_json(checkpoint / _CONFIGS.get(name, name) / "config.json")
                _write_json(folder / FOLDERS[name] / "config.json", config)


def _text_encoder(component: Component) -> tuple[Component, Translation]:
    """`input_ids` to the last hidden state, pooled text, and for SDXL all hidden states."""
    network = component.module
    layers = int(network.model.config.num_hidden_layers)  # type: ignore[union-attr, arg-type]
    every = networks.reads_penultimate(network)
    hidden, *pooled = component.outputs
    states = [f"hidden_states.{index}" for index in range(layers + 1)] if every else []

    def forward(input_ids: Tensor) -> tuple[Tensor, ...]:
        made = network.model(  # type: ignore[operator]
            input_ids=input_ids, output_hidden_states=every, return_dict=True
        )
        # transformers' order, on which diffusers relies.
        first = (
            (made.text_embeds, made.last_hidden_state)
            if pooled
            else (made.last_hidden_state, made.pooler_output)
        )
        return (*first, *(made.hidden_states if every else ()))

    last = networks.renamed(hidden, "last_hidden_state")
    if pooled:
        outputs = [networks.renamed(pooled[0], "text_embeds"), last]
    else:
        outputs = [last, networks.renamed(hidden, "pooler_output", shape=(1, hidden.shape[2]))]
    outputs += [networks.renamed(hidden, name) for name in states]

    def back(made: Arrays) -> dict[str, np.ndarray]:
        found = {hidden.name: made[states[-2] if every else "last_hidden_state"]}
        return found | {spec.name: made["text_embeds"] for spec in pooled}

    theirs = adapted(component, forward, component.inputs, outputs)
    return theirs, Translation(inputs=dict, outputs=back)


def _unet(component: Component) -> tuple[Component, Translation]:
    """`sample`, `timestep` without axes, and the others under diffusers' names, to `out_sample`."""
    network, parts = component.module, networks.sample_parts(component)
    ours = tuple(spec.name for spec in component.inputs)
    others = tuple(spec for spec in component.inputs if spec not in parts)
    (prediction,) = component.outputs

    def forward(sample: Tensor, *values: Tensor) -> Tensor:
        given = networks.split_sample(sample, parts)
        given |= {spec.name: value for spec, value in zip(others, values, strict=True)}
        made: Tensor = network(*(given[name] for name in ours))
        return made

    def there(arrays: Arrays) -> dict[str, np.ndarray]:
        made = {networks.UNET_INPUTS[spec.name]: arrays[spec.name] for spec in others}
        timestep = arrays["timestep"].reshape(())
        return {**made, "sample": networks.join_sample(arrays, parts), "timestep": timestep}

    theirs = adapted(
        component,
        forward,
        (networks.sample_spec(parts), *map(_unet_input, others)),
        (networks.renamed(prediction, "out_sample"),),
    )
    back = partial(_one, "out_sample", prediction.name)
    return theirs, Translation(inputs=there, outputs=back)


def _unet_input(spec: TensorSpec) -> TensorSpec:
    made = networks.renamed(spec, networks.UNET_INPUTS[spec.name])
    return replace(made, shape=()) if spec.name == "timestep" else made


def _one(theirs: str, ours: str, made: Arrays) -> dict[str, np.ndarray]:
    return {ours: made[theirs]}


def _decoder(component: Component) -> tuple[Component, Translation]:
    """`latent_sample`, as the autoencoder has it, to `sample` in about [-1,1]."""
    (latents,), (image,) = component.inputs, component.outputs
    scaling: Any = component.module.scaling
    theirs = adapted(
        component,
        partial(networks.decoded, component.module),
        (networks.renamed(latents, "latent_sample"),),
        (networks.renamed(image, "sample", range=(-1.0, 1.0)),),
    )

    def there(arrays: Arrays) -> dict[str, np.ndarray]:
        return {"latent_sample": on_tensors(scaling.to_autoencoder, arrays[latents.name])}

    def back(made: Arrays) -> dict[str, np.ndarray]:
        return {image.name: networks.to_unit(made["sample"])}

    return theirs, Translation(inputs=there, outputs=back)


def _encoder(component: Component) -> tuple[Component, Translation]:
    """`sample` in [-1,1] to `latent_parameters` or, without noise, `latent_sample`."""
    (image,), (mean, *spread) = component.inputs, component.outputs
    scaling: Any = component.module.scaling
    name = "latent_parameters" if spread else "latent_sample"
    pictures, channels, *size = mean.shape
    shape = (pictures, channels * len(component.outputs), *size)
    theirs = adapted(
        component,
        partial(networks.encoded, component.module),
        (networks.renamed(image, "sample", range=(-1.0, 1.0)),),
        (networks.renamed(mean, name, shape=shape),),
    )

    def there(arrays: Arrays) -> dict[str, np.ndarray]:
        return {"sample": arrays[image.name] * 2 - 1}

    def back(made: Arrays) -> dict[str, np.ndarray]:
        found = {mean.name: on_tensors(scaling.to_sampler, made[name][:, :channels])}
        for spec in spread:
            found[spec.name] = on_tensors(
                lambda value: scaling.spread(deviation(value)), made[name][:, channels:]
            )
        return found

    return theirs, Translation(inputs=there, outputs=back)


def _write_json(path: Path, values: Any) -> None:
    path.write_bytes(f"{json.dumps(values, indent=2, sort_keys=True)}\n".encode())
