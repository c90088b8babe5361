from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import TensorSpec
from export import (
    ComponentEntry,
    FileEntry,
    GoldenEntry,
    Manifest,
    ManifestError,
    SamplerEntry,
    SamplerTableEntry,
    SelfieRuleEntry,
    StyleEntry,
)
from export.manifest import json_schema
from tests.shipped_artifacts import shipped_artifact

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


STYLE = st.builds(
    StyleEntry,
    **{field.name: NAME if field.name == "name" else TEXT for field in fields(StyleEntry)},
)
NUMBERS = st.lists(st.integers(-1000, 1000) | NUMBER, max_size=3).map(tuple)
TABLE = {"prediction": TEXT, "guidance": NUMBER, "timesteps": NUMBERS, "sigmas": NUMBERS}
SAMPLER = st.builds(
    SamplerEntry,
    **TABLE,
    kind=st.sampled_from(["", "ddim"]),
    also=st.lists(st.builds(SamplerTableEntry, **TABLE), max_size=2).map(tuple),
)
RULE = st.builds(
    SelfieRuleEntry, name=NAME, min=st.none() | NUMBER, max=st.none() | NUMBER, about=TEXT
)
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
    styles=st.lists(STYLE, max_size=2).map(tuple),
    sampler=SAMPLER,
    components=st.lists(COMPONENT, min_size=1, max_size=2).map(tuple),
    selfie_rules=st.lists(RULE, max_size=2).map(tuple),
    selfie_crop=st.sampled_from([None, "arcface"]),
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
    jsonschema.validate(json.loads(manifest.dump()), SCHEMA)


GOLDEN = Path(__file__).parent / "golden"
SCHEMA = json.loads(json_schema())
PUBLISHED = Path(__file__).parents[2] / "docs" / "schemas" / "manifest.schema.json"


@pytest.mark.parametrize("name", ["coreml", "onnx", "coreml_recipe", "onnx_stable_diffusion"])
def test_a_manifest_of_an_earlier_export_is_read_and_written_to_the_same_bytes(name: str) -> None:
    data = (GOLDEN / f"{name}.json").read_bytes()
    assert Manifest.parse(data).dump() == data
    jsonschema.validate(json.loads(data), json.loads(PUBLISHED.read_bytes()))


def test_the_published_schema_is_that_of_the_records() -> None:
    """`python -m export schema` writes it anew."""
    assert PUBLISHED.read_bytes() == json_schema()
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.slow
@pytest.mark.parametrize("format_", ["coreml", "onnx"])
def test_the_manifest_of_the_shipped_export_fits_the_published_schema(
    format_: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = shipped_artifact(format_, tmp_path_factory)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    jsonschema.validate(manifest, json.loads(PUBLISHED.read_bytes()))


def test_what_a_sampler_has_not_is_left_out() -> None:
    sampler = json.loads(EXAMPLE.dump())["sampler"]
    assert sampler.keys() == {"guidance", "prediction", "sigmas", "timesteps"}


def test_centre_squares_are_left_out() -> None:
    assert "selfie_crop" not in json.loads(EXAMPLE.dump())
    assert b'"selfie_crop": "arcface"' in replace(EXAMPLE, selfie_crop="arcface").dump()


def test_whole_numbers_stay_whole() -> None:
    data = EXAMPLE.dump().replace(b'"guidance": 1.0', b'"guidance": 1')
    assert data != EXAMPLE.dump() and Manifest.parse(data).dump() == data


def test_a_manifest_older_than_the_selfie_rules_is_read() -> None:
    values = json.loads(EXAMPLE.dump())
    assert values.pop("selfie_rules") == [] and values["schema_version"] == 2
    assert Manifest.parse(json.dumps(values).encode()) == EXAMPLE


def test_a_manifest_of_the_first_schema_version_stays_one() -> None:
    values = {**json.loads(EXAMPLE.dump()), "schema_version": 1}
    jsonschema.validate(values, SCHEMA)
    parsed = Manifest.parse(json.dumps(values).encode())
    assert json.loads(parsed.dump()) == values


def test_fresh_noise_and_a_preview_are_read_as_they_were_written() -> None:
    fresh = {"downs": [0.0, 0.0], "noises": [0.5, 0.0], "sigmas": [1.0, 0.5, 0.03125]}
    preview = {"matrix": [[0.5, 0.25, -1.0]], "offset": [0.5, 0.5, 0.25]}
    table = {**TABLE_VALUES, **fresh, "timesteps": [0.0, 1.0]}
    values = {**json.loads(EXAMPLE.dump()), "sampler": table, "preview": preview}
    jsonschema.validate(values, SCHEMA)
    assert json.loads(Manifest.parse(json.dumps(values).encode()).dump()) == values


@pytest.mark.parametrize("noises", [[], [0.5], [[0.5], [0.5]]])
def test_every_step_has_its_fresh_noise(noises: list[object]) -> None:
    fresh = {"downs": [0.0, 0.0], "noises": noises, "sigmas": [1.0, 0.5, 0.0]}
    table = {**TABLE_VALUES, **fresh, "timesteps": [0.0, 1.0]}
    values = {**json.loads(EXAMPLE.dump()), "sampler": table}
    with pytest.raises(ManifestError, match="a number of each for every timestep"):
        Manifest.parse(json.dumps(values).encode())


EXAMPLE = Manifest(
    format="onnx",
    version="1",
    pipeline="P",
    licence="MIT",
    options={},
    checkpoint="0" * 64,
    tools={},
    styles=(),
    sampler=SamplerEntry(
        prediction="velocity", guidance=1.0, timesteps=(1000.0,), sigmas=(1.0, 0.0)
    ),
    components=(
        ComponentEntry(
            name="a", description="", models={"onnx": "a"}, ops=1, inputs=(), outputs=()
        ),
    ),
    golden=GoldenEntry(seed=0, run="run", components={}),
    files=(FileEntry(path="a", bytes=1, sha256="f" * 64),),
)


TABLE_VALUES = json.loads(EXAMPLE.dump())["sampler"]
COMPONENT_WITHOUT_MODELS = {**json.loads(EXAMPLE.dump())["components"][0], "models": {}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 3}, "has schema version 3, this reads 1 and 2"),
        ({"schema_version": None}, "has schema version None"),
        ({"schema_version": True}, "has schema version True"),
        ({"unknown": 1}, "has an unknown field 'unknown'"),
        ({"components": 3}, "components is 3"),
        ({"components": []}, "names no component"),
        ({"components": [COMPONENT_WITHOUT_MODELS]}, "names no model of 'a'"),
        ({"checkpoint": "abc"}, "checkpoint is 'abc', expected a SHA-256"),
        ({"sampler": "x"}, "sampler is 'x'"),
        ({"sampler": {}}, r"has no field 'sampler.prediction'"),
        ({"sampler": {**TABLE_VALUES, "guidance": True}}, r"sampler\.guidance is True"),
        ({"sampler": {**TABLE_VALUES, "timesteps": "12"}}, r"sampler\.timesteps is '12'"),
        ({"sampler": {**TABLE_VALUES, "timesteps": ["1"]}}, r"sampler\.timesteps\[0\] is '1'"),
        ({"sampler": {**TABLE_VALUES, "also": None}}, r"sampler\.also is None"),
        ({"options": {"precision": 16}}, r"options\.precision is 16"),
        ({"styles": [{"title": "x"}]}, r"has no field 'styles\[0\]\.name'"),
        ({"styles": ["x"]}, r"styles\[0\] is 'x'"),
        ({"selfie_crop": "centre"}, r"selfie_crop is"),
        ({"selfie_rules": [{"name": "x", "about": "", "min": "1"}]}, r"selfie_rules\[0\]\.min is"),
        ({"files": [{"path": "a", "bytes": "1", "sha256": "f" * 64}]}, r"files\[0\]\.bytes is '1'"),
        ({"files": [{"path": "a", "bytes": 1.5, "sha256": "f" * 64}]}, r"files\[0\]\.bytes is 1.5"),
        ({"files": [{"path": "a"}]}, r"has no field 'files\[0\]\.bytes'"),
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
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values, SCHEMA)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"licence": "\ud800"}, "not JSON"),
        ({"sampler": {"guidance": math.nan}}, "not JSON: it has the number NaN"),
    ],
)
def test_what_is_not_json_is_refused(change: dict[str, object], message: str) -> None:
    values = {**json.loads(EXAMPLE.dump()), **change}
    with pytest.raises(ManifestError, match=message):
        Manifest.parse(json.dumps(values).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"3", b"\xff\xfe"])
def test_bytes_that_are_no_manifest(data: bytes) -> None:
    with pytest.raises(ManifestError):
        Manifest.parse(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_cleanly(data: bytes) -> None:
    with pytest.raises(ManifestError):
        Manifest.parse(data)


@pytest.mark.parametrize("missing", ["format", "files", "components", "tools", "golden"])
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
