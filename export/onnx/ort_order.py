"""ORT files whose lists have a fixed order.

ONNX Runtime keeps a graph's values, initializers and attributes in hash maps that it salts anew in
every process, and writes them in that order: the same model gives other bytes each time. Here a
file is read, and written again with every list sorted by name whose order has no meaning. For the
runtime nothing changes.

An ORT file is a FlatBuffer (https://flatbuffers.dev/internals) of the schema
`onnxruntime/core/flatbuffers/schema/ort.fbs`, which `SCHEMA` repeats: for each table, the kinds of
its fields in the order of their slots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flatbuffers
from flatbuffers import number_types as numbers
from flatbuffers.table import Table

IDENTIFIER = b"ORTM"


@dataclass(frozen=True)
class Sub:
    """A field that holds a table, or with `many` a list of tables.

    Attributes:
        table: Name of the table in `SCHEMA`.
        many: Whether it is a list.
        key: Slot of the field that the list is sorted by; None keeps the list's order.
    """

    table: str
    many: bool = False
    key: int | None = None


@dataclass(frozen=True)
class Raw:
    """A list of scalars or structs, copied as it is.

    Attributes:
        size: Bytes of each entry.
        align: Alignment of each entry, in bytes.
    """

    size: int
    align: int


I8, U8, I32 = numbers.Int8Flags, numbers.Uint8Flags, numbers.Int32Flags
U32, I64, F32 = numbers.Uint32Flags, numbers.Int64Flags, numbers.Float32Flags
TEXT, TEXTS, UNION, DEPRECATED = "text", "texts", "union", "deprecated"
BYTES, WORDS, LONGS, EDGES = Raw(1, 1), Raw(4, 4), Raw(8, 8), Raw(12, 4)

SCHEMA: dict[str, tuple[Any, ...]] = {
    "InferenceSession": (TEXT, Sub("Model"), DEPRECATED, Sub("KernelTypeStrResolver")),
    "Model": (
        *(I64, Sub("OperatorSetId", True, 0), TEXT, TEXT, TEXT, I64, TEXT, Sub("Graph"), TEXT),
        Sub("StringString", True, 0),
    ),
    "OperatorSetId": (TEXT, I64),
    "StringString": (TEXT, TEXT),
    "Graph": (
        *(Sub("Tensor", True, 0), Sub("ValueInfo", True, 0), Sub("Node", True), U32),
        *(Sub("NodeEdge", True), TEXTS, TEXTS, Sub("SparseTensor", True)),
        Sub("RuntimeOptimizations"),
    ),
    "Tensor": (TEXT, TEXT, LONGS, I32, BYTES, TEXTS, I64),
    "SparseTensor": (Sub("Tensor"), Sub("Tensor"), LONGS),
    # Files of the Fixed style have an empty list here; an entry would not be read.
    "RuntimeOptimizations": (Sub("RuntimeOptimizationRecord", True),),
    "RuntimeOptimizationRecord": (),
    "ValueInfo": (TEXT, TEXT, Sub("TypeInfo")),
    "TypeInfo": (TEXT, U8, UNION),
    "TensorTypeAndShape": (I32, Sub("Shape")),
    "SequenceType": (Sub("TypeInfo"),),
    "MapType": (I32, Sub("TypeInfo")),
    "Shape": (Sub("Dimension", True),),
    "Dimension": (Sub("DimensionValue"), TEXT),
    "DimensionValue": (I8, I64, TEXT),
    "Node": (
        *(TEXT, TEXT, TEXT, I32, U32, TEXT, I32, TEXT, TEXTS, TEXTS),
        *(Sub("Attribute", True, 0), WORDS, TEXTS),
    ),
    "Attribute": (
        *(TEXT, TEXT, I32, F32, I64, TEXT, Sub("Tensor"), Sub("Graph"), WORDS, LONGS, TEXTS),
        *(Sub("Tensor", True), Sub("Graph", True)),
    ),
    "NodeEdge": (U32, EDGES, EDGES),
    "KernelTypeStrResolver": (Sub("OpIdKernelTypeStrArgs", True, 0),),
    "OpIdKernelTypeStrArgs": (TEXT, Sub("KernelTypeStrArgs", True, 0)),
    "KernelTypeStrArgs": (TEXT, Sub("ArgTypeAndIndex", True)),
    "ArgTypeAndIndex": (I8, U32),
}
_UNION_TABLES = {1: "TensorTypeAndShape", 2: "SequenceType", 3: "MapType"}


def in_order(data: bytes) -> bytes:
    """The same ORT file with its unordered lists sorted.

    Laws: `in_order(in_order(x)) == in_order(x)`, and two files that differ in such orders only
    become equal.

    Raises:
        ValueError: Not an ORT file, or one with fields that `SCHEMA` does not know.
    """
    if data[4:8] != IDENTIFIER:
        raise ValueError("not a file in ORT format")
    root = int.from_bytes(data[:4], "little")
    session = _read(Table(data, root), "InferenceSession")
    builder = flatbuffers.Builder(len(data) + 1024)
    builder.Finish(_write(builder, session, "InferenceSession"), IDENTIFIER)
    return bytes(builder.Output())


def _read(table: Table, name: str) -> list[Any]:
    """The fields of a table by slot; None where a field is absent."""
    schema = SCHEMA[name]
    vtable = table.Pos - table.Get(numbers.SOffsetTFlags, table.Pos)
    slots = (table.Get(numbers.VOffsetTFlags, vtable) - 4) // 2
    if any(table.Offset(4 + 2 * slot) for slot in range(len(schema), slots)):
        raise ValueError(f"{name} has fields of a newer ORT format")
    fields: list[Any] = []
    for slot, kind in enumerate(schema):
        offset = table.Offset(4 + 2 * slot)
        if not offset:
            fields.append(None)
        elif kind == DEPRECATED:
            raise ValueError(f"{name} has a field in slot {slot} that is deprecated")
        elif kind == UNION:
            inner = Table(b"", 0)
            table.Union(inner, offset)
            fields.append(_read(inner, _UNION_TABLES[fields[slot - 1]]))
        else:
            fields.append(_field(table, offset, kind))
    return fields


def _field(table: Table, offset: int, kind: Any) -> Any:
    at = table.Pos + offset
    if isinstance(kind, type):
        return table.Get(kind, at)
    if kind == TEXT:
        return bytes(table.String(at))
    if isinstance(kind, Sub) and not kind.many:
        return _read(Table(table.Bytes, table.Indirect(at)), kind.table)
    start, count = table.Vector(offset), table.VectorLen(offset)
    if isinstance(kind, Raw):
        return bytes(table.Bytes[start : start + count * kind.size])
    if kind == TEXTS:
        return [bytes(table.String(start + 4 * i)) for i in range(count)]
    made = [
        _read(Table(table.Bytes, table.Indirect(start + 4 * i)), kind.table) for i in range(count)
    ]
    return made if kind.key is None else sorted(made, key=lambda fields: fields[kind.key] or b"")


def _write(builder: Any, fields: list[Any], name: str) -> int:
    """Write what a table points to, then the table; returns its offset."""
    ready = []
    for slot, (kind, value) in enumerate(zip(SCHEMA[name], fields, strict=True)):
        if value is None or isinstance(kind, type):
            ready.append(value)
        elif kind == UNION:
            ready.append(_write(builder, value, _UNION_TABLES[fields[slot - 1]]))
        else:
            ready.append(_write_field(builder, value, kind))
    builder.StartObject(len(fields))
    for slot, (kind, value) in enumerate(zip(SCHEMA[name], ready, strict=True)):
        if value is None:
            continue
        if isinstance(kind, type):
            builder.PrependSlot(kind, slot, value, None)  # no default: what was there is written
        else:
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
    return int(builder.EndObject())


def _write_field(builder: Any, value: Any, kind: Any) -> int:
    if kind == TEXT:
        return int(builder.CreateSharedString(value))
    if isinstance(kind, Raw):
        return _write_raw(builder, value, kind)
    if kind == TEXTS:
        offsets = [builder.CreateSharedString(text) for text in value]
    elif kind.many:
        offsets = [_write(builder, fields, kind.table) for fields in value]
    else:
        return _write(builder, value, kind.table)
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _write_raw(builder: Any, value: bytes, kind: Raw) -> int:
    builder.StartVector(kind.size, len(value) // kind.size, kind.align)
    builder.head = builder.Head() - len(value)
    builder.Bytes[builder.Head() : builder.Head() + len(value)] = value
    return int(builder.EndVector())
