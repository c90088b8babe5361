"""Installs the plug-in into coremltools by replacing attributes of its modules, and removes it."""

import sys
from types import ModuleType
from typing import Any

from .model_proxy import AssetProxy, ModelProxy, settings

MACOS_VERSION = (26, 0)

# What was replaced: (object or dictionary, name, the value before or _MISSING).
_replaced: list[tuple[Any, str, Any]] = []
_MISSING = object()


def install(precision: str = "storage", device: str = "cpu") -> None:
    """Let coremltools run models with this room; a second call changes only the settings.

    Args:
        precision: ``storage`` or ``float32``, as for :func:`coreml_runtime.load`.
        device: The device on which models are loaded.
    """
    settings.precision, settings.device = precision, device
    if _replaced:
        return
    import coremltools
    from coremltools.models import _compiled_model, model, utils
    from coremltools.optimize.coreml.experimental import (
        _model_debugger,
        _post_training_quantization,
    )

    library = ModuleType("coremltools.libcoremlpython")
    library._MLModelProxy = ModelProxy  # type: ignore[attr-defined]
    library._MLModelAssetProxy = AssetProxy  # type: ignore[attr-defined]
    _replaced.append((sys.modules, library.__name__, sys.modules.get(library.__name__, _MISSING)))
    sys.modules[library.__name__] = library
    _replace(coremltools, "libcoremlpython", library)
    for module in (model, _compiled_model):
        _replace(module, "_MLModelProxy", ModelProxy)
    _replace(model, "_MLModelAssetProxy", AssetProxy)
    for module in (model, utils):
        _replace(module, "_is_macos", lambda: True)
    for module in (model, utils, _compiled_model):
        _replace(module, "_macos_version", lambda: MACOS_VERSION)
    _replace(_post_training_quantization, "_update_tensor_range", _widen_range)
    _replace(_model_debugger.ModelDebugger, "record_intermediate_output", staticmethod(_record))


def uninstall() -> None:
    """Restore coremltools; models that were loaded in the meantime keep working."""
    while _replaced:
        owner, name, value = _replaced.pop()
        if isinstance(owner, dict):
            if value is _MISSING:
                owner.pop(name, None)
            else:
                owner[name] = value
        elif value is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, value)


def _replace(owner: Any, name: str, value: object) -> None:
    _replaced.append((owner, name, vars(owner).get(name, _MISSING)))
    setattr(owner, name, value)


def _widen_range(
    tensor_name: str, tensor_value: Any, activation_stats_dict: dict[str, Any]
) -> None:
    """Extend the range of a tensor to the values of this sample, as issue 2724 asks for."""
    stats = activation_stats_dict[tensor_name]
    stats["rmin"] = min(tensor_value.min(), stats.get("rmin", tensor_value.min()))
    stats["rmax"] = max(tensor_value.max(), stats.get("rmax", tensor_value.max()))


def _record(output_value: Any, output_name: str, activation_stats_dict: dict[str, Any]) -> None:
    _widen_range(output_name, output_value, activation_stats_dict)
