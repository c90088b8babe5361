"""How a run of latent diffusion joins components: from a prompt to a picture, on any runtime.

It needs no checkpoint: what the components take and the manifest's constants say it all. Which
parts a run has follows from that, too: a run with an encoder begins with a picture, a UNet that
takes a mask draws parts of one, and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from components.component import Arrays, Runner, TensorSpec
from components.diffusion.sampling import Table
from components.diffusion.text_encoders import NAMES
from components.errors import InputError

OPTIONS = {"image": "--image", "mask": "--mask", "control_image": "--control"}
"""What commands call the pictures of a wish."""
IDS = {"text_encoder": "ids", "text_encoder_2": "ids_2"}
"""For each text encoder how the names of its token ids end, in the inputs of a run."""

Tokenize = Callable[[str, str], np.ndarray]
"""From a text encoder's name and a text to token ids (1,T) int32."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a run shall draw.

    Attributes:
        prompt: The text.
        negative: What the picture shall not be like; empty for nothing.
        seed: Decides all noise.
        image: The picture to begin with, (1,3,H,W) in [0,1], where the pipeline takes one.
        mask: 1 where it is drawn anew, else 0, (1,1,H,W), where the pipeline takes one.
        control_image: What the picture shall follow, (1,3,H,W) in [0,1], where there is a
            ControlNet.
    """

    prompt: str
    negative: str = ""
    seed: int = 0
    image: np.ndarray | None = None
    mask: np.ndarray | None = None
    control_image: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class Flow:
    """How a run joins the components of one pipeline.

    Attributes:
        inputs: For each component, by name and in the order of a run, what it takes.
        outputs: For each component what it gives.
        settings: The pipeline's constants, as the manifest holds them:
            `empty_prompt`: `zeros` where an empty negative prompt is not read but counts as zeros.
            `embedded_guidance`: the scale of guidance that the UNet takes as an embedding.
            `time_ids`, `negative_time_ids`: numbers that a UNet of Stable Diffusion XL takes.
    """

    inputs: Mapping[str, Sequence[TensorSpec]]
    outputs: Mapping[str, Sequence[TensorSpec]]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text_encoders(self) -> tuple[str, ...]:
        """The text encoders that the pipeline has."""
        return tuple(name for name in NAMES if name in self.inputs)

    @property
    def images(self) -> tuple[str, ...]:
        """Which pictures a wish must have: `image`, `mask`, `control_image`."""
        masked = ("mask",) if self._takes("unet", "mask") else ()
        started = ("image", *masked) if "encoder" in self.inputs else ()
        return (*started, *(("control_image",) if "controlnet" in self.inputs else ()))

    @property
    def latents(self) -> tuple[int, ...]:
        """Shape (B,C,h,w) of the latents."""
        return self._spec("unet", "latents").shape

    @property
    def picture(self) -> tuple[int, ...]:
        """Shape (B,3,H,W) of the picture."""
        return self.outputs["decoder"][0].shape

    def arrays(self, wish: Wish, tokenize: Tokenize, table: Table) -> dict[str, np.ndarray]:
        """The inputs of one run.

        Noise is drawn from the seed in the order in which diffusers' pipelines draw it.

        Raises:
            InputError: A picture is missing, is not wanted, or has another size.
        """
        self._require_images(wish)
        made = self._token_ids(wish, tokenize, table)
        made |= {name: getattr(wish, name) for name in self.images}
        made |= self._numbers(table)
        generator = torch.Generator().manual_seed(wish.seed)
        draws = ["noise"]
        if self._takes_noise_for_a_picture:
            draws.insert(len(draws) if "mask" in self.images else 0, "image_noise")
        shapes = {"noise": self.latents, "image_noise": (1, *self.latents[1:])}
        made |= {name: _normal(shapes[name], generator) for name in draws}
        if table.draws:
            later = [_normal(self.latents, generator) for _ in range(table.draws)]
            made["noises"] = np.stack(later)
        return made

    def run(self, runners: Mapping[str, Runner], inputs: Arrays, table: Table) -> dict[str, Any]:
        """Do one whole run.

        Args:
            runners: One for each component, by name.
            inputs: What `arrays` makes; tensors, too, and gradients pass through them.
            table: The sampler's constants.

        Returns:
            The picture (B,3,H,W) in [0,1], by name.
        """
        run = _Run(self, runners, inputs)
        told = run.conditions("input_")
        untold = run.conditions("empty_") if table.guided else None
        told |= (common := run.picture_conditions())
        empty = {**untold, **common} if untold is not None else None

        def predict(latents: Any, timestep: float) -> Any:
            conditioned = run.predict(latents, timestep, told)
            if empty is None:
                return conditioned
            plain = run.predict(latents, timestep, empty)
            return plain + table.guidance * (conditioned - plain)

        first = table.first(inputs["noise"], run.start() if table.start else None)
        latents = table.sample(first, tuple(inputs.get("noises", ())), predict)
        return dict(run.call("decoder", {"latents": latents}))

    def _require_images(self, wish: Wish) -> None:
        height, width = self.picture[2:]
        for name, channels in (("image", 3), ("mask", 1), ("control_image", 3)):
            found = getattr(wish, name)
            if (found is not None) != (name in self.images):
                given = "needs a picture there" if name in self.images else "takes no such picture"
                raise InputError(f"{OPTIONS[name]}: this pipeline {given}")
            if found is not None and found.shape != (1, channels, height, width):
                raise InputError(
                    f"{name} has shape {found.shape}, expected {(1, channels, height, width)}"
                )

    def _token_ids(self, wish: Wish, tokenize: Tokenize, table: Table) -> dict[str, np.ndarray]:
        made = {f"input_{IDS[name]}": tokenize(name, wish.prompt) for name in self.text_encoders}
        if table.guided and (wish.negative or self.settings.get("empty_prompt") != "zeros"):
            made |= {
                f"empty_{IDS[name]}": tokenize(name, wish.negative) for name in self.text_encoders
            }
        return made

    def _numbers(self, table: Table) -> dict[str, np.ndarray]:
        made = {}
        if self._takes("unet", "guidance_embedding"):
            pictures, width = self._spec("unet", "guidance_embedding").shape
            embedded = guidance_embedding(float(self.settings["embedded_guidance"]), width)
            made["guidance_embedding"] = np.repeat(embedded, pictures, axis=0)
        if self._takes("unet", "time_ids"):
            names = ("time_ids", "negative_time_ids") if table.guided else ("time_ids",)
            for name in names:
                row = np.array([self.settings[name]], np.float32)
                made[name] = np.repeat(row, self.latents[0], axis=0)
        return made

    @property
    def _takes_noise_for_a_picture(self) -> bool:
        return "encoder" in self.outputs and len(self.outputs["encoder"]) == 2

    def _takes(self, component: str, name: str) -> bool:
        return any(spec.name == name for spec in self.inputs[component])

    def _spec(self, component: str, name: str) -> TensorSpec:
        return next(spec for spec in self.inputs[component] if spec.name == name)


@dataclass(frozen=True)
class _Run:
    """One run: its runners and inputs, arrays or tensors."""

    flow: Flow
    runners: Mapping[str, Runner]
    inputs: Arrays

    def call(self, component: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Run a component with those of some values that it takes."""
        taken = {spec.name: values[spec.name] for spec in self.flow.inputs[component]}
        return dict(self.runners[component](taken))

    def conditions(self, prefix: str) -> dict[str, Any]:
        """What the UNet is told of the prompt (`input_`), or of the negative one (`empty_`)."""
        zeros = prefix == "empty_" and f"empty_{IDS[self.flow.text_encoders[0]]}" not in self.inputs
        source = "input_" if zeros else prefix
        made: dict[str, Any] = {}
        embeddings = []
        for name in self.flow.text_encoders:
            found = self.call(name, {"input_ids": self.inputs[f"{source}{IDS[name]}"]})
            embeddings.append(found.pop("text_embeddings"))
            made |= found
        made["text_embeddings"] = _joined(embeddings, axis=2)
        pictures = self.flow.latents[0]
        told = {name: _joined([value] * pictures, axis=0) for name, value in made.items()}
        if zeros:
            told = {name: value * 0 for name, value in told.items()}
        negative = self.inputs.get("negative_time_ids") if prefix == "empty_" else None
        numbers = self.inputs.get("time_ids") if negative is None else negative
        return told if numbers is None else {**told, "time_ids": numbers}

    def picture_conditions(self) -> dict[str, Any]:
        """What the UNet and a ControlNet are told beside the prompt, the same in every call."""
        pictures = self.flow.latents[0]
        names = ("guidance_embedding", "control_image")
        made = {name: self.inputs[name] for name in names if name in self.inputs}
        if "control_image" in made:
            made["control_image"] = _joined([made["control_image"]] * pictures, axis=0)
        if "mask" in self.flow.images:
            mask = self.inputs["mask"]
            # Grey, which the encoder sees as 0, where the picture is drawn anew.
            masked = self._encoded(self.inputs["image"] * (1 - mask) + 0.5 * mask)
            step = self.flow.picture[2] // self.flow.latents[2]
            made["mask"] = _joined([mask[:, :, ::step, ::step]] * pictures, axis=0)
            made["masked_latents"] = _joined([masked] * pictures, axis=0)
        return made

    def start(self) -> Any:
        """The latents (B,C,h,w) of the picture that the run begins with."""
        return _joined([self._encoded(self.inputs["image"])] * self.flow.latents[0], axis=0)

    def predict(self, latents: Any, timestep: float, told: Mapping[str, Any]) -> Any:
        """The UNet's prediction, (B,C,h,w), with the residuals of a ControlNet if there is one."""
        values = {"latents": latents, "timestep": np.array([timestep], np.float32), **told}
        if "controlnet" in self.flow.inputs:
            values |= self.call("controlnet", values)
        return self.call("unet", values)["prediction"]

    def _encoded(self, image: Any) -> Any:
        made = self.call("encoder", {"image": image})
        if "deviation" not in made:
            return made["mean"]
        return made["mean"] + made["deviation"] * self.inputs["image_noise"]


def guidance_embedding(scale: float, width: int) -> np.ndarray:
    """The scale of guidance as a latent consistency model takes it (arXiv 2310.04378).

    Sines and cosines of `1000·(scale − 1)`, as diffusers' pipeline computes them.

    Args:
        scale: The scale of guidance.
        width: Numbers in the embedding.

    Returns:
        (1,width) float32.
    """
    half = width // 2
    frequencies = torch.exp(
        torch.arange(half, dtype=torch.float32) * -(np.log(10000.0) / (half - 1))
    )
    phases = torch.tensor([scale - 1], dtype=torch.float32)[:, None] * 1000.0 * frequencies[None]
    embedded = torch.cat([phases.sin(), phases.cos()], dim=1)
    return torch.nn.functional.pad(embedded, (0, width % 2)).numpy()


def _joined(parts: Sequence[Any], axis: int) -> Any:
    """Arrays or tensors one after the other along an axis."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], Tensor):
        return torch.cat(list(parts), dim=axis)
    return np.concatenate(parts, axis=axis)


def _normal(shape: Sequence[int], generator: torch.Generator) -> np.ndarray:
    return torch.randn(tuple(shape), generator=generator).numpy()
