from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from export import runtimes
from export.manifest import Manifest
from tests.export.test_manifest import EXAMPLE

HEAVY = ("torch", "onnx", "onnxruntime", "coremltools", "coreml_runtime")


def manifest(format_: str, *kinds: str) -> Manifest:
    (entry,) = EXAMPLE.components
    models = {kind: f"a.{kind}" for kind in kinds}
    return replace(EXAMPLE, format=format_, components=(replace(entry, models=models),))


def test_every_file_is_found_and_reports_keep_their_order() -> None:
    assert set(runtimes.known()) == {
        *("onnx", "ort", "coreml_runtime"),
        *("apple-cpu", "apple-gpu", "apple-ne", "apple-all"),
    }
    found = {
        format_: [runtime.name for runtime in runtimes.of(manifest(format_, *kinds))]
        for format_, kinds in (("onnx", ("onnx", "ort")), ("coreml", ("mlpackage",)))
    }
    assert found == {
        "onnx": ["onnx", "ort"],
        "coreml": ["coreml_runtime", "apple-cpu", "apple-gpu", "apple-ne", "apple-all"],
    }


def test_only_those_that_have_files_of_the_artifact_are_tried() -> None:
    assert [runtime.name for runtime in runtimes.of(manifest("onnx", "ort"))] == ["ort"]
    assert runtimes.of(manifest("coreml", "onnx")) == ()
    assert runtimes.of(manifest("tflite", "onnx")) == ()


def test_an_export_is_tried_once_in_each_kind_of_arithmetic() -> None:
    checked = [name for name, kind in runtimes.known().items() if kind.checks_exports]
    assert checked == ["coreml_runtime", "apple-all", "onnx", "ort"]
    here = [runtime.name for runtime in runtimes.of_format("coreml") if runtimes.is_here(runtime)]
    assert here[0] == "coreml_runtime" and (len(here) > 1) == (sys.platform == "darwin")


def test_names_are_known_without_any_runtimes_library() -> None:
    code = f"import sys, export.runtimes as r; r.known(); print({{*{HEAVY}}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
