"""The protobuf classes of Core ML, taken from coremltools without importing coremltools.

``import coremltools`` takes seconds and prints warnings; its generated protobuf modules import
nothing but protobuf and each other. They are loaded here from the installed wheel under a private
package name. Protobuf keeps one class per message, so coremltools uses these same classes, whether
it is imported before or after.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

_PRIVATE = "coreml_runtime.package._coremltools_proto"


def _generated(name: str) -> ModuleType:
    if _PRIVATE not in sys.modules:
        found = importlib.util.find_spec("coremltools")
        if found is None or found.origin is None:
            raise ImportError("coreml_runtime needs the protobuf classes of coremltools")
        package = ModuleType(_PRIVATE)
        package.__path__ = [str(Path(found.origin).parent / "proto")]
        sys.modules[_PRIVATE] = package
    return importlib.import_module(f"{_PRIVATE}.{name}")


MIL_pb2 = _generated("MIL_pb2")
Model_pb2 = _generated("Model_pb2")
FeatureTypes_pb2 = _generated("FeatureTypes_pb2")
