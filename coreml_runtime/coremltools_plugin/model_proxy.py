"""The classes that replace coremltools' compiled interface to Apple's framework.

Names and signatures are those of ``coremlpython/CoreMLPython.h``. As there, errors are
RuntimeErrors.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import CoreMLRuntimeError, ExecutionError
from ..loading import load
from ..models import CoreMLModel, State
from ..package import Feature

SPECIFICATION_VERSION = 10  # iOS 26
_IDENTIFIER = "model"


@dataclass
class Settings:
    """How models are loaded; :func:`coreml_runtime.coremltools_plugin.install` sets both."""

    precision: str = "storage"
    device: str = "cpu"


settings = Settings()


@contextmanager
def _runtime_errors() -> Iterator[None]:
    """Turn the errors of this room into RuntimeErrors."""
    try:
        yield
    except ExecutionError as error:  # callers look for these words of Apple's framework
        raise RuntimeError(f"Unable to compute the prediction using ML Program: {error}") from error
    except CoreMLRuntimeError as error:
        raise RuntimeError(str(error)) from error


class AssetProxy:
    """A compiled model in a folder; bytes in memory are written to a temporary folder."""

    def __init__(self, path: str, folder: tempfile.TemporaryDirectory[str] | None = None) -> None:
        self.path = path
        self._folder = folder  # removed together with the asset


class StateProxy:
    """The state that ``MLState`` reads and writes."""

    def __init__(self, state: State) -> None:
        self.state = state

    def read_state(self, name: str) -> np.ndarray:
        with _runtime_errors():
            return self.state[name]

    def write_state(self, name: str, value: np.ndarray) -> None:
        with _runtime_errors():
            self.state[name] = value


class ModelProxy:
    """A loaded model. Compute units and optimization hints have no effect."""

    def __init__(
        self,
        path: str,
        compute_units: str,
        function_name: str,
        optimization_hints: Mapping[str, str],
        asset: AssetProxy | None,
    ) -> None:
        begin = time.perf_counter_ns()
        self._path = Path(asset.path if asset is not None else path)
        with _runtime_errors():
            self._model: CoreMLModel = load(
                self._path, function_name or None, settings.precision, settings.device
            )
        self._load_duration = time.perf_counter_ns() - begin
        self._predict_duration: int | None = None
        self._compiled: tempfile.TemporaryDirectory[str] | None = None

    def predict(self, data: Mapping[str, Any], state: StateProxy | None = None) -> dict[str, Any]:
        """Return the outputs for ``data``, which is cast to the declared types as Core ML does."""
        begin = time.perf_counter_ns()
        features = {feature.name: feature for feature in self._model.inputs}
        inputs = {
            name: _cast_input(features[name], value) if name in features else value
            for name, value in data.items()
        }
        with _runtime_errors():
            outputs = self._model.predict(inputs, None if state is None else state.state)
        self._predict_duration = time.perf_counter_ns() - begin
        return {name: _output(value) for name, value in outputs.items()}

    def batchPredict(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:  # noqa: N802
        """Return the outputs for each element of ``batch``."""
        begin = time.perf_counter_ns()
        outputs = [self.predict(data) for data in batch]
        self._predict_duration = time.perf_counter_ns() - begin
        return outputs

    def newState(self) -> StateProxy:  # noqa: N802
        return StateProxy(self._model.make_state())

    def get_compiled_model_path(self) -> str:
        """Return a folder that is removed together with this model, as on a Mac."""
        if self._compiled is None:
            self._compiled = tempfile.TemporaryDirectory(suffix=".mlmodelc")
            shutil.copytree(self._path, self._compiled.name, dirs_exist_ok=True)
        return self._compiled.name

    def get_load_duration_in_nano_seconds(self) -> int:
        return self._load_duration

    def get_last_predict_duration_in_nano_seconds(self) -> int | None:
        return self._predict_duration

    @staticmethod
    def maximum_supported_specification_version() -> int:
        return SPECIFICATION_VERSION

    @staticmethod
    def get_available_compute_devices() -> list[Any]:
        return []

    get_all_compute_devices: Callable[[], list[Any]] = get_available_compute_devices

    @staticmethod
    def auto_set_specification_version(spec: Any) -> Any:
        """Return ``spec`` unchanged; Apple's framework lowers its version where possible."""
        return spec

    @staticmethod
    def compileModel(path: str) -> str:  # noqa: N802
        """Check a package and copy it to a ``.mlmodelc`` folder, which this class can open."""
        source = Path(path)
        target = Path(tempfile.mkdtemp()) / f"{source.stem}.mlmodelc"
        if source.is_dir():
            shutil.copytree(source, target, copy_function=shutil.copyfile)
        elif source.is_file():
            _write_package(source.read_bytes(), {}, target)
        else:
            raise RuntimeError(f"no model at {path}")
        try:
            with _runtime_errors():
                load(target)
        except RuntimeError:
            shutil.rmtree(target.parent)
            raise
        return str(target)

    @staticmethod
    def create_model_asset_from_path(path: str) -> Any:
        from coremltools.models.model import MLModelAsset

        return MLModelAsset(AssetProxy(path))

    @staticmethod
    def create_model_asset_from_memory(spec: bytes, blobs: Mapping[str, bytes]) -> Any:
        from coremltools.models.model import MLModelAsset

        folder = tempfile.TemporaryDirectory(suffix=".mlmodelc")
        _write_package(spec, blobs, Path(folder.name))
        return MLModelAsset(AssetProxy(folder.name, folder))


def _write_package(spec: bytes, blobs: Mapping[str, bytes], target: Path) -> None:
    """Write a package with the bytes of a model and of its weight files."""
    data = target / "Data" / _IDENTIFIER
    (data / "weights").mkdir(parents=True)
    (data / "model.mlmodel").write_bytes(spec)
    for name, content in blobs.items():
        (data / "weights" / Path(name).name).write_bytes(content)
    manifest = {
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": {
            _IDENTIFIER: {"path": f"{_IDENTIFIER}/model.mlmodel"},
        },
        "rootModelIdentifier": _IDENTIFIER,
    }
    (target / "Manifest.json").write_bytes(json.dumps(manifest).encode())


def _cast_input(feature: Feature, value: Any) -> Any:
    """Cast numbers to the declared type; ``predict`` refuses what is not a number."""
    if isinstance(value, Image.Image) or feature.kind != "tensor":
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        return value
    array = array.astype(feature.dtype)
    if feature.shape and array.shape != feature.shape and array.size == 1 and array.ndim == 0:
        array = array.reshape((1,) * len(feature.shape))
    return array


def _output(value: Any) -> Any:
    """Return a scalar as an array of one element, since Core ML has no arrays without axes."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.reshape(1)
    return value
