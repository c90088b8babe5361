"""An `.mlpackage` whose bytes depend on the model alone.

coremltools' own packages differ from run to run: protobuf maps are written in hash order, Manifest
items have random UUIDs, today's date is in the metadata, and the torch build's local tag (`+cpu`,
`+cu130`) differs between machines. It also writes a debug mapping full of source paths beside the
model, which it only does on `save`: that is not called here.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import coremltools as ct

from components import Component, PipelineFacts
from support.hashes import file_sha256
from support.version import public_version

AUTHOR = "com.apple.CoreML"
MODEL = "model.mlmodel"
WEIGHTS = "weights"
_DATE = "com.github.apple.coremltools.conversion_date"
_SOURCE = "com.github.apple.coremltools.source"
# Items of a package are named by their contents (RFC 9562, version 5).
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://developer.apple.com/coreml/mlpackage")


def describe(spec: Any, component: Component, facts: PipelineFacts, version: str) -> None:
    """Write the component's descriptions into the model's metadata, in place."""
    metadata = spec.description.metadata
    metadata.shortDescription = component.description
    metadata.author = facts.title
    metadata.license = facts.licence
    metadata.versionString = version
    texts = {s.name: s.description for s in (*component.inputs, *component.outputs)}
    for feature in (*spec.description.input, *spec.description.output):
        feature.shortDescription = texts[feature.name]


def normalise(spec: Any) -> None:
    """Remove from a specification what differs between days and machines, in place."""
    user = spec.description.metadata.userDefined
    if _DATE in user:
        del user[_DATE]
    if _SOURCE in user:
        user[_SOURCE] = public_version(user[_SOURCE])
    build = spec.mlProgram.attributes["buildInfo"].immediateValue.dictionary
    for item in build.values:
        strings = item.value.immediateValue.tensor.strings.values
        strings[:] = [public_version(text) for text in strings]
    # The specification holds this map as a list: give it a fixed order.
    ordered = sorted(build.values, key=lambda item: item.key.SerializeToString(deterministic=True))
    copies = [type(item).FromString(item.SerializeToString()) for item in ordered]
    del build.values[:]
    build.values.extend(copies)


def write(spec: Any, package: Path) -> None:
    """Rewrite the package that coremltools left at `package`; its weights stay as they are.

    Law: the same specification and weights give the same bytes.
    """
    data = package / "Data" / AUTHOR
    model = spec.SerializeToString(deterministic=True)
    (data / MODEL).unlink(missing_ok=True)  # coremltools wrote it readable by its owner only
    (data / MODEL).write_bytes(model)
    for path in package.iterdir():
        if path.name not in ("Data", "Manifest.json"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    items = {MODEL: ("CoreML Model Specification", hashlib.sha256(model).hexdigest())}
    if (data / WEIGHTS).is_dir():
        items[WEIGHTS] = ("CoreML Model Weights", _content(data / WEIGHTS))
    (package / "Manifest.json").unlink(missing_ok=True)
    (package / "Manifest.json").write_bytes(_manifest(items))


def operations(spec: Any) -> int:
    """The number of operations in the program's main function; constants are not counted."""
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    return sum(operation.type != "const" for operation in block.operations)


def tools() -> dict[str, str]:
    """Versions of the libraries that shape a package."""
    return {"coremltools": public_version(ct.__version__)}


def _content(folder: Path) -> str:
    """SHA-256 over a folder's file names and contents."""
    total = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        total.update(f"{path.name}\0{file_sha256(path)}\n".encode())
    return total.hexdigest()


def _manifest(items: dict[str, tuple[str, str]]) -> bytes:
    """Apple's `Manifest.json`: items under UUIDs made from their contents, one the root model."""
    keys = {
        item: str(uuid.uuid5(_NAMESPACE, f"{item}/{content}")).upper()
        for item, (_, content) in items.items()
    }
    entries = {
        keys[item]: {
            "author": AUTHOR,
            "description": description,
            "name": item,
            "path": f"{AUTHOR}/{item}",
        }
        for item, (description, _) in items.items()
    }
    manifest = {
        "fileFormatVersion": "1.0.0",
        "itemInfoEntries": entries,
        "rootModelIdentifier": keys[MODEL],
    }
    return json.dumps(manifest, indent=4, sort_keys=True).encode() + b"\n"
