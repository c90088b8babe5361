"""Writes compiled models (``.mlmodelc``) from packages, as Apple's compiler is known to.

Apple's compiler runs on a Mac only. This follows files of its that are public: its text form of
programs, and the layout of ``coremldata.bin`` that :mod:`coreml_runtime.package.compiled_model`
describes. No public file shows the blocks of ``cond`` and ``while_loop``, or a list; here they are
written as the bodies and values of functions are.
"""

import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from coreml_runtime.numerics import BY_PROGRAM_CODE
from coreml_runtime.package import Constant, Package, constant_value
from coreml_runtime.package.program_reader import read_type

OPSETS = {"CoreML5": "ios15", "CoreML6": "ios16", "CoreML7": "ios17", "CoreML8": "ios18"}


class Printer:
    """Prints programs; ``bare_scalars`` selects the form of scalars, which changed with iOS 18."""

    def __init__(self, package: Package, *, bare_scalars: bool) -> None:
        self._package = package
        self._bare = bare_scalars

    def program(self, message: Any) -> str:
        text = self._type_name("string", [])
        info = f'dict<{text}, {text}>({{{{"coremlc-version", "3520.5.1"}}}})'
        lines = ["program(1.3)", f"[buildInfo = {info}]", "{"]
        for name in sorted(message.functions):
            lines += self._function(name, message.functions[name])
        return "\n".join([*lines, "}"])

    def _function(self, name: str, message: Any) -> Iterator[str]:
        inputs = ", ".join(self._named(value) for value in message.inputs)
        flexible = ""
        if "?" in inputs:
            flexible = (
                " [FlexibleShapeInformation = tuple<tuple<string, dict<string, tensor<int32, "
                '[?]>>>>((("DefaultShapes", {{"x", [1, 3]}})))]'
            )
        yield f"    func {name}<{OPSETS[message.opset]}>({inputs}){flexible} {{"
        yield from self._block(message.block_specializations[message.opset], "        ")

    def _block(self, message: Any, indent: str, end: str = ";") -> Iterator[str]:
        for operation in message.operations:
            yield from self._operation(operation, indent + "    ")
        yield f"{indent}}} -> ({', '.join(message.outputs)}){end}"

    def _operation(self, message: Any, indent: str) -> Iterator[str]:
        outputs = ", ".join(self._named(value) for value in message.outputs)
        arguments = ", ".join(
            f"{name} = {self._argument(message.inputs[name])}" for name in sorted(message.inputs)
        )
        attributes = ", ".join(
            f"{name} = {self._value(message.attributes[name])}"
            for name in sorted(message.attributes)
        )
        head = f"{indent}{outputs} = " if outputs else indent
        head += f"{message.type}({arguments})"
        head += f"[{attributes}]" if attributes else ""
        if not message.blocks:
            yield f"{head};"
            return
        yield head
        for block in message.blocks:
            yield f"{indent}({', '.join(map(self._named, block.inputs))}) {{"
            yield from self._block(block, indent, end="")
        yield f"{indent};"

    def _argument(self, message: Any) -> str:
        bound = [
            binding.name if binding.WhichOneof("binding") == "name" else self._value(binding.value)
            for binding in message.arguments
        ]
        return bound[0] if len(bound) == 1 else f"({', '.join(bound)})"

    def _named(self, value: Any) -> str:
        return f"{self._type(value.type)} {value.name}"

    def _type(self, message: Any) -> str:
        kind = message.WhichOneof("type")
        if kind == "listType":
            return f"list<{self._type(message.listType.type)}, {_size(message.listType.length)}>"
        if kind == "stateType":
            return f"state<{self._type(message.stateType.wrappedType)}>"
        if kind == "tupleType":
            return f"tuple<{', '.join(map(self._type, message.tupleType.types))}>"
        if kind == "dictionaryType":
            both = message.dictionaryType.keyType, message.dictionaryType.valueType
            return f"dict<{', '.join(map(self._type, both))}>"
        tensor = message.tensorType
        name = BY_PROGRAM_CODE[tensor.dataType].name
        return self._type_name(name, [_size(size) for size in tensor.dimensions])

    def _type_name(self, name: str, sizes: list[str]) -> str:
        return name if self._bare and not sizes else f"tensor<{name}, [{', '.join(sizes)}]>"

    def _value(self, message: Any) -> str:
        if message.WhichOneof("value") == "blobFileValue":
            path = f'{self._type_name("string", [])}("{message.blobFileValue.fileName}")'
            offset = f"{self._type_name('uint64', [])}({message.blobFileValue.offset})"
            return f"{self._type(message.type)}(BLOBFILE(path = {path}, offset = {offset}))"
        held = constant_value(Constant(read_type(message.type), message), self._package)
        return f"{self._type(message.type)}({_literal(held)})"


def _size(message: Any) -> str:
    return str(message.constant.size) if message.WhichOneof("dimension") == "constant" else "?"


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _hexadecimal(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_literal, value))}]"
    return str(value) if isinstance(value, int) else _literal(value.tolist())


def _hexadecimal(value: float) -> str:
    """Return a float as C's ``%a`` prints it: without trailing zeros."""
    if not np.isfinite(value):
        return str(value)
    mantissa, power, exponent = value.hex().partition("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return mantissa + power + exponent


def description_file(spec: Any) -> bytes:
    """Return a ``coremldata.bin`` for a model."""
    payload = spec.description.SerializeToString()
    head = struct.pack("<II20xQ", 502, spec.specificationVersion, 7)
    tail = struct.pack("<B31xQ", spec.specificationVersion, len(payload))
    return head + b"generic" + tail + payload + struct.pack("<I12x", 502)


def compile_package(path: Path, target: Path, *, bare_scalars: bool = True) -> Path:
    """Write the compiled model of a package, or of a pipeline of programs, and return its path."""
    package = Package(path)
    printer = Printer(package, bare_scalars=bare_scalars)
    target.mkdir(parents=True)
    (target / "coremldata.bin").write_bytes(description_file(package.spec))
    for weights in path.rglob("weights"):
        shutil.copytree(weights, target / "weights", copy_function=shutil.copyfile)
    if package.spec.WhichOneof("Type") == "pipeline":
        for number, stage in enumerate(package.spec.pipeline.models):
            folder = target / f"model{number}"
            folder.mkdir()
            (folder / "coremldata.bin").write_bytes(description_file(stage))
            text = printer.program(stage.mlProgram)
            (folder / "model.mil").write_text(text.replace("@model_path/", "@model_path/../"))
    else:
        (target / "model.mil").write_text(printer.program(package.spec.mlProgram))
    return target
