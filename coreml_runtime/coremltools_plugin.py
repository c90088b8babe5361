"""Makes coremltools predict on any machine.

    import coreml_runtime.coremltools_plugin as plugin
    plugin.install()
    coremltools.models.MLModel("model.mlpackage").predict({...})

On a Mac coremltools reaches Apple's framework through one compiled class, ``_MLModelProxy``.
:func:`install` puts :class:`Proxy`, which runs this room's models, in its place, and lets the
places that ask for macOS find it. With it work prediction, batches and states, ``CompiledMLModel``,
what is built on them (``bisect_model``, the experimental inspector, comparator and validator) and
``linear_quantize_activations``. Neural networks stay what they are elsewhere: not runnable.

One bug of coremltools 9.0 is mended while the plug-in is installed, because it spoils results in
silence: calibrating activations kept the range of the last sample only (its issue 2724). With the
plug-in a range is that of all samples.
"""

import sys
from types import ModuleType
from typing import Any

from ._proxy import AssetProxy, Proxy, defaults

MACOS_VERSION = (26, 0)

_saved: list[tuple[Any, str, Any]] = []
_MISSING = object()


def install(precision: str = "storage", device: str = "cpu") -> None:
    """Let coremltools run models here; installing twice changes the settings only.

    Args:
        precision: As for :func:`coreml_runtime.load`.
        device: Where models are loaded.
    """
    defaults.precision, defaults.device = precision, device
    if _saved:
        return
    import coremltools
    from coremltools.models import _compiled_model, model, utils
    from coremltools.optimize.coreml.experimental import (
        _model_debugger,
        _post_training_quantization,
    )

    library = ModuleType("coremltools.libcoremlpython")
    library._MLModelProxy = Proxy  # type: ignore[attr-defined]
    library._MLModelAssetProxy = AssetProxy  # type: ignore[attr-defined]
    _saved.append((sys.modules, library.__name__, sys.modules.get(library.__name__, _MISSING)))
    sys.modules[library.__name__] = library
    _patch(coremltools, "libcoremlpython", library)
    for module in (model, _compiled_model):
        _patch(module, "_MLModelProxy", Proxy)
    _patch(model, "_MLModelAssetProxy", AssetProxy)
    for module in (model, utils):
        _patch(module, "_is_macos", lambda: True)
    for module in (model, utils, _compiled_model):
        _patch(module, "_macos_version", lambda: MACOS_VERSION)
    _patch(_post_training_quantization, "_update_tensor_range", _widen)
    _patch(_model_debugger.ModelDebugger, "record_intermediate_output", staticmethod(_record))


def uninstall() -> None:
    """coremltools as it was; models loaded meanwhile keep working."""
    while _saved:
        owner, name, value = _saved.pop()
        if isinstance(owner, dict):
            if value is _MISSING:
                owner.pop(name, None)
            else:
                owner[name] = value
        elif value is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, value)


def _patch(owner: Any, name: str, value: object) -> None:
    _saved.append((owner, name, vars(owner).get(name, _MISSING)))
    setattr(owner, name, value)


def _widen(tensor_name: str, tensor_value: Any, activation_stats_dict: dict[str, Any]) -> None:
    """The range of a tensor with this sample's values taken in: what issue 2724 asks for."""
    stats = activation_stats_dict[tensor_name]
    stats["rmin"] = min(tensor_value.min(), stats.get("rmin", tensor_value.min()))
    stats["rmax"] = max(tensor_value.max(), stats.get("rmax", tensor_value.max()))


def _record(output_value: Any, output_name: str, activation_stats_dict: dict[str, Any]) -> None:
    _widen(output_name, output_value, activation_stats_dict)
