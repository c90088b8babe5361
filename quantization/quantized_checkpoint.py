"""Quantized checkpoints: folders like any checkpoint's, with packed weights.

    model_index.json, COMPONENT/config.json, ...   as in the checkpoint that was quantized
    recipe.json                                    the recipe
    quantized/COMPONENT.safetensors                packed tensors: `PARAMETER/ARRAY`
    quantized/activations.json                     scales of layers that compute in int8, if any

Each safetensors file has one metadata key, `tensors`: JSON of scheme and shape by parameter.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from components.checkpoint import INDEX, files
from components.foreign import PICKLES
from quantization.activations import Int8Layers, LayerScales
from quantization.errors import PackedError, QuantizationError
from quantization.quantized_pipeline import QuantizedPipeline
from quantization.recipe import Recipe
from quantization.schemes import PackedState, PackedTensor, parse
from support.publish import publish

RECIPE, FOLDER, ACTIVATIONS = "recipe.json", "quantized", "activations.json"
_WEIGHTS = {".safetensors", *PICKLES, ".msgpack", ".h5", ".onnx", ".onnx_data", ".gguf"}
"""Suffixes of the unquantized weights, which a quantized checkpoint leaves out."""


def is_quantized(folder: Path) -> bool:
    """Whether a folder is a quantized checkpoint rather than an ordinary one."""
    return (folder / FOLDER).is_dir() and (folder / RECIPE).is_file()


def write_quantized(
    quantized: QuantizedPipeline, out: Path, on_wait: Callable[[], None] | None = None
) -> None:
    """Write a quantized checkpoint in one step: `out` holds the whole of it, or what it held.

    Two writers of one folder take turns; the last one wins.

    Law: `open_quantized(out)` has the same recipe and the same packed tensors.

    Args:
        quantized: What to write.
        out: The folder.
        on_wait: Called once when another writer has to be waited for.

    Raises:
        PublishError: Something that is not a quantized checkpoint is at `out`, or it cannot be
            written.
    """
    marker = (RECIPE, FOLDER, INDEX)
    with publish(out, marker=marker, kind="a quantized checkpoint", on_wait=on_wait) as folder:
        _write(quantized, folder)


def open_quantized(folder: Path) -> QuantizedPipeline:
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
    """A quantized checkpoint as the pipeline that was quantized (`AvatarPipeline`), in float32.

    Raises:
        QuantizationError: It is not one, or damaged.
        ComponentsError: Its configuration cannot be read, or makes no pipeline.
    """
    quantized = open_quantized(Path(folder))
    quantized.require_recipe()
    return quantized.pipeline.assemble()


def dump(state: PackedState) -> bytes:
    """The packed tensors of a component as safetensors. Law: same tensors, same bytes."""
    arrays = {f"{key}/{name}": a for key, p in state.items() for name, a in p.arrays.items()}
    about = {key: {"scheme": str(p.scheme), "shape": list(p.shape)} for key, p in state.items()}
    # One key only: several would be written in hash order.
    return save(arrays, metadata={"tensors": json.dumps(about, sort_keys=True)})


def read(folder: Path, name: str) -> dict[str, PackedTensor]:
    """The packed tensors of one component; raises `QuantizationError` where they are damaged."""
    path = folder / FOLDER / f"{name}.safetensors"
    try:
        return _read(path)
    except OSError as error:
        raise PackedError(f"{path} cannot be read: {error.strerror or error}") from None
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise PackedError(f"{path} holds no packed tensors: {error}") from None
    except QuantizationError as error:
        raise PackedError(f"{path} is damaged: {error}") from None


def _read(path: Path) -> dict[str, PackedTensor]:
    with safe_open(path, framework="numpy") as file:
        about = json.loads((file.metadata() or {})["tensors"])
        arrays: dict[str, dict[str, Any]] = {key: {} for key in about}
        for full in file.keys():  # noqa: SIM118 (a reader, not a mapping)
            key, _, array = full.rpartition("/")
            arrays[key][array] = file.get_tensor(full)
    return {
        key: PackedTensor(
            scheme=parse(entry["scheme"]), shape=tuple(entry["shape"]), arrays=arrays[key]
        )
        for key, entry in about.items()
    }


def _write(quantized: QuantizedPipeline, folder: Path) -> None:
    """Write all files into a new folder."""
    _copy_configuration(quantized.pipeline.checkpoint, folder)
    (folder / FOLDER).mkdir()
    for name in quantized.pipeline.names:
        data = dump(quantized.packed(name))
        (folder / FOLDER / f"{name}.safetensors").write_bytes(data)
    if quantized.recipe.activations:
        _write_layers(quantized, folder / FOLDER / ACTIVATIONS)
    (folder / RECIPE).write_bytes(quantized.recipe.dump())


def _write_layers(quantized: QuantizedPipeline, path: Path) -> None:
    values = {
        name: {
            layer: asdict(scales) for layer, scales in sorted(quantized.int8_layers(name).items())
        }
        for name in quantized.pipeline.names
    }
    path.write_bytes(f"{json.dumps(values, indent=2)}\n".encode())


def _read_layers(path: Path) -> dict[str, Int8Layers]:
    try:
        values = json.loads(path.read_bytes())
        return {
            name: {layer: LayerScales(**scales) for layer, scales in layers.items()}
            for name, layers in values.items()
        }
    except OSError as error:
        raise PackedError(f"{path} cannot be read: {error.strerror or error}") from None
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise PackedError(f"{path} holds no scales: {error}") from None


def _copy_configuration(checkpoint: Path, folder: Path) -> None:
    """Copy everything but weights, recipes and folders that would be left empty.

    Links are followed, so that the copy is complete in itself.
    """
    for name, path in files(checkpoint):
        quantized = name.partition("/")[0] in (FOLDER, RECIPE)
        if path.suffix not in _WEIGHTS and not quantized:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)
    assert (folder / INDEX).is_file(), "a pipeline has been read from there"
