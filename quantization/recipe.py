"""Recipes: which weight of which component is stored how, decided once for every format.

A recipe is a JSON file, one line a weight, so that a change shows as a changed line:

    {
      "schema_version": 1,
      "pipeline": "AvatarPipeline",
      "weights": {
        "decoder.layers.0.weight": {"scheme": "palette-6", "shape": [160, 8, 3, 3]}
      },
      "patterns": [
        ["denoiser.*.to_q.weight", "int4/32"],
        ["*", "palette-4"]
      ],
      "activations": {"decoder.layers.0": "int8"}
    }

Keys are `COMPONENT.PARAMETER` with the parameter's name in the component's module. A weight in
`weights` must be in the model with that shape. A weight without a line of its own has the scheme of
the first of `patterns` (shell wildcards) that matches its name and that its shape allows. All other
weights are `float16`, and only weights of convolutions and linear layers can be anything else.
`activations` names layers that compute in int8, inputs and outputs included (W8A8); their weights
are `int8`.

Nothing in a recipe depends on the values of weights, so it stays valid after fine-tuning.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from torch import nn

from components import Component
from quantization.errors import MisfitError, RecipeError, SchemeError
from quantization.schemes import FLOAT16, INT8, Scheme, Shape, parse
from support.found_files import file_instead

SCHEMA_VERSION = 1
_FIELDS = {"schema_version", "pipeline", "weights", "patterns", "activations"}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One recipe. Laws: `Recipe.parse(recipe.dump()) == recipe`; equal recipes have equal bytes.

    Attributes:
        pipeline: Pipeline class of the checkpoint that it was made for.
        weights: Scheme and shape by `COMPONENT.PARAMETER`.
        patterns: Pairs of pattern and scheme; the first match decides.
        activations: Scheme (`int8`) by `COMPONENT.LAYER`.
    """

    pipeline: str
    weights: Mapping[str, tuple[Scheme, Shape]] = field(default_factory=dict)
    patterns: tuple[tuple[str, Scheme], ...] = ()
    activations: Mapping[str, Scheme] = field(default_factory=dict)

    def dump(self) -> bytes:
        """The recipe as JSON: UTF-8, weights sorted by name, one a line, a newline at the end."""
        weights = {
            name: {"scheme": str(scheme), "shape": list(shape)}
            for name, (scheme, shape) in sorted(self.weights.items())
        }
        patterns = [[pattern, str(scheme)] for pattern, scheme in self.patterns]
        activations = {name: str(scheme) for name, scheme in sorted(self.activations.items())}
        parts = [
            f'  "schema_version": {SCHEMA_VERSION}',
            f'  "pipeline": {json.dumps(self.pipeline)}',
            f'  "weights": {_lines(weights)}',
            f'  "patterns": {_lines(patterns)}',
            f'  "activations": {_lines(activations)}',
        ]
        return ("{\n" + ",\n".join(parts) + "\n}\n").encode()

    @property
    def digest(self) -> str:
        """The SHA-256 of `dump()`, in hexadecimal."""
        return hashlib.sha256(self.dump()).hexdigest()

    @classmethod
    def parse(cls, data: bytes) -> Recipe:
        """Read a recipe.

        Raises:
            RecipeError: It is not JSON, of another version, or malformed.
            SchemeError: It names a scheme that does not exist.
        """
        values = _fields_of(data)
        try:
            return cls(
                pipeline=_text(values["pipeline"]),
                weights={n: _entry(n, v) for n, v in values.get("weights", {}).items()},
                patterns=tuple((_text(p), parse(s)) for p, s in values.get("patterns", [])),
                activations={n: _int8(n, v) for n, v in values.get("activations", {}).items()},
            )
        except SchemeError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise RecipeError(f"the recipe is malformed: {error}") from None

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Read the file of a recipe; the errors of `parse` name the file."""
        try:
            return cls.parse(path.read_bytes())
        except OSError as error:
            reason = f"{path} cannot be read: {error.strerror or error}"
            raise RecipeError(_other(path) or reason) from None
        except (RecipeError, SchemeError) as error:
            raise type(error)(_other(path) or f"{path}: {error}") from None

    def schemes(self, component: Component) -> dict[str, Scheme]:
        """The scheme of every quantizable weight of a component, by parameter name.

        Raises:
            MisfitError: The recipe names a weight, shape or layer that the component does not have.
            SchemeError: The shape of a weight does not allow its scheme, or a layer that computes
                in int8 has a weight in another scheme.
        """
        shapes = quantizable(component.module)
        self._require_known(component, shapes)
        found = {}
        for name, shape in shapes.items():
            found[name] = scheme = self._scheme(f"{component.name}.{name}", shape)
            reason = scheme.misfit(shape)
            if reason:
                raise SchemeError(f"{component.name}.{name} cannot be {scheme}: {reason}")
        for layer in self.int8_layers(component):
            if found[f"{layer}.weight"] != INT8:
                raise SchemeError(
                    f"{component.name}.{layer} computes in int8, so its weight must be int8, "
                    f"not {found[f'{layer}.weight']}"
                )
        return found

    def int8_layers(self, component: Component) -> tuple[str, ...]:
        """Names of the layers of a component that compute in int8, sorted."""
        prefix = f"{component.name}."
        return tuple(
            n.removeprefix(prefix) for n in sorted(self.activations) if n.startswith(prefix)
        )

    def require_pipeline(self, pipeline: str, components: tuple[str, ...]) -> None:
        """Raise `MisfitError` unless the recipe is for this pipeline and these components."""
        if self.pipeline != pipeline:
            raise MisfitError(
                f"the recipe is for a {self.pipeline}, the checkpoint is a {pipeline}"
            )
        for key in (*self.weights, *self.activations):
            if key.partition(".")[0] not in components:
                raise MisfitError(
                    f"the recipe names {key}, but components are {', '.join(components)}"
                )

    def _scheme(self, name: str, shape: Shape) -> Scheme:
        if name in self.weights:
            return self.weights[name][0]
        for pattern, scheme in self.patterns:
            if fnmatchcase(name, pattern) and not scheme.misfit(shape):
                return scheme
        return FLOAT16

    def _require_known(self, component: Component, shapes: Mapping[str, Shape]) -> None:
        """Raise `MisfitError` unless the component has all weights and layers that are named."""
        prefix = f"{component.name}."
        parameters = dict(component.module.named_parameters())
        for name, (scheme, shape) in sorted(self.weights.items()):
            if not name.startswith(prefix):
                continue
            own = name.removeprefix(prefix)
            if own in shapes:
                if shapes[own] != shape:
                    raise _misfit(
                        f"{name} has shape {list(shapes[own])}, the recipe says {list(shape)}"
                    )
            elif own not in parameters:
                raise _misfit(f"{name} is not there")
            elif scheme != FLOAT16:
                raise _misfit(f"{name} is no weight of a convolution or linear layer")
        for layer in self.int8_layers(component):
            if f"{layer}.weight" not in shapes:
                raise _misfit(f"no layer {prefix}{layer}")


def quantizable(module: nn.Module) -> dict[str, Shape]:
    """Shapes of the weights of a module's convolutions and linear layers, by parameter name."""
    kinds = (nn.Conv1d, nn.Conv2d, nn.Linear)
    return {
        f"{name}.weight" if name else "weight": tuple(layer.weight.shape)
        for name, layer in module.named_modules()
        if isinstance(layer, kinds)
    }


def _misfit(reason: str) -> MisfitError:
    return MisfitError(f"the recipe is for another model: {reason}")


def _other(path: Path) -> str | None:
    """What lies at a path, in a line, where it cannot be a recipe."""
    return file_instead(path, name="recipe.json", expected="a recipe (JSON)")


def _fields_of(data: bytes) -> dict[str, Any]:
    """The fields of a recipe's JSON; raises `RecipeError` for other versions and other fields."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"the recipe is not JSON: {error}") from None
    version = values.get("schema_version") if isinstance(values, dict) else None
    if version != SCHEMA_VERSION:
        raise RecipeError(f"the recipe has version {version}, expected {SCHEMA_VERSION}")
    unknown = sorted(values.keys() - _FIELDS)
    if unknown:
        raise RecipeError(f"the recipe has an unknown field {unknown[0]!r}")
    return dict(values)


def _lines(values: Any) -> str:
    """A JSON object or list, each entry on a line of its own."""
    if not values:
        return json.dumps(values)
    if isinstance(values, dict):
        lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in values.items()]
        opening, closing = "{}"
    else:
        lines, (opening, closing) = [json.dumps(value) for value in values], "[]"
    return opening + "\n    " + ",\n    ".join(lines) + "\n  " + closing


def _text(value: Any) -> str:
    """A value that must be text."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _entry(name: str, value: Any) -> tuple[Scheme, Shape]:
    """One entry of `weights`."""
    shape = tuple(value["shape"])
    if not all(isinstance(length, int) and length > 0 for length in shape):
        raise RecipeError(f"the recipe is malformed: shape of {name} is {value['shape']}")
    try:
        return parse(value["scheme"]), shape
    except SchemeError as error:
        raise SchemeError(f"{name}: {error}") from None


def _int8(name: str, value: Any) -> Scheme:
    """One entry of `activations`."""
    if parse(value) != INT8:
        raise SchemeError(f"{name}: activations can be int8, not {value}")
    return INT8
