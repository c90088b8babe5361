"""The room's public names, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import export

PUBLIC = {
    *("Artifact", "open_artifact", "verify"),
    *("Manifest", "ComponentEntry", "FileEntry", "GoldenEntry"),
    *("SamplerEntry", "SamplerTableEntry", "SelfieRuleEntry", "StyleEntry"),
    *("ScheduleEntry", "TokenizerEntry", "ChunkedEntry", "FunctionEntry", "ShapesEntry"),
    *("ExportError", "ArtifactError", "ManifestError", "ConversionError", "GateError"),
    *("UnavailableError", "PreviewEntry"),
}
HEAVY = {"torch", "coremltools", "onnx", "onnxruntime", "pydantic"}


def test_the_public_names_are_pinned() -> None:
    assert set(export.__all__) == PUBLIC
    assert all(hasattr(export, name) for name in PUBLIC)


def test_the_door_imports_no_heavy_library() -> None:
    code = f"import sys, export; print({HEAVY!r} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
