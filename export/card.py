"""The model card in every artifact: what the model is, how to run it, and whose work is in it."""

from __future__ import annotations

from pathlib import Path

from components import PipelineFacts, TensorSpec
from export import layouts
from export.manifest import Manifest

NAME = "README.md"

_USE = {
    "coreml": (
        "Add the `.mlpackage` files to an Xcode project, or run them anywhere from Python:",
        "from export.coreml.run import load",
    ),
    "onnx": (
        "Run the `.onnx` or `.ort` files with ONNX Runtime in any language, or from Python:",
        "from export.onnx.run import load",
    ),
}


def write(folder: Path, facts: PipelineFacts, manifest: Manifest) -> None:
    """Write `README.md` into an artifact's folder. Law: equal manifests give equal bytes."""
    parts = [_head(facts, manifest), _components(manifest), _use(manifest)]
    if manifest.styles:
        parts.append(_styles(manifest))
    parts.append(_made(manifest))
    text = "\n\n".join(parts)
    (folder / NAME).write_bytes(f"{text}\n".encode())


def append_functions(folder: Path, manifest: Manifest) -> None:
    """Add to the card in a folder which functions the packages have, and what they take."""
    lines = ["## Functions", "", "The first is what an app gets that names none.", ""]
    lines += ["| function | component | inputs | outputs |", "| --- | --- | --- | --- |"]
    for function in manifest.functions:
        for entry in function.components:
            inputs, outputs = map(_shapes, (entry.inputs, entry.outputs))
            lines.append(f"| `{function.name}` | `{entry.name}` | {inputs} | {outputs} |")
    text = (folder / NAME).read_text(encoding="utf-8")
    (folder / NAME).write_bytes("\n".join([text, *lines, ""]).encode())


def _head(facts: PipelineFacts, manifest: Manifest) -> str:
    options = ", ".join(f"{name} {value}" for name, value in sorted(manifest.options.items()))
    return (
        f"# {facts.title}\n\n{facts.summary}\n\n"
        f"Format: {manifest.format} ({options}). Licence of the weights: {facts.licence}."
    )


def _components(manifest: Manifest) -> str:
    lines = ["## Components", "", "| component | inputs | outputs |", "| --- | --- | --- |"]
    for entry in manifest.components:
        inputs, outputs = map(_shapes, (entry.inputs, entry.outputs))
        lines.append(f"| `{entry.name}` | {inputs} | {outputs} |")
    return "\n".join(lines)


def _shapes(specs: tuple[TensorSpec, ...]) -> str:
    return "; ".join(f"`{s.name}` {s.dtype} {'×'.join(map(str, s.shape))}" for s in specs)


def _use(manifest: Manifest) -> str:
    if (found := layouts.about(manifest.options)) is not None:
        layout = found[1]
        code = f"```{layout.language}\n{layout.code}\n```"
        return f"## Use\n\n{layout.use}\n\n{code}"
    sentence, line = _USE[manifest.format]
    first = manifest.components[0].name
    code = f'```python\n{line}\n\nrunner = load(".", "{first}")\n```'
    golden = "Inputs and outputs to test an implementation with lie in `golden/` (not for apps)."
    return f"## Use\n\n{sentence}\n\n{code}\n\n{golden}"


def _styles(manifest: Manifest) -> str:
    lines = ["## Styles", "", "| style | tier | designer | licence | source |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for style in manifest.styles:
        creator = _link(style.creator, style.creator_url)
        licence = _link(style.licence, style.licence_url)
        source = _link(style.source, style.source_url)
        lines.append(f"| {style.title} | {style.tier} | {creator} | {licence} | {source} |")
    return "\n".join(lines)


def _link(text: str, url: str) -> str:
    return f"[{text}]({url})" if url else text


def _made(manifest: Manifest) -> str:
    tools = ", ".join(f"{name} {version}" for name, version in sorted(manifest.tools.items()))
    return (
        f"## Origin\n\nPipeline `{manifest.pipeline}`, checkpoint SHA-256 "
        f"`{manifest.checkpoint}`, exported by version {manifest.version} with {tools}."
    )
