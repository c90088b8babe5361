"""Reads the text of the description and of its tracer for numba and for torch.

The text is plain Python (see `head`), so translating is small: imports go, because all functions
of the description share one namespace with the operations that each backend brings; annotations
go; and in the tracer, which numba compiles, each float literal becomes a float32 constant, without
which the arithmetic would silently be in float64 and at half the lanes.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from . import _packets, _trace
from .head import MODULES, PARTS

_FOLDER = Path(__file__).parent
_HEAD = tuple(_FOLDER / "head" / f"{name}.py" for name in MODULES)
_TRACER = (_FOLDER / "_packets.py", _FOLDER / "_trace.py")
_COUNTS = ("PART_COUNT", "CONES", "RAYS", "LOOK", "NORMAL_TAPS")
_COMPILER = (_FOLDER / "_emit.py", _FOLDER / "_numba_backend.py")


class _Strip(ast.NodeTransformer):
    """Keeps functions without annotations; names each float literal when asked to."""

    def __init__(self, *, name_literals: bool) -> None:
        self.name_literals = name_literals
        self.literals: dict[str, float] = {}

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.body = [part for part in node.body if isinstance(part, ast.FunctionDef)]
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        for argument in node.args.args:
            argument.annotation = None
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not self.name_literals or not isinstance(node.value, float):
            return node
        name = f"_literal_{repr(node.value).replace('.', '_').replace('-', 'm')}"
        self.literals[name] = node.value
        return ast.copy_location(ast.Name(name, ast.Load()), node)


def _run(path: Path, namespace: dict[str, Any], *, name_literals: bool) -> list[str]:
    """Defines the module's functions in `namespace` and returns their names."""
    strip = _Strip(name_literals=name_literals)
    tree = ast.fix_missing_locations(strip.visit(ast.parse(path.read_text("utf-8"))))
    if name_literals:
        namespace.update({name: np.float32(value) for name, value in strip.literals.items()})
    exec(compile(tree, str(path), "exec"), namespace)
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


def description(operations: Mapping[str, Any]) -> dict[str, Any]:
    """The description over whatever `operations` work on; they are what `head.operations` has."""
    namespace: dict[str, Any] = dict(operations)
    for path in _HEAD:
        _run(path, namespace, name_literals=False)
    return namespace


def tracer(
    described: Mapping[str, Any], called: Callable[[Callable[..., Any]], Any]
) -> dict[str, Any]:
    """The ray tracer for numba over these functions of the description, wrapped by `called`."""
    # numba knows the float32 type itself as a conversion, and its values as constants.
    # A name, because numba imports the module of a cached function when it loads it.
    namespace: dict[str, Any] = {
        **described, "number": np.float32, "np": np, "__name__": __name__,
        "LANES": _packets.LANES, **{name: getattr(_trace, name) for name in _COUNTS},
    }  # fmt: skip
    # Not Python's integers, for each value of which numba would compile a function anew.
    namespace.update({name: np.int32(part) for name, part in PARTS.items()})
    for path in _TRACER:
        for name in _run(path, namespace, name_literals=True):
            namespace[name] = called(namespace[name])
    return namespace


@cache
def parameter_names() -> tuple[str, ...]:
    """Every `p.name` that the description reads, sorted: what a scene must provide."""
    found: set[str] = set()
    for path in (*_HEAD, *_TRACER):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "p":
                found.add(node.attr)
    return tuple(sorted(found))


def source_digest() -> int:
    """Changes when any line does that machine code is made from; never negative."""
    return crc32(b"".join(path.read_bytes() for path in (*_HEAD, *_TRACER, *_COMPILER)))
