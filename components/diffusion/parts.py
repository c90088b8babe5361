"""The parts that `model_index.json` of a pipeline of latent diffusion names."""

from __future__ import annotations

from components.declared import Part
from components.diffusion import autoencoder, clip_tokenizer, text_encoders
from components.diffusion.schedulers import KINDS

SCHEDULER = Part(name="scheduler", libraries=("diffusers",), classes=(*KINDS,), holds="scheduler")
UNET = Part(name="unet", libraries=("diffusers",), classes=("UNet2DConditionModel",))
VAE = Part(name="vae", libraries=("diffusers",), classes=(*autoencoder.KINDS,))
TOKENIZER_CLASSES = ("CLIPTokenizer", "CLIPTokenizerFast")


def text_part(name: str, *, needed: bool = True) -> tuple[Part, Part]:
    """A text encoder and its tokenizer."""
    kind = text_encoders.KINDS[name].__name__
    return (
        Part(name=name, libraries=("transformers",), classes=(kind,), needed=needed),
        Part(
            name=clip_tokenizer.FOLDERS[name],
            libraries=("transformers",),
            classes=TOKENIZER_CLASSES,
            holds="tokenizer",
            needed=needed,
        ),
    )


def unused(name: str, library: str, *classes: str) -> Part:
    """A part that a checkpoint may have, and no component is made of."""
    return Part(name=name, libraries=(library,), classes=classes, holds="nothing", needed=False)


UNUSED = (
    unused("safety_checker", "stable_diffusion", "StableDiffusionSafetyChecker"),
    unused("feature_extractor", "transformers", "CLIPImageProcessor", "CLIPFeatureExtractor"),
    unused("image_encoder", "transformers", "CLIPVisionModelWithProjection"),
)
"""Parts of a run with pictures as prompts, and a filter that apps decide on."""
