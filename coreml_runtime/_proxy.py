"""Stands where coremltools expects the compiled door to Apple's framework.

Names and signatures are those of ``coremlpython/CoreMLPython.h``; errors are RuntimeErrors, as
there.
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

from .errors import CoreMLRuntimeError, ExecutionError
from .features import Feature
from .load import load
from .model import CoreMLModel
from .state import State

SPECIFICATION_VERSION = 10  # iOS 26
_IDENTIFIER = "model"


@dataclass
class Defaults:
    """How models are loaded; :func:`coreml_runtime.coremltools_plugin.install` sets it."""

    precision: str = "storage"
    device: str = "cpu"


defaults = Defaults()


@contextmanager
def _runtime_errors() -> Iterator[None]:
    try:
        yield
    except ExecutionError as error:  # Apple's words, which callers look for
        raise RuntimeError(f"Unable to compute the prediction using ML Program: {error}") from error
    except CoreMLRuntimeError as error:
        raise RuntimeError(str(error)) from error


class AssetProxy:
    """A compiled model on disk, or one made of bytes in memory, written to a temporary folder."""

    def __init__(self, path: str, folder: tempfile.TemporaryDirectory[str] | None = None) -> None:
        self.path = path
        self._folder = folder  # goes when the asset goes


class StateProxy:
    """What ``MLState`` reads and writes through."""

    def __init__(self, state: State) -> None:
        self.state = state

    def read_state(self, name: str) -> np.ndarray:
        with _runtime_errors():
            return self.state[name]

    def write_state(self, name: str, value: np.ndarray) -> None:
        with _runtime_errors():
            self.state[name] = value


class Proxy:
    """One loaded model. Compute units and optimization hints have no meaning here."""

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
                self._path, function_name or None, defaults.precision, defaults.device
            )
        self._load_duration = time.perf_counter_ns() - begin
        self._predict_duration: int | None = None
        self._compiled: tempfile.TemporaryDirectory[str] | None = None

    def predict(self, data: Mapping[str, Any], state: StateProxy | None = None) -> dict[str, Any]:
        """One prediction: inputs are cast to the declared types, as Core ML does."""
        begin = time.perf_counter_ns()
        features = {feature.name: feature for feature in self._model.inputs}
        given = {
            name: _given(features[name], value) if name in features else value
            for name, value in data.items()
        }
        with _runtime_errors():
            made = self._model.predict(given, None if state is None else state.state)
        self._predict_duration = time.perf_counter_ns() - begin
        return {name: _made(value) for name, value in made.items()}

    def batchPredict(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:  # noqa: N802
        begin = time.perf_counter_ns()
        made = [self.predict(data) for data in batch]
        self._predict_duration = time.perf_counter_ns() - begin
        return made

    def newState(self) -> StateProxy:  # noqa: N802
        return StateProxy(self._model.make_state())

    def get_compiled_model_path(self) -> str:
        """A folder that lives as long as this model, as on a Mac."""
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
        """Apple's lowers the version where nothing newer is used; here it stays."""
        return spec

    @staticmethod
    def compileModel(path: str) -> str:  # noqa: N802
        """A ``.mlmodelc`` folder that this class can open: the package, checked and copied."""
        source = Path(path)
        target = Path(tempfile.mkdtemp()) / f"{source.stem}.mlmodelc"
        if source.is_dir():
            shutil.copytree(source, target, copy_function=shutil.copyfile)
        elif source.is_file():
            _wrap(source.read_bytes(), {}, target)
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
        _wrap(spec, blobs, Path(folder.name))
        return MLModelAsset(AssetProxy(folder.name, folder))


def _wrap(spec: bytes, blobs: Mapping[str, bytes], target: Path) -> None:
    """A package around the bytes of a model and of its weight files."""
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
    (target / "Manifest.json").write_text(json.dumps(manifest))


def _given(feature: Feature, value: Any) -> Any:
    """Numbers of any type become the declared one; what is no number is left to be refused."""
    if isinstance(value, Image.Image) or feature.kind != "tensor":
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        return value
    array = array.astype(feature.dtype)
    if feature.shape and array.shape != feature.shape and array.size == 1 and array.ndim == 0:
        array = array.reshape((1,) * len(feature.shape))
    return array


def _made(value: Any) -> Any:
    """Core ML has no arrays without axes: a scalar comes as one element."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.reshape(1)
    return value
