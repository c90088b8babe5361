"""Reads the text form of an ML Program, ``model.mil`` in a compiled model, into a ``MIL.proto``.

The grammar, in the words of ``MIL.proto`` (``?`` optional, ``*`` repeated)::

    program    program ( NUMBER ) attributes? { function* }
    function   func NAME < NAME > inputs attributes? block ;
    inputs     ( (type NAME),* )
    block      { operation* } -> ( NAME,* )
    operation  ((type NAME),+ =)? NAME ( (NAME = argument),* ) attributes? (NAME? inputs? block)* ;
    argument   binding | ( binding,* )
    binding    NAME | value
    attributes [ (NAME = value),* ]
    value      type ( BLOBFILE ( path = value , offset = value ) ) | type ( literal )
    type       DTYPE | tensor < DTYPE , [ size,* ] > | list < type , size >
               | tuple < type,* > | dict < type , type > | state < type >
    size       NUMBER | ?
    literal    NUMBER | STRING | true | false | [ literal,* ] | ( literal,* ) | { literal,* }

Up to iOS 17 the compiler writes a scalar as ``tensor<int32, []>(3)``, later as ``int32(3)``.
"""

import posixpath
from collections.abc import Callable
from typing import Any

from ..numerics import BY_NAME, DType, round_values
from .mil_tokens import END, Tokens
from .protobuf_messages import MIL_pb2

MODEL_PATH = "@model_path/"
"""What the name of a weight file begins with: it is relative to the folder of the program."""

_MAX_DEPTH = 32
_OPSETS = {"ios26": "CoreML9"}


def read_program_text(text: str, folder: str = "") -> Any:
    """Return the ``MILSpec.Program`` message that ``text`` stands for.

    ``folder`` is where the text lies in the compiled model: the names of weight files, relative to
    it in the text, are relative to the compiled model in the result.

    Raises:
        ProgramError: The text does not follow the grammar; the message says in which line.
    """
    return _Reader(text, folder).program()


class _Reader:
    def __init__(self, text: str, folder: str) -> None:
        self._tokens = Tokens(text)
        self._folder = folder
        self._depth = 0

    def program(self) -> Any:
        tokens = self._tokens
        program = MIL_pb2.Program(version=1)
        tokens.expect("program")
        tokens.expect("(")
        tokens.number()
        tokens.expect(")")
        self._skip_attributes()
        tokens.expect("{")
        while not tokens.skip("}"):
            self._function(program)
        if tokens.next.kind != END:
            raise tokens.error("text after the program")
        return program

    def _function(self, program: Any) -> None:
        tokens = self._tokens
        tokens.expect("func")
        name = tokens.name()
        if name in program.functions:
            raise tokens.error(f"a second function {name!r}")
        tokens.expect("<")
        function = program.functions[name]
        function.opset = _opset(tokens.name())
        tokens.expect(">")
        self._inputs(function.inputs)
        self._skip_attributes()
        self._block(function.block_specializations[function.opset])
        tokens.expect(";")

    def _inputs(self, values: Any) -> None:
        self._tokens.expect("(")
        self._separated(")", lambda: self._named_type(values.add()))

    def _named_type(self, value: Any) -> None:
        self._type(value.type)
        value.name = self._tokens.name()

    def _block(self, block: Any) -> None:
        tokens = self._tokens
        self._go_deeper()
        tokens.expect("{")
        while not tokens.skip("}"):
            self._operation(block.operations.add())
        tokens.expect("->")
        tokens.expect("(")
        self._separated(")", lambda: block.outputs.append(tokens.name()))
        self._depth -= 1

    def _operation(self, operation: Any) -> None:
        tokens = self._tokens
        first = tokens.next
        if first.kind != "name":
            raise tokens.error(f"expected an operation, found {first.text[:40]!r}")
        if first.text in BY_NAME or first.text in _CONTAINERS:
            self._named_type(operation.outputs.add())
            while tokens.skip(","):
                self._named_type(operation.outputs.add())
            tokens.expect("=")
        operation.type = tokens.name()
        tokens.expect("(")
        self._separated(")", lambda: self._argument(operation))
        if tokens.skip("["):
            self._separated("]", lambda: self._attribute(operation))
        while not tokens.skip(";"):
            self._nested_block(operation.blocks.add())

    def _nested_block(self, block: Any) -> None:
        if self._tokens.next.kind == "name":
            self._tokens.take()  # a label, which nothing refers to
        if self._tokens.next.text == "(":
            self._inputs(block.inputs)
        self._block(block)

    def _argument(self, operation: Any) -> None:
        name = self._tokens.name()
        if name in operation.inputs:
            raise self._tokens.error(f"a second argument {name!r}")
        self._tokens.expect("=")
        bindings = operation.inputs[name].arguments
        if self._tokens.skip("("):
            self._separated(")", lambda: self._binding(bindings.add()))
        else:
            self._binding(bindings.add())

    def _binding(self, binding: Any) -> None:
        if self._tokens.next.text in _CONTAINERS:
            self._value(binding.value)
            return
        word = self._tokens.name()
        if word in BY_NAME and self._tokens.next.text == "(":
            _set_tensor_type(binding.value.type, BY_NAME[word])
            self._content(binding.value)
        else:
            binding.name = word

    def _attribute(self, operation: Any) -> None:
        name = self._tokens.name()
        if name in operation.attributes:
            raise self._tokens.error(f"a second attribute {name!r}")
        self._tokens.expect("=")
        self._value(operation.attributes[name])

    def _skip_attributes(self) -> None:
        """Read attributes of a program or function; they hold nothing that is needed to run it."""
        if not self._tokens.skip("["):
            return

        def attribute() -> None:
            self._tokens.name()
            self._tokens.expect("=")
            self._type(MIL_pb2.ValueType())
            self._tokens.expect("(")
            self._separated(")", self._literal)

        self._separated("]", attribute)

    def _value(self, value: Any) -> None:
        self._type(value.type)
        self._content(value)

    def _content(self, value: Any) -> None:
        """Read what stands in brackets after the type of a value."""
        tokens = self._tokens
        tokens.expect("(")
        if tokens.next.text == "BLOBFILE" and tokens.next.kind == "name":
            self._blob(value.blobFileValue)
        else:
            literal = self._literal()
            try:
                _set_immediate(value.type, literal, value.immediateValue)
            except (ValueError, OverflowError, TypeError) as error:
                raise tokens.error(f"a value does not fit its type: {error}") from error
        tokens.expect(")")

    def _blob(self, blob: Any) -> None:
        tokens = self._tokens
        found: dict[str, Any] = {}
        tokens.expect("BLOBFILE")
        tokens.expect("(")

        def part() -> None:
            name = tokens.name()
            tokens.expect("=")
            self._type(MIL_pb2.ValueType())
            tokens.expect("(")
            found[name] = self._literal()
            tokens.expect(")")

        self._separated(")", part)
        path, offset = found.get("path"), found.get("offset")
        if not isinstance(path, str) or not isinstance(offset, int) or not 0 <= offset < 1 << 63:
            raise tokens.error("a BLOBFILE needs a path and an offset")
        if self._folder and path.startswith(MODEL_PATH):
            path = MODEL_PATH + posixpath.normpath(f"{self._folder}/{path[len(MODEL_PATH) :]}")
        blob.fileName, blob.offset = path, offset

    def _type(self, type_: Any) -> None:
        tokens = self._tokens
        self._go_deeper()
        word = tokens.name()
        if word in BY_NAME:
            _set_tensor_type(type_, BY_NAME[word])
        elif word not in _CONTAINERS:
            raise tokens.error(f"unknown type {word[:40]!r}")
        else:
            tokens.expect("<")
            if word == "tensor":
                self._tensor_type(type_)
            elif word == "list":
                self._type(type_.listType.type)
                tokens.expect(",")
                self._size(type_.listType.length)
            elif word == "tuple":
                type_.tupleType.SetInParent()
                while tokens.next.text != ">":
                    self._type(type_.tupleType.types.add())
                    if not tokens.skip(","):
                        break
            elif word == "dict":
                self._type(type_.dictionaryType.keyType)
                tokens.expect(",")
                self._type(type_.dictionaryType.valueType)
            else:
                self._type(type_.stateType.wrappedType)
            tokens.expect(">")
        self._depth -= 1

    def _tensor_type(self, type_: Any) -> None:
        tokens = self._tokens
        dtype = tokens.name()
        if dtype not in BY_NAME:
            raise tokens.error(f"unknown element type {dtype[:40]!r}")
        _set_tensor_type(type_, BY_NAME[dtype])
        tokens.expect(",")
        tokens.expect("[")
        self._separated("]", lambda: self._size(type_.tensorType.dimensions.add()))
        type_.tensorType.rank = len(type_.tensorType.dimensions)

    def _size(self, dimension: Any) -> None:
        if self._tokens.skip("?"):
            dimension.unknown.variadic = False
            return
        size = self._tokens.number()
        if not isinstance(size, int) or not 0 <= size < 1 << 63:
            raise self._tokens.error(f"{size} is not a size")
        dimension.constant.size = size

    def _literal(self) -> Any:
        """Return a number, string or bool, or a list of such (nested) for what is in brackets."""
        tokens = self._tokens
        for begin, end in ("[]", "()", "{}"):
            if tokens.skip(begin):
                return self._literals(end)
        if tokens.next.kind == "string":
            return tokens.string()
        if tokens.next.kind == "number":
            return tokens.number()
        word = tokens.name()
        if word not in _WORDS:
            raise tokens.error(f"expected a value, found {word[:40]!r}")
        return _WORDS[word]

    def _literals(self, end: str) -> list[Any]:
        items: list[Any] = []
        self._go_deeper()
        self._separated(end, lambda: items.append(self._literal()))
        self._depth -= 1
        return items

    def _separated(self, end: str, read: Callable[[], object]) -> None:
        """Call ``read`` for each of the parts, separated by commas, up to the sign ``end``."""
        while not self._tokens.skip(end):
            read()
            if not self._tokens.skip(","):
                self._tokens.expect(end)
                return

    def _go_deeper(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._tokens.error(f"nested deeper than {_MAX_DEPTH}")


_CONTAINERS = ("tensor", "list", "tuple", "dict", "state")
_WORDS = {"true": True, "false": False, "inf": float("inf"), "nan": float("nan")}


def _opset(tag: str) -> str:
    """Return the opset as ``MIL.proto`` names it: CoreML5 for ios15, and so on."""
    number = tag.removeprefix("ios")
    if tag in _OPSETS or not (number.isdigit() and len(number) == 2):
        return _OPSETS.get(tag, tag)
    return f"CoreML{int(number) - 10}"


def _set_tensor_type(type_: Any, dtype: DType) -> None:
    type_.tensorType.dataType = dtype.program_code
    type_.tensorType.rank = 0


def _set_immediate(type_: Any, literal: Any, value: Any) -> None:
    """Store ``literal`` in an ``ImmediateValue`` of the given type.

    Raises:
        ValueError: It has another shape or other elements than the type.
    """
    kind = type_.WhichOneof("type")
    if kind == "tensorType":
        sizes = [size.constant.size for size in type_.tensorType.dimensions]
        dtype = next(d for d in BY_NAME.values() if d.program_code == type_.tensorType.dataType)
        _set_tensor(dtype, _flat(literal, sizes), value.tensor)
    elif kind == "listType":
        value.list.SetInParent()
        for item in literal:
            _set_part(type_.listType.type, item, value.list.values.add())
    elif kind == "tupleType":
        value.tuple.SetInParent()
        for inner, item in zip(type_.tupleType.types, literal, strict=True):
            _set_part(inner, item, value.tuple.values.add())
    else:
        raise ValueError("no values of this kind are known")


def _set_part(type_: Any, literal: Any, value: Any) -> None:
    value.type.CopyFrom(type_)
    _set_immediate(type_, literal, value.immediateValue)


def _flat(literal: Any, sizes: list[int]) -> list[Any]:
    """Return the elements of nested lists, whose lengths have to be ``sizes``."""
    if not sizes:
        if isinstance(literal, list):
            raise ValueError("it has too many axes")
        return [literal]
    if not isinstance(literal, list) or len(literal) != sizes[0]:
        raise ValueError(f"an axis of {sizes[0]} has another number of elements")
    return [item for part in literal for item in _flat(part, sizes[1:])]


def _set_tensor(dtype: DType, elements: list[Any], tensor: Any) -> None:
    wanted = {"s": (str,), "b": (bool,), "f": (int, float)}.get(dtype.kind, (int,))
    if not all(type(item) in wanted for item in elements):
        raise ValueError(f"its elements are not all of type {dtype.name}")
    if dtype.kind == "s":
        tensor.strings.values.extend(elements)
    elif dtype.kind == "b":
        tensor.bools.values.extend(elements)
    elif dtype.name == "fp64":
        tensor.doubles.values.extend(elements)
    elif dtype.kind == "f":
        tensor.floats.values.extend(round_values(dtype, elements))
    else:
        low = -(1 << dtype.bits - 1) if dtype.kind == "i" else 0
        if not all(low <= item < low + (1 << dtype.bits) for item in elements):
            raise ValueError(f"an element lies outside {dtype.name}")
        tensor.longInts.values.extend(elements)
