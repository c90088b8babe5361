from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from export import (
    ArtifactError,
    ComponentEntry,
    ManifestError,
    PreviewEntry,
    SamplerEntry,
    StyleEntry,
)
from sdk_bindings import (
    KOTLIN,
    SWIFT,
    Language,
    LibraryError,
    UnsuitableArtifactError,
    open_bundle,
    render,
)
from tests.sdk_bindings.conftest import SHAPES, MakeArtifact, tensor_specs

TEMPLATE = """\
{{ version }} {{ model_kind }} {{ manifest_sha256 }}
{% for style in manifest.styles %}
case {{ style.name | camel }} = {{ style.title | swift_string }}
{% endfor %}
{% for rule in rules %}
{{ rule.name }} {{ rule.min }} {{ rule.max }}
{% endfor %}
{% for file in files %}
{{ file.path }} {{ file.bytes }} {{ file.sha256 }}
{% endfor %}
{{ manifest.sampler.timesteps | join(",") }} {{ manifest.components[0].inputs[0].shape }}
"""


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    folder.mkdir()
    for language in (SWIFT, KOTLIN):
        (folder / language.template).write_text(TEMPLATE)
    return folder


def test_the_generated_file_says_what_the_manifest_says(
    make_artifact: MakeArtifact, templates: Path
) -> None:
    bundle = open_bundle(make_artifact(), KOTLIN)
    text = render(bundle, KOTLIN, templates).decode()
    digest = bundle.facts()["manifest_sha256"]
    assert text.startswith(f"0.1.0 onnx {digest}\ncase lorelei = ")
    assert 'case openPeeps = "Open Peeps"\n' in text and "count 1.0 10.0\n" in text
    (card,) = (entry for entry in bundle.files if entry.path == "README.md")
    assert f"README.md {card.bytes} {card.sha256}\n" in text
    assert text.endswith("1000.0,500.0 [4, 3, 24, 24]\n")
    assert render(bundle, KOTLIN, templates).decode() == text


def test_an_app_takes_models_of_one_kind_and_the_card(make_artifact: MakeArtifact) -> None:
    folder = make_artifact()
    paths = [entry.path for entry in open_bundle(folder, KOTLIN).files]
    assert paths == ["README.md", *(f"{name}.onnx" for name in sorted(SHAPES))]
    paths = [entry.path for entry in open_bundle(folder, SWIFT, "ort").files]
    assert paths == ["README.md", *(f"{name}.ort" for name in sorted(SHAPES))]


def test_a_core_ml_package_is_taken_file_by_file(make_artifact: MakeArtifact) -> None:
    folder = make_artifact("coreml", kinds=("mlpackage",), format="coreml")
    paths = [entry.path for entry in open_bundle(folder, SWIFT).files]
    assert paths[1:3] == ["decoder.mlpackage/Data/weight.bin", "decoder.mlpackage/Manifest.json"]


def test_the_facts_are_those_of_the_app_and_no_machines(make_artifact: MakeArtifact) -> None:
    """Golden outputs differ in their last bits between machines. Generated files must not."""
    one = open_bundle(make_artifact("one", golden=b"1"), KOTLIN)
    other = open_bundle(make_artifact("other", golden=b"2"), KOTLIN)
    assert one.manifest != other.manifest
    assert one.facts() == other.facts()
    assert "golden" not in json.dumps(one.facts())
    assert one.facts()["manifest"]["components"][0]["models"] == {"onnx": "identity_encoder.onnx"}


def test_the_hash_is_that_of_what_the_app_takes(make_artifact: MakeArtifact) -> None:
    folder = make_artifact("one")
    other = make_artifact("other", checkpoint="b" * 64)
    digests = {
        open_bundle(where, KOTLIN, kind).facts()["manifest_sha256"]
        for where, kind in ((folder, "onnx"), (folder, "ort"), (other, "onnx"))
    }
    assert len(digests) == 3


def test_a_preview_is_cut_to_digits_that_machines_share(make_artifact: MakeArtifact) -> None:
    rows = tuple((0.1234561, -0.00001, 0.2) for _ in range(5))
    preview = PreviewEntry(matrix=rows, offset=(0.5004999, 0.0, 1.0))
    folder = make_artifact(preview=preview)
    swift, kotlin = (render(open_bundle(folder, each), each).decode() for each in (SWIFT, KOTLIN))
    assert "[0.123, 0.0, 0.2]," in swift and "offset: [0.5, 0.0, 1.0])," in swift
    assert "listOf(0.123f, 0.0f, 0.2f)," in kotlin


def test_a_table_with_fresh_noise_has_two_more_lists(make_artifact: MakeArtifact) -> None:
    noisy = replace(EULER, downs=(0.5,), noises=(0.25,))
    folder = make_artifact(sampler=replace(EULER, also=(noisy,)))
    swift, kotlin = (render(open_bundle(folder, each), each).decode() for each in (SWIFT, KOTLIN))
    assert swift.count("downs: [0.5],\n        noises: [0.25]),\n") == 1
    assert kotlin.count("downs = listOf(0.5f),") == kotlin.count("noises = listOf(0.25f),") == 1


@pytest.mark.parametrize("language", [SWIFT, KOTLIN], ids=lambda language: language.name)
def test_an_app_learns_that_a_model_takes_aligned_faces(
    make_artifact: MakeArtifact, language: Language
) -> None:
    folders = make_artifact("square"), make_artifact("aligned", selfie_crop="arcface")
    square, aligned = (render(open_bundle(each, language), language) for each in folders)
    line = rb"takesAlignedFaces( =|:) true,\n"
    assert re.search(line, aligned) and b"takesAlignedFaces" not in square


@pytest.mark.parametrize("language", [SWIFT, KOTLIN], ids=lambda language: language.name)
def test_styles_say_what_they_have_and_end_no_comment(
    make_artifact: MakeArtifact, language: Language
) -> None:
    mine = StyleEntry(
        name="clay", title="Clay\nfigure */", tier="plus", licence="MIT", creator="", source=""
    )
    text = render(open_bundle(make_artifact(styles=(mine,)), language), language).decode()
    assert "MAX" not in text and "Lorelei" not in text
    if language is SWIFT:
        assert "  /// Clay figure * /, MIT.\n  case clay\n" in text
    else:
        assert '    CLAY(\n        id = "clay",\n' in text


# ---- what no app can use is refused before anything is written


def test_a_changed_byte_is_refused(make_artifact: MakeArtifact) -> None:
    folder = make_artifact()
    (folder / "decoder.onnx").write_bytes(b"decoder as onnX")
    with pytest.raises(ArtifactError, match=r"decoder\.onnx was changed"):
        open_bundle(folder, KOTLIN)


def test_a_changed_golden_vector_is_refused_too(make_artifact: MakeArtifact) -> None:
    folder = make_artifact()
    (folder / "golden" / "run.safetensors").write_bytes(b"goldeN")
    with pytest.raises(ArtifactError, match="was changed"):
        open_bundle(folder, KOTLIN)


def test_another_schema_version_is_refused(make_artifact: MakeArtifact) -> None:
    folder = make_artifact()
    values = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**values, "schema_version": 99}))
    with pytest.raises(ManifestError, match="schema version 99, this reads"):
        open_bundle(folder, KOTLIN)


EULER = SamplerEntry(prediction="velocity", guidance=1.0, timesteps=(1.0,), sigmas=(1.0, 0.0))


def component(name: str, *, inputs: dict[str, tuple[int, ...]] | None = None) -> ComponentEntry:
    """Return an entry with these inputs, or those of the avatar model's component."""
    known, outputs = SHAPES.get(name, ({}, {}))
    return ComponentEntry(
        name=name,
        description="",
        models={"onnx": f"{name if name in SHAPES else 'decoder'}.onnx"},
        ops=1,
        inputs=tensor_specs(known if inputs is None else inputs),
        outputs=tensor_specs(outputs),
    )


def changed(name: str, tensor: str, shape: tuple[int, ...]) -> tuple[ComponentEntry, ...]:
    """Return the avatar model's components, one of them with another input."""
    return tuple(
        component(part, inputs={**inputs, tensor: shape} if part == name else None)
        for part, (inputs, _) in SHAPES.items()
    )


def test_the_class_of_the_pipeline_does_not_matter(make_artifact: MakeArtifact) -> None:
    bundle = open_bundle(make_artifact(pipeline="SomebodysPipeline"), KOTLIN)
    assert bundle.manifest.pipeline == "SomebodysPipeline"


def style(name: str) -> StyleEntry:
    return StyleEntry(name=name, title="", tier="free", licence="", creator="")


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"components": (component("unet"),)}, None, "has unet, expected an avatar model with"),
        ({"components": changed("decoder", "x", (1,))}, None, "decoder takes latents, x, expected"),
        (
            {"components": changed("decoder", "latents", (1, 4, 6, 6))},
            None,
            r"latents of decoder is \[1, 4, 6, 6\], expected \[1, 5, 6, 6\]",
        ),
        (
            {"components": changed("identity_encoder", "selfies", (4, 3, 24, 20))},
            None,
            r"selfies of identity_encoder is .* expected \[4, 3, 20, 20\]",
        ),
        ({"styles": ()}, None, "names no style, expected at least one"),
        ({"sampler": replace(EULER, prediction="epsilon")}, None, "expected Euler steps of"),
        ({"sampler": replace(EULER, sigmas=())}, None, "expected Euler steps of"),
        ({"sampler": None}, None, "names no sampler"),
        ({"selfie_rules": ()}, None, "names no selfie rules.*python -m export onnx --out"),
        ({"kinds": ("mlpackage",)}, None, "has mlpackage models, the Kotlin library runs onnx"),
        ({"kinds": ("onnx",)}, "ort", "has no ort model of identity_encoder, it has onnx"),
        ({"options": {"components": "decoder"}}, None, "has only some components"),
        ({"styles": (style("a-b"), style("a_b"))}, None, "'a-b' and 'a_b'.*one name in code"),
    ],
)
def test_an_artifact_that_does_not_suit(
    make_artifact: MakeArtifact, changes: dict[str, object], kind: str | None, message: str
) -> None:
    with pytest.raises(UnsuitableArtifactError, match=message) as caught:
        open_bundle(make_artifact(**changes), KOTLIN, kind)
    assert "\n" not in str(caught.value)


def test_a_fact_that_a_template_asks_for_in_vain_is_an_error(
    make_artifact: MakeArtifact, templates: Path
) -> None:
    (templates / KOTLIN.template).write_text("{{ manifest.golden }}")
    with pytest.raises(Exception, match="golden"):
        render(open_bundle(make_artifact(), KOTLIN), KOTLIN, templates)


def test_a_missing_template_is_named(make_artifact: MakeArtifact, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"Bundled\.kt\.j2"):
        render(open_bundle(make_artifact(), KOTLIN), KOTLIN, tmp_path)
