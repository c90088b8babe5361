from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import TensorSpec
from export import ComponentEntry, FileEntry, GoldenEntry, Manifest, ManifestError

NAME = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
TEXT = st.text(max_size=20)
SHA = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
NUMBER = st.floats(-1e6, 1e6, allow_nan=False)
SPEC = st.builds(
    TensorSpec,
    name=NAME,
    shape=st.lists(st.integers(1, 512), max_size=4).map(tuple),
    dtype=st.sampled_from(["float32", "int32"]),
    range=st.none() | st.tuples(NUMBER, NUMBER),
    image=st.booleans(),
    description=TEXT,
)
COMPONENT = st.builds(
    ComponentEntry,
    name=NAME,
    description=TEXT,
    models=st.dictionaries(NAME, NAME, min_size=1, max_size=2),
    ops=st.integers(0, 999),
    inputs=st.lists(SPEC, max_size=3).map(tuple),
    outputs=st.lists(SPEC, max_size=2).map(tuple),
)


def named(style: dict[str, str]) -> dict[str, str]:
    return {"name": "s", **style}


MANIFEST = st.builds(
    Manifest,
    format=st.sampled_from(["coreml", "onnx"]),
    version=TEXT,
    pipeline=TEXT,
    licence=TEXT,
    options=st.dictionaries(NAME, TEXT, max_size=2),
    checkpoint=SHA,
    recipe=st.none() | SHA,
    tools=st.dictionaries(NAME, TEXT, max_size=2),
    styles=st.lists(st.dictionaries(NAME, TEXT, max_size=3).map(named), max_size=2).map(tuple),
    sampler=st.dictionaries(NAME, st.lists(NUMBER, max_size=3) | TEXT | NUMBER, max_size=3),
    components=st.lists(COMPONENT, min_size=1, max_size=2).map(tuple),
    selfie_rules=st.lists(
        st.fixed_dictionaries(
            {"name": NAME, "min": st.none() | NUMBER, "max": st.none() | NUMBER, "about": TEXT}
        ),
        max_size=2,
    ).map(tuple),
    golden=st.builds(
        GoldenEntry,
        seed=st.integers(0, 9),
        run=NAME,
        components=st.dictionaries(NAME, NAME, max_size=2),
    ),
    files=st.lists(
        st.builds(FileEntry, path=NAME, bytes=st.integers(0, 2**40), sha256=SHA), max_size=3
    ).map(tuple),
)


@settings(max_examples=30)
@given(MANIFEST)
def test_reading_gives_what_was_written(manifest: Manifest) -> None:
    assert Manifest.parse(manifest.dump()) == manifest
    assert Manifest.parse(manifest.dump()).dump() == manifest.dump()


GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["coreml", "onnx", "coreml_recipe", "onnx_stable_diffusion"])
def test_a_manifest_of_an_earlier_export_is_read_and_written_to_the_same_bytes(name: str) -> None:
    data = (GOLDEN / f"{name}.json").read_bytes()
    assert Manifest.parse(data).dump() == data


def test_a_manifest_older_than_the_selfie_rules_is_read() -> None:
    values = json.loads(EXAMPLE.dump())
    assert values.pop("selfie_rules") == [] and values["schema_version"] == 1
    assert Manifest.parse(json.dumps(values).encode()) == EXAMPLE


EXAMPLE = Manifest(
    format="onnx",
    version="1",
    pipeline="P",
    licence="MIT",
    options={},
    checkpoint="0" * 64,
    tools={},
    styles=(),
    sampler={},
    components=(
        ComponentEntry(
            name="a", description="", models={"onnx": "a"}, ops=1, inputs=(), outputs=()
        ),
    ),
    golden=GoldenEntry(seed=0, run="run", components={}),
    files=(FileEntry(path="a", bytes=1, sha256="f" * 64),),
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 2}, "schema version 2, this reads 1"),
        ({"schema_version": None}, "schema version None"),
        ({"unknown": 1}, "malformed"),
        ({"schema_version": True}, "schema_version is True, expected int"),
        ({"components": 3}, "malformed"),
        ({"components": []}, "names no component"),
        ({"sampler": "x"}, "the manifest.sampler is 'x', expected dict"),
        ({"sampler": {"guidance": math.nan}}, "not JSON: it has the number NaN"),
        ({"options": {"precision": 16}}, r"the manifest.options.precision is 16, expected str"),
        ({"styles": [{"title": "x"}]}, "a style without a name"),
        ({"styles": ["x"]}, "a style without a name"),
        ({"styles": ["name"]}, r"styles\[0\] is 'name', expected dict"),
        ({"licence": "\ud800"}, "malformed"),
        ({"files": [{"path": "a", "bytes": "1", "sha256": "f" * 64}]}, "malformed"),
        ({"files": [{"path": "a", "bytes": 1.5, "sha256": "f" * 64}]}, r"files\[0\].bytes is 1.5"),
        ({"files": [{"path": "a"}]}, "malformed"),
        ({"files": [{"path": "../a", "bytes": 1, "sha256": "f" * 64}]}, "leads outside"),
        ({"files": [{"path": "/etc/hostname", "bytes": 1, "sha256": "f" * 64}]}, "leads outside"),
        ({"files": [{"path": "C:\\a", "bytes": 1, "sha256": "f" * 64}]}, "leads outside"),
        ({"files": [{"path": "a", "bytes": 1, "sha256": "F" * 64}]}, "no valid size and hash"),
        ({"files": [{"path": "a", "bytes": -1, "sha256": "f" * 64}]}, "no valid size and hash"),
    ],
)
def test_what_is_no_manifest_is_one_clear_line(change: dict[str, object], message: str) -> None:
    values = {**json.loads(EXAMPLE.dump()), **change}
    with pytest.raises(ManifestError, match=message) as caught:
        Manifest.parse(json.dumps(values).encode())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"3", b"\xff\xfe"])
def test_bytes_that_are_no_manifest(data: bytes) -> None:
    with pytest.raises(ManifestError):
        Manifest.parse(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_cleanly(data: bytes) -> None:
    with pytest.raises(ManifestError):
        Manifest.parse(data)


@pytest.mark.parametrize("missing", ["format", "files", "components", "sampler", "golden"])
def test_a_missing_field_is_named(missing: str) -> None:
    values = json.loads(EXAMPLE.dump())
    del values[missing]
    with pytest.raises(ManifestError, match=missing):
        Manifest.parse(json.dumps(values).encode())


def test_components_are_found_by_name() -> None:
    assert EXAMPLE.component("a").ops == 1
    with pytest.raises(ManifestError, match=r"no component 'b'; there are a"):
        EXAMPLE.component("b")


def test_a_model_outside_is_refused() -> None:
    with pytest.raises(ManifestError, match="leads outside"):
        replace(EXAMPLE.components[0], models={"onnx": "../x.onnx"})
    with pytest.raises(ManifestError, match="no model"):
        replace(EXAMPLE.components[0], models={})
