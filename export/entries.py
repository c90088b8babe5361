"""What `manifest.json` is made of: one record for each kind of entry.

Each of them raises `ManifestError` where a value can be no entry, whoever makes it. Types are
checked when a manifest is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Literal

from components import TensorSpec
from export.errors import ManifestError
from support.json_records import Exact, Keywords, optional, record

_SHA256 = re.compile(r"[0-9a-f]{64}")

Sha256 = Annotated[str, Keywords(pattern=f"^{_SHA256.pattern}$")]
"""A SHA-256 in lower-case hexadecimal digits."""

RelativePath = Annotated[
    str, Keywords(pattern=r"^(?!/)(?!(.*/)?\.\.(/|$))[^\\:\u0000-\u001f\u007f]+$")
]
"""A path with `/` that stays inside the artifact."""


@record
@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One file of the artifact.

    Attributes:
        path: Path relative to the artifact, with `/`.
        bytes: Size in bytes.
        sha256: SHA-256 of the content, in hexadecimal digits.
    """

    path: RelativePath
    bytes: Annotated[int, Keywords(minimum=0)]
    sha256: Sha256

    def __post_init__(self) -> None:
        check_path(self.path)
        if self.bytes < 0 or not _SHA256.fullmatch(self.sha256):
            raise ManifestError(f"the manifest's entry for {self.path} has no valid size and hash")


@record
@dataclass(frozen=True, kw_only=True)
class ComponentEntry:
    """One exported component.

    Attributes:
        name: Name of the component.
        description: One line for people.
        models: For each kind of model file (`mlpackage`, `onnx`, `ort`) its path; a package is a
            folder.
        ops: Operations that the first of these models executes.
        inputs: Input tensors, in order.
        outputs: Output tensors, in order.
        precision: `fp32` where the component computes in it although the export was asked for
            fp16: numbers occur in it that fp16 cannot hold.
    """

    name: str
    description: str
    models: Annotated[dict[str, RelativePath], Keywords(minProperties=1)]
    ops: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    precision: str = optional("")

    def __post_init__(self) -> None:
        if not self.name.isprintable():
            raise ManifestError(f"the manifest names a component {self.name[:60]!r}")
        if not self.models:
            raise ManifestError(f"the manifest names no model of {self.name!r}")
        for path in self.models.values():
            check_path(path)


@record
@dataclass(frozen=True, kw_only=True)
class ChunkedEntry:
    """A component that is exported as chunks, which run one after the other.

    A chunk takes inputs of the whole and what earlier chunks return, both by name. The outputs of
    the whole are among those of its chunks.

    Attributes:
        name: Name of the whole component, which golden vectors and recipes know.
        description: One line for people.
        chunks: Names of the components that are its chunks, in the order in which they run.
        inputs: Input tensors of the whole, in order.
        outputs: Output tensors of the whole, in order.
    """

    name: str
    description: str
    chunks: Annotated[tuple[str, ...], Keywords(minItems=1)]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def require(self, components: Mapping[str, ComponentEntry]) -> None:
        """Raise `ManifestError` unless the chunks are there and have what they take."""
        known = {spec.name: spec.shape for spec in self.inputs}
        for name in self.chunks:
            if name not in components:
                raise ManifestError(f"the manifest has no chunk {name!r} of {self.name!r}")
            for spec in components[name].inputs:
                if known.get(spec.name) != spec.shape:
                    raise ManifestError(
                        f"the manifest's chunk {name!r} takes {spec.name!r}, which nothing passes"
                    )
            known.update((spec.name, spec.shape) for spec in components[name].outputs)
        for spec in self.outputs:
            if known.get(spec.name) != spec.shape:
                raise ManifestError(f"no chunk of {self.name!r} returns {spec.name!r}")


@record
@dataclass(frozen=True, kw_only=True)
class GoldenEntry:
    """Where the golden vectors are.

    Attributes:
        seed: Seed of the recorded run.
        run: File of one whole run.
        components: For each component the file of its calls.
        steps: Steps of its sampler's table; absent for those of the default.
    """

    seed: int
    run: RelativePath
    components: dict[str, RelativePath]
    steps: int | None = optional(None)

    def __post_init__(self) -> None:
        for path in (self.run, *self.components.values()):
            check_path(path)


@record
@dataclass(frozen=True, kw_only=True)
class ShapesEntry:
    """The boundary of a component in one function.

    Attributes:
        name: Name of the component.
        inputs: Input tensors, in order.
        outputs: Output tensors, in order.
    """

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@record
@dataclass(frozen=True, kw_only=True)
class FunctionEntry:
    """One of several functions that each component's package has.

    Attributes:
        name: Name of the function, the same in every package.
        checkpoint: SHA-256 of the checkpoint that it was made from.
        recipe: SHA-256 of the quantization recipe; null where there was none.
        options: What its export was asked for.
        components: What each component takes and returns in this function.
        golden: Where its golden vectors are.
    """

    name: str
    checkpoint: Sha256
    recipe: Sha256 | None = None
    options: dict[str, str]
    components: tuple[ShapesEntry, ...]
    golden: GoldenEntry

    def __post_init__(self) -> None:
        check_sha256(f"checkpoint of the function {self.name[:60]!r}", self.checkpoint)
        if self.recipe is not None:
            check_sha256(f"recipe of the function {self.name[:60]!r}", self.recipe)

    def component(self, name: str) -> ShapesEntry:
        """What a component takes and returns; raises `ManifestError` where there is none."""
        for entry in self.components:
            if entry.name == name:
                return entry
        raise ManifestError(f"the function {self.name!r} has no component {name!r}")


@record
@dataclass(frozen=True, kw_only=True)
class StyleEntry:
    """One style; the denoiser knows it by its index in the manifest.

    Attributes:
        name: Name in files, commands and code: lower-case words with hyphens.
        title: Name for people.
        tier: Which users may choose it: `free` or `plus`.
        licence: Licence of the drawings that the model learned from.
        licence_url: Link to the licence, or empty.
        creator: Who drew them.
        creator_url: Link to the creator, or empty.
        source: What the drawings are called, or empty.
        source_url: Link to the drawings, or empty.
    """

    name: str
    title: str
    tier: str
    licence: str
    licence_url: str = ""
    creator: str
    creator_url: str = ""
    source: str = ""
    source_url: str = ""


@record
@dataclass(frozen=True, kw_only=True)
class SamplerTableEntry:
    """The constants of a sampling loop with one number of steps.

    Attributes:
        prediction: What the denoiser predicts: `velocity`, which is noise minus clean latents, or
            what the checkpoint's scheduler calls it.
        guidance: Scale of classifier-free guidance; 1 means one call of the denoiser a step,
            any other number two.
        timesteps: The denoiser's input `timestep` in each call.
        sigmas: Noise levels, from at most 1 down to 0 or nearly: one more than there are
            timesteps. Absent where `kind` says that the sampler has none.
        downs: Beside sigmas, the level that each step goes to before fresh noise is added; absent
            where no step adds any.
        weights: The loop, where there are no sigmas. Row `i` has `i + 1` weights, of the noise and
            of the guided predictions of the calls before call `i`; their sum is the denoiser's
            input in call `i`. The last row gives the latents after the last call. Where `start` is
            there, the first weight is that of the latents that it mixes, instead of the noise.
        noises: Beside weights, for each row the weights of the noise drawn after the calls before
            it, in the order of drawing. Beside downs, what the fresh noise of each step is
            multiplied by, 0 for none. Absent where only the first noise is drawn.
        start: Weights of a picture's latents and of noise, whose sum a run from a picture begins
            with; absent where runs begin with noise.
        steps: Steps of the schedule, of which a run from a picture does the last ones.
        strength: How far such a run goes back to noise, in (0,1].
    """

    prediction: str
    guidance: Exact
    timesteps: tuple[Exact, ...]
    sigmas: tuple[Exact, ...] = optional(())
    weights: tuple[tuple[Exact, ...], ...] = optional(())
    downs: tuple[Exact, ...] = optional(())
    noises: tuple[Exact, ...] | tuple[tuple[Exact, ...], ...] = optional(())
    start: tuple[Exact, ...] = optional(())
    steps: int | None = optional(None)
    strength: Exact | None = optional(None)

    def __post_init__(self) -> None:
        if not self.downs:
            return
        steps = len(self.timesteps)
        plain = all(isinstance(noise, int | float) for noise in self.noises)
        if (len(self.downs), len(self.noises)) != (steps, steps) or not plain:
            raise ManifestError(
                f"the manifest's sampler has {len(self.downs)} downs and {len(self.noises)} "
                f"noises for {steps} timesteps, expected a number of each for every timestep"
            )


@record
@dataclass(frozen=True, kw_only=True)
class ScheduleEntry:
    """The noise schedule that a model was trained with, and the settings of its sampler.

    Attributes:
        alphas_cumprod: For each training timestep the share of the clean latents' variance, as
            the sampler uses it: after any rescaling to a signal-to-noise ratio of zero.
        settings: Every setting of the sampler by its name in diffusers, defaults included. A limit
            that is infinite is left out.
    """

    alphas_cumprod: tuple[Exact, ...]
    settings: dict[str, bool | Exact | str | tuple[Exact, ...] | None]


@record
@dataclass(frozen=True, kw_only=True)
class SamplerEntry(SamplerTableEntry):
    """The sampling loop's constants: a table for the default number of steps, and others.

    Attributes:
        prediction: What the denoiser predicts: `velocity`, which is noise minus clean latents, or
            what the checkpoint's scheduler calls it.
        guidance: Scale of classifier-free guidance; 1 means one call of the denoiser a step,
            any other number two.
        timesteps: The denoiser's input `timestep` in each call.
        sigmas: Noise levels, from at most 1 down to 0 or nearly: one more than there are
            timesteps. Absent where `kind` says that the sampler has none.
        downs: Beside sigmas, the level that each step goes to before fresh noise is added; absent
            where no step adds any.
        weights: The loop, where there are no sigmas. Row `i` has `i + 1` weights, of the noise and
            of the guided predictions of the calls before call `i`; their sum is the denoiser's
            input in call `i`. The last row gives the latents after the last call. Where `start` is
            there, the first weight is that of the latents that it mixes, instead of the noise.
        noises: Beside weights, for each row the weights of the noise drawn after the calls before
            it, in the order of drawing. Beside downs, what the fresh noise of each step is
            multiplied by, 0 for none. Absent where only the first noise is drawn.
        start: Weights of a picture's latents and of noise, whose sum a run from a picture begins
            with; absent where runs begin with noise.
        steps: Steps of the schedule, of which a run from a picture does the last ones.
        strength: How far such a run goes back to noise, in (0,1].
        kind: The loop: `ddim`, `pndm` and others; absent for Euler steps along a rectified flow.
        schedule: What tables of other numbers of steps can be made from; absent where `kind` is.
        also: Tables of other numbers of steps that the same weights serve.
    """

    kind: str = optional("")
    schedule: ScheduleEntry | None = optional(None)
    also: tuple[SamplerTableEntry, ...] = optional(())


@record
@dataclass(frozen=True, kw_only=True)
class TokenizerEntry:
    """How a text becomes token ids.

    The ids are: `start`, those of the text cut to `length - 2`, `end`, then `pad` up to `length`.

    Attributes:
        kind: `clip`: lower case, then byte pairs, each word's last one with `</w>`.
        vocabulary: JSON file of the id of each byte pair.
        merges: Text file of the byte pairs that are merged, the first ones first; its first line
            is a comment.
        length: Number of ids.
        start: Id before the text.
        end: Id after the text.
        pad: Id after that.
        unknown: Id of what is not in the vocabulary.
        whole: Tokens that are never split, such as the special ones, with their ids.
    """

    kind: Literal["clip"]
    vocabulary: RelativePath
    merges: RelativePath
    length: int
    start: int
    end: int
    pad: int
    unknown: int
    whole: dict[str, int]

    def __post_init__(self) -> None:
        for path in (self.vocabulary, self.merges):
            check_path(path)


@record
@dataclass(frozen=True, kw_only=True)
class SelfieRuleEntry:
    """Limits of one measure of selfies; both limits are still allowed.

    Attributes:
        name: The measure.
        min: The least allowed; null for no limit.
        max: The most allowed; null for no limit.
        about: What the rule asks for, in words for people.
    """

    name: str
    min: Exact | None = None
    max: Exact | None = None
    about: str


@record
@dataclass(frozen=True, kw_only=True)
class PreviewEntry:
    """An approximate picture of latents during a run, sRGB in [0,1].

    `rgb[h,w] = clip(sum over c of latents[c,h,w]·matrix[c] + offset)`; the decoder's own picture is
    larger and better, and costs a call of it.

    Attributes:
        matrix: For each latent channel what it adds to red, green and blue.
        offset: Red, green and blue where all latents are 0.
    """

    matrix: tuple[tuple[Exact, Exact, Exact], ...]
    offset: tuple[Exact, Exact, Exact]


def check_path(path: str) -> None:
    """Raise `ManifestError` unless `path` stays inside the folder it is relative to."""
    pure = PurePosixPath(path)
    strange = "\\" in path or ":" in path or not path.isprintable()
    if not path or pure.is_absolute() or ".." in pure.parts or strange:
        raise ManifestError(f"the manifest holds a path that leads outside: {path!r}")


def check_sha256(what: str, digest: str) -> None:
    """Raise `ManifestError`, which names `what`, unless `digest` is a SHA-256."""
    if not _SHA256.fullmatch(digest):
        raise ManifestError(f"the manifest's {what} is {digest[:60]!r}, expected a SHA-256")
