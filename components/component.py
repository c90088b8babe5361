"""What can be exported: a network with named, fixed inputs and outputs.

Exporters, recipes, runtimes and gates know only `Component` and `PipelineComponents`, not avatars.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from components.checkpoint import INDEX, files, read_json
from components.declared import Part, check_parts
from components.errors import CheckpointError, InputError, UnknownComponentError
from components.weights import least_and_greatest, not_finite
from support.json_records import Exact, record

if TYPE_CHECKING:
    # PyTorch takes seconds to import, and reading a manifest or the result of a run needs none.
    import torch
    from torch import nn

Arrays = Mapping[str, np.ndarray]
"""Named arrays: the inputs or the outputs of a component or of a whole run."""

Runner = Callable[[Arrays], dict[str, np.ndarray]]
"""A component that can be run, by whatever executes it: PyTorch, ONNX Runtime, Core ML."""

Weights = Callable[[str], Mapping[str, "torch.Tensor"]]
"""From a component's name to the whole state of its module, for checkpoints without such files."""

DType = Literal["float32", "int32"]


@record
@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """One named tensor at a component's boundary.

    Attributes:
        name: The name that every format, runtime and language uses for it.
        shape: The static shape, batch included.
        dtype: `float32`, or `int32` for indices.
        range: Smallest and largest value that occurs, where it is known.
        image: Whether this is a picture (1,3,H,W), sRGB in [0,1]; formats that have an image type
            (Core ML) use it.
        description: One line for people.
    """

    name: str
    shape: tuple[int, ...]
    dtype: DType = "float32"
    range: tuple[Exact, Exact] | None = None
    image: bool = False
    description: str = ""

    def check(self, array: np.ndarray) -> None:
        """Raise `InputError` unless `array` has exactly this shape and dtype."""
        if tuple(array.shape) != self.shape:
            shape = tuple(array.shape)
            raise InputError(f"{self.name} has shape {shape}, expected {self.shape}")
        if array.dtype != np.dtype(self.dtype):
            raise InputError(f"{self.name} has dtype {array.dtype}, expected {self.dtype}")


@dataclass(frozen=True, kw_only=True)
class Component:
    """One network that is exported by itself.

    Attributes:
        name: Its name in files, manifests and recipes.
        module: In eval mode and float32; takes the inputs by position in the order of `inputs`
            and returns one tensor, or a tuple in the order of `outputs`.
        inputs: The tensors that it takes, in order.
        outputs: The tensors that it returns, in order.
        description: One line for people.
    """

    name: str
    module: nn.Module
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    description: str = ""

    def check(self, arrays: Arrays) -> None:
        """Raise `InputError` unless `arrays` holds exactly this component's inputs."""
        check_inputs(self.inputs, arrays)

    def example(self) -> tuple[torch.Tensor, ...]:
        """Zero tensors with the shapes and dtypes of the inputs, in order, for tracing."""
        import torch

        return tuple(torch.zeros(s.shape, dtype=getattr(torch, s.dtype)) for s in self.inputs)


def check_inputs(specs: tuple[TensorSpec, ...], arrays: Arrays) -> None:
    """Raise `InputError` unless `arrays` has exactly the names, shapes and dtypes of `specs`."""
    expected = [spec.name for spec in specs]
    if sorted(arrays) != sorted(expected):
        raise InputError(f"inputs are {sorted(arrays)}, expected {sorted(expected)}")
    for spec in specs:
        spec.check(arrays[spec.name])


@dataclass(frozen=True, kw_only=True)
class PipelineFacts:
    """What an artifact says about its pipeline beside the components.

    Attributes:
        title: The title of the model card.
        summary: What the pipeline does, in a sentence or two.
        licence: SPDX identifier of the weights' licence; NOASSERTION where nobody has said.
        styles: For each style index, its entry in the manifest (empty where there are none).
        sampler: The sampling loop's constants, as the manifest holds them.
        selfie_rules: What selfies must be like, as the manifest holds it (empty where there are
            none).
        selfie_crop: `arcface` where selfies must be aligned to ArcFace's five landmarks; None for
            the centre square.
        settings: Other constants of a run, as the manifest holds them.
    """

    title: str
    summary: str
    licence: str
    styles: tuple[dict[str, str], ...] = ()
    sampler: dict[str, Any] = field(default_factory=dict)
    selfie_rules: tuple[dict[str, Any], ...] = ()
    selfie_crop: Literal["arcface"] | None = None
    settings: dict[str, Any] = field(default_factory=dict)


class PipelineComponents(ABC):
    """The components of one checkpoint, loaded one at a time, and how a whole run joins them."""

    names: tuple[str, ...]
    """The components, in the order in which a run first uses them."""
    parts: ClassVar[tuple[Part, ...]] = ()
    """The parts that `model_index.json` of this kind of pipeline names."""
    recorded_steps: int | None = None
    """Steps of the sampler in the runs of `run`; None for its default's."""
    selfie_inputs: tuple[TensorSpec, ...] = ()
    """What `identity_encoder` takes where the pipeline draws avatars: selfies (P,3,S,S) and their
    mask (P,). Empty for every other kind."""
    index_settings: ClassVar[tuple[str, ...]] = ()
    """Keys of `model_index.json` that name no part."""

    def __init__(self, checkpoint: Path, weights: Weights | None = None) -> None:
        """Open a checkpoint.

        Args:
            checkpoint: Its folder.
            weights: Returns the state of each component's module; then only configurations are
                read from the folder.
        """
        self.checkpoint = checkpoint
        self.weights = weights

    def check(self) -> None:
        """Compare what the checkpoint declares with its files and with what this kind can do.

        It is called before anything is computed. Weights are read for NaN and infinity, once in a
        process.

        Raises:
            CheckpointError: The first difference: the part, what was found and what was expected.
        """
        files(self.checkpoint)  # raises where a link leads nowhere or in a circle
        if self.parts:
            check_parts(
                self.checkpoint,
                self.parts,
                weights=self.weights is None,
                settings=self.index_settings,
            )

    def component(self, name: str) -> Component:
        """Load one component in float32 and eval mode. The caller owns it; nothing is kept here.

        Raises:
            UnknownComponentError: There is no component of that name.
            CheckpointError: Its weights cannot be read, or are another network's.
        """
        if name not in self.names:
            raise UnknownComponentError(f"no component {name!r}; there are {', '.join(self.names)}")
        component = self._load(name)
        if self.weights is not None:
            self._set_weights(component, self.weights)
        if self.weights is not None or not self.parts:
            self._require_finite(component)  # otherwise `check` has read the files
        component.module.eval().requires_grad_(False)
        return component

    @abstractmethod
    def facts(self) -> PipelineFacts:
        """What the manifest and the model card say about this pipeline."""

    def write_tokenizers(self, folder: Path) -> dict[str, dict[str, Any]]:
        """Write the tokenizers' files below an artifact's folder.

        Returns:
            Their entries in the manifest, by name: `tokenizer` is that of the component
            `text_encoder`, and so on. Empty where the pipeline reads no text.
        """
        return {}

    @abstractmethod
    def example_run(self, seed: int) -> dict[str, np.ndarray]:
        """Realistic inputs of one whole run, made from `seed`: same seed, same arrays."""

    @abstractmethod
    def run(self, runners: Mapping[str, Runner], inputs: Arrays) -> dict[str, np.ndarray]:
        """Do one whole run with any runners.

        Args:
            runners: One for each component, by name.
            inputs: Named arrays like those of `example_run`; tensors, too, and gradients pass
                through them, as plans of bits need.

        Returns:
            The final picture, (1,3,H,W) in [0,1], by name; there is no other output.
        """

    def anchor(self, inputs: Arrays, seed: int) -> dict[str, np.ndarray] | None:
        """The run of `example_run(seed)`, done by the library's own pipeline instead of ours.

        The reference comes from this code, so it needs a comparison with something that does not.

        Args:
            inputs: What `example_run(seed)` gave.
            seed: The seed, from which the library makes its own noise.

        Returns:
            The final picture by name, as `run` returns it; None where no library has a pipeline for
            this checkpoint.
        """
        return None

    def assemble(self) -> Any:
        """All components as the pipeline object of the library that wrote the checkpoint.

        Raises:
            CheckpointError: This kind of pipeline cannot be put together from its components.
        """
        raise CheckpointError(f"{self.checkpoint}: no pipeline can be made of its components alone")

    # What the checkpoint's files say.

    def _index(self) -> dict[str, Any]:
        """`model_index.json`."""
        return read_json(self.checkpoint / INDEX)

    def _path(self, part: str) -> Path:
        """The configuration of a part."""
        return self.checkpoint / part / "config.json"

    def _config(self, part: str) -> dict[str, Any]:
        return read_json(self._path(part))

    @abstractmethod
    def _load(self, name: str) -> Component:
        """Load the component of a name that is in `names`.

        With `self.weights` its module may hold any numbers; they are replaced.
        """

    def _require_finite(self, component: Component) -> None:
        for name, value in component.module.state_dict().items():
            if not value.is_floating_point() or not value.numel():
                continue
            if not all(map(math.isfinite, least_and_greatest(value))):
                weight = f"{component.name}.{name} in {self.checkpoint}"
                raise CheckpointError(not_finite(weight))

    def _set_weights(self, component: Component, weights: Weights) -> None:
        """Give a component's module its weights, which it may have none of yet."""
        try:
            # Taken over, not copied: a large network is not in memory twice.
            component.module.load_state_dict(weights(component.name), assign=True)
        except RuntimeError as error:
            raise CheckpointError(
                f"{self.checkpoint}: the weights of {component.name} do not fit its "
                f"configuration: {' '.join(str(error).split())}"
            ) from None
