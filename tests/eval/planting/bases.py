"""The good artifacts, made once from the exported ones."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

from export import artifact
from export.exporter import Request, export
from export.formats import Options, format_named
from quantization import Recipe, apply, parse
from tests.eval.planting.files import copy

COMPONENT = "decoder"
"""The component that is packed in artifacts with a recipe."""
SCHEMES = {"palette": "palette-6", "int8": "int8"}
LOOSE = """
tier = "one component packed"
[manifest]
wrong = 0
[weights]
wrong = 0
missing = { default = 0, coreml_runtime = { default = 0, decoder = 1 } }
[image.psnr]
default = 20
"""
"""Gates of artifacts with a recipe. Against the quantized checkpoint the gates of fp16 hold, and
planted defects must fail those."""
NAMES = ("onnx", "ort", "coreml", "onnx-palette", "onnx-int8", "coreml-palette", "coreml-int8")


class Bases:
    """Good artifacts by name, made when they are first needed."""

    def __init__(self, root: Path, checkpoint: Path, exported: Path) -> None:
        """`exported` has `coreml` and `onnx`; what is missing there is exported."""
        self.root, self.checkpoint, self.exported = root, checkpoint, exported
        self._made: dict[str, Path] = {}

    def get(self, name: str) -> Path:
        if name not in self._made:
            folder = self.root / name
            shutil.rmtree(folder, ignore_errors=True)
            self._make(name, folder)
            self._made[name] = folder
        return self._made[name]

    def gates(self, name: str) -> Path | None:
        """The gates file of a base; None where the gates that ship hold."""
        return self.root / f"{name}.toml" if "-" in name else None

    def recipe(self, name: str) -> Path | None:
        """The recipe's file of a base."""
        return self.root / f"{name}.json" if "-" in name else None

    def _make(self, name: str, folder: Path) -> None:
        format_, _, scheme = name.partition("-")
        if scheme:
            copy(self.get(format_), folder)
            self._pack(format_, scheme, folder, self.root / f"{name}.json")
            return
        source = self.exported / ("onnx" if format_ == "ort" else format_)
        if not source.is_dir():
            export(Request(checkpoint=self.checkpoint, format=source.name, out=source))
        kinds = {"onnx": ("onnx",), "ort": ("ort",), "coreml": ("mlpackage",)}[format_]
        copy_of(source, folder, kinds)

    def _pack(self, format_: str, scheme: str, folder: Path, file: Path) -> None:
        """Replace one component by a packed one."""
        pattern = (f"{COMPONENT}.*", parse(SCHEMES[scheme]))
        recipe = Recipe(pipeline="AvatarPipeline", patterns=(pattern,))
        file.write_bytes(recipe.dump())
        file.with_suffix(".toml").write_text(LOOSE, encoding="utf-8")
        quantized = apply(self.checkpoint, recipe)
        pipeline = quantized.pipeline
        options = Options(ort="none", target="ios17")
        manifest = artifact.open_artifact(folder).manifest
        for path in manifest.component(COMPONENT).models.values():
            held = folder / path
            shutil.rmtree(held) if held.is_dir() else held.unlink()
        component = pipeline.component(COMPONENT)
        written = format_named(format_).write(
            component, folder, pipeline.facts(), options, quantized
        )
        entries = tuple(
            replace(entry, models=written.models, ops=written.ops)
            if entry.name == COMPONENT
            else entry
            for entry in manifest.components
        )
        artifact.close(folder, replace(manifest, recipe=recipe.digest, components=entries))


def copy_of(source: Path, folder: Path, kinds: tuple[str, ...]) -> None:
    """Copy an artifact with the model files of some kinds only."""
    manifest = artifact.open_artifact(source).manifest
    others = {
        path
        for entry in manifest.components
        for kind, path in entry.models.items()
        if kind not in kinds
    }
    shutil.copytree(source, folder, ignore=partial(_ignored, others))
    entries = tuple(
        replace(entry, models={k: v for k, v in entry.models.items() if k in kinds})
        for entry in manifest.components
    )
    artifact.close(folder, replace(manifest, components=entries))


def _ignored(others: set[str], folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in others]
