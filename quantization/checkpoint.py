"""Quantized checkpoints: a folder like any checkpoint's, its weights packed.

    model_index.json, COMPONENT/config.json, ...   as in the checkpoint it was made from
    recipe.json                                    the recipe
    quantized/COMPONENT.safetensors                packed tensors: `PARAMETER/ARRAY`
    quantized/activations.json                     scales of layers that compute in int8, if any

Each safetensors file has one metadata key, `tensors`: JSON of scheme and shape by parameter.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from components.checkpoint import INDEX, UNSAFE_SUFFIXES
from quantization.activations import LayerScales, LayersOf
from quantization.errors import PackedError, QuantizationError
from quantization.packed import Packed
from quantization.pipeline import PackedState, QuantizedPipeline
from quantization.recipe import Recipe
from quantization.schemes import Scheme
from support import atomic

RECIPE, FOLDER, ACTIVATIONS = "recipe.json", "quantized", "activations.json"
_LEFT_OUT = {".safetensors", *UNSAFE_SUFFIXES}


def is_quantized(folder: Path) -> bool:
    """Whether a folder is a quantized checkpoint rather than an ordinary one."""
    return (folder / FOLDER).is_dir() and (folder / RECIPE).is_file()


def write(quantized: QuantizedPipeline, out: Path) -> None:
    """Write a quantized checkpoint; `out` is there as a whole or as it was.

    Law: `open_checkpoint(out)` has the same recipe and the same packed tensors.

    Raises:
        PackedError: Something that is not a quantized checkpoint is at `out`.
    """
    out = out.resolve()
    if out.exists() and not is_quantized(out) and not (out.is_dir() and not any(out.iterdir())):
        raise PackedError(f"{out} exists and is no quantized checkpoint; it is left alone")
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _copy_configuration(quantized.pipeline.checkpoint, partial)
        (partial / FOLDER).mkdir()
        for name in quantized.pipeline.names:
            data = dump(quantized.packed(name))
            (partial / FOLDER / f"{name}.safetensors").write_bytes(data)
        if quantized.recipe.activations:
            _write_layers(quantized, partial / FOLDER / ACTIVATIONS)
        (partial / RECIPE).write_bytes(quantized.recipe.dump())
        atomic.swap_in(partial, out)
    except OSError as error:
        raise PackedError(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def open_checkpoint(folder: Path) -> QuantizedPipeline:
    """Open a quantized checkpoint; tensors are read when a component is first asked for.

    Raises:
        QuantizationError: It is not one, or damaged.
        ComponentsError: Its configuration cannot be read.
    """
    if not is_quantized(folder):
        raise PackedError(f"{folder} is no quantized checkpoint: it has no {RECIPE} or {FOLDER}/")
    recipe = Recipe.read(folder / RECIPE)
    layers = _read_layers(folder / FOLDER / ACTIVATIONS) if recipe.activations else None
    return QuantizedPipeline(folder, recipe, lambda name: read(folder, name), layers)


def load(folder: Path | str) -> Any:
    """A quantized checkpoint as the pipeline it was made from (`AvatarPipeline`), in float32.

    Raises:
        QuantizationError: It is not one, or damaged.
        ComponentsError: Its configuration cannot be read, or makes no pipeline.
    """
    return open_checkpoint(Path(folder)).pipeline.assemble()


def dump(state: PackedState) -> bytes:
    """A component's packed tensors as safetensors. Law: same tensors, same bytes."""
    arrays = {f"{key}/{name}": a for key, p in state.items() for name, a in p.arrays.items()}
    about = {key: {"scheme": str(p.scheme), "shape": list(p.shape)} for key, p in state.items()}
    # One key only: several would be written in hash order.
    return save(arrays, metadata={"tensors": json.dumps(about, sort_keys=True)})


def read(folder: Path, name: str) -> dict[str, Packed]:
    """The packed tensors of one component; raises `QuantizationError` where they are damaged."""
    path = folder / FOLDER / f"{name}.safetensors"
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {})["tensors"])
            arrays: dict[str, dict[str, Any]] = {key: {} for key in about}
            for full in file.keys():  # noqa: SIM118 (a reader, not a mapping)
                key, _, array = full.rpartition("/")
                arrays[key][array] = file.get_tensor(full)
        return {
            key: Packed(
                scheme=Scheme.parse(entry["scheme"]),
                shape=tuple(entry["shape"]),
                arrays=arrays[key],
            )
            for key, entry in about.items()
        }
    except OSError as error:
        raise PackedError(f"{path} cannot be read: {error.strerror or error}") from None
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise PackedError(f"{path} holds no packed tensors: {error}") from None
    except QuantizationError as error:
        raise PackedError(f"{path} is damaged: {error}") from None


def _write_layers(quantized: QuantizedPipeline, path: Path) -> None:
    values = {
        name: {layer: asdict(scales) for layer, scales in sorted(quantized.layers(name).items())}
        for name in quantized.pipeline.names
    }
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _read_layers(path: Path) -> dict[str, LayersOf]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: {layer: LayerScales(**scales) for layer, scales in layers.items()}
            for name, layers in values.items()
        }
    except OSError as error:
        raise PackedError(f"{path} cannot be read: {error.strerror or error}") from None
    except (AttributeError, TypeError, ValueError) as error:
        raise PackedError(f"{path} holds no scales: {error}") from None


def _copy_configuration(checkpoint: Path, folder: Path) -> None:
    """Everything but weights, recipes and folders that would be left empty."""
    for path in sorted(checkpoint.rglob("*")):
        where = path.relative_to(checkpoint)
        if (
            path.is_file()
            and path.suffix not in _LEFT_OUT
            and where.parts[0] not in (FOLDER, RECIPE)
        ):
            (folder / where).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / where)
    assert (folder / INDEX).is_file(), "a pipeline has been read from there"
