"""The Swift library's public names, as text that a change of them must update.

    python -m tests.sdk_bindings.swift_api      writes the dumps anew, after a build

`linux.api` is of the built library; `apple.api` of what is for Apple's platforms, as the
declarations in `Tests/AppleDeclarations` have it.
"""

from __future__ import annotations

import json
import shutil
from functools import cache

from tests.sdk_bindings.swift_toolchain import PACKAGE, output_of, swift

GRAPHS = PACKAGE / ".build" / "api"
DUMPS = {name: PACKAGE / "api" / f"{name}.api" for name in ("linux", "apple")}
TYPECHECK = "Tests/AppleDeclarations/typecheck.sh"


@cache
def dump(name: str) -> str:
    """One public API: a line a declaration, below the type that it belongs to."""
    folder = GRAPHS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = _EXTRACT if name == "linux" else (TYPECHECK,)
    done = swift(*command, str(folder))
    assert done.returncode == 0, output_of(done)
    return text_of(json.loads((folder / "AvatarStudio.symbols.json").read_text()))


_EXTRACT = (
    *("swift-symbolgraph-extract", "-module-name", "AvatarStudio", "-I", ".build/release/Modules"),
    *("-Xcc", "-fmodule-map-file=Sources/CPictures/module.modulemap"),
    *("-Xcc", "-fmodule-map-file=Sources/COnnxRuntime/module.modulemap"),
    *("-target", "x86_64-pc-linux-gnu", "-minimum-access-level", "public"),
    *("-skip-synthesized-members", "-output-dir"),
)


def text_of(graph: dict) -> str:  # type: ignore[type-arg]
    """A symbol graph (swift-docc-symbolkit's format) as sorted text."""
    names = {s["identifier"]["precise"]: s["pathComponents"][-1] for s in graph["symbols"]}
    conforming: dict[str, set[str]] = {}
    for relation in graph["relationships"]:
        if relation["kind"] == "conformsTo":
            target = relation["target"]
            protocol = names.get(target) or relation.get("targetFallback", target)
            conforming.setdefault(relation["source"], set()).add(protocol.rpartition(".")[2])
    lines = {}
    for symbol in graph["symbols"]:
        path = tuple(symbol["pathComponents"])
        text = "".join(part["spelling"] for part in symbol["declarationFragments"])
        protocols = sorted(conforming.get(symbol["identifier"]["precise"], ()))
        after = f"  [{', '.join(protocols)}]" if protocols else ""
        lines[path, text] = f"{'  ' * (len(path) - 1)}{text}{after}"
    return "".join(f"{lines[key]}\n" for key in sorted(lines))


def main() -> None:
    """Write both dumps."""
    for name, file in DUMPS.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(dump(name), encoding="utf-8")
        print(file)


if __name__ == "__main__":
    main()
