"""The graph of imports among this project's modules, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path


def modules_below(root: Path, rooms: Mapping[str, object]) -> dict[str, Path]:
    """Every module of the rooms, by its dotted name; a package has the name of its folder."""
    found = {}
    for room in rooms:
        for file in sorted((root / room).rglob("*.py")):
            parts = file.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports_of(source: str, package: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything that `source` imports, wherever the statement stands.

    `from a import b` gives `a.b`; relative imports are resolved in `package`; names given to
    `import_module` and `__import__` as constants count too.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node.module or "", node.level, package)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            name = node.args[0].value
            if called in ("import_module", "__import__") and isinstance(name, str):
                level = len(name) - len(name.lstrip("."))
                yield node.lineno, _absolute(name.lstrip("."), level, package)


def _absolute(name: str, level: int, package: str) -> str:
    if level == 0:
        return name
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - level + 1])
    return f"{base}.{name}".strip(".")


def edges(modules: Mapping[str, Path]) -> dict[str, dict[str, int]]:
    """For each module the modules of this project that it imports, with the line of the first."""
    graph: dict[str, dict[str, int]] = {name: {} for name in modules}
    for name, file in modules.items():
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        for line, imported in imports_of(file.read_text(encoding="utf-8"), package):
            # `from a import b` imports the module a.b if there is one, else something in a.
            target = imported if imported in modules else imported.rpartition(".")[0]
            if target in modules and target != name:
                graph[name].setdefault(target, line)
    return graph


def circles(graph: Mapping[str, Mapping[str, int]]) -> list[list[str]]:
    """Groups of modules that import each other in a circle (Tarjan's strongly connected components,
    SIAM Journal on Computing 1(2), 1972); empty where there is none."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in graph[node]:
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            start = stack.index(node)
            group = stack[start:]
            del stack[start:]
            if len(group) > 1:
                found.append(sorted(group))

    for node in graph:
        if node not in index:
            visit(node)
    return found
