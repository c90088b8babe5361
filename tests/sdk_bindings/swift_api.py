"""Dumps the Swift library's public API as text. A change of the API must change the text.

    python -m tests.sdk_bindings.swift_api      writes the dumps anew, after a build

`linux.api` describes the library as built on Linux. `apple.api` describes it as type-checked for
Apple's platforms, against the declarations in `Tests/AppleDeclarations`.
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
    """Return one public API: one line for each declaration, below the type that it belongs to."""
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
    """Return a symbol graph (in the format of swift-docc-symbolkit) as sorted text."""
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
