"""Makes coremltools predict on any machine.

    import coreml_runtime.coremltools_plugin as plugin
    plugin.install()
    coremltools.models.MLModel("model.mlpackage").predict({...})

On a Mac coremltools reaches Apple's framework through one compiled class, ``_MLModelProxy``.
:func:`install` replaces it with :class:`ModelProxy`, which runs the models of this room, and makes
the checks for macOS succeed. Then these work: prediction, batches and states; ``CompiledMLModel``;
what is built on them (``bisect_model``, the experimental inspector, comparator and validator); and
``linear_quantize_activations``. Neural networks remain impossible to run.

While the plug-in is installed, a bug of coremltools 9.0 that gives wrong results silently is
corrected: its calibration of activations keeps the range of the last sample only (its issue 2724).
With the plug-in a range covers all samples.
"""

from .installation import install, uninstall
from .model_proxy import ModelProxy

__all__ = ["ModelProxy", "install", "uninstall"]
