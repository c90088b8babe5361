"""The size that an app grows by is measured, or the table says that it is not."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from sdk_bindings import KOTLIN, SWIFT, open_bundle
from sdk_bindings.size import Part, growth
from tests.sdk_bindings.conftest import SHAPES, MakeArtifact


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    for path, size in (
        *(("core/src/main/kotlin/A.kt", 100), ("android/src/main/kotlin/B.kt", 20)),
        *(("core/src/test/kotlin/ATest.kt", 1000), ("Sources/AvatarStudio/A.swift", 7)),
        *(("Sources/avatar-example/main.swift", 1000), ("android/target/sdk.aar", 50)),
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(bytes(size))
    return folder


def weigh(parts: tuple[Part, ...]) -> dict[str, int | None]:
    return {part.name: part.bytes for part in parts}


def test_kotlin_without_its_runtime_says_so(
    make_artifact: MakeArtifact, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAVEN_REPOSITORY", str(library / "nowhere"))
    bundle = open_bundle(make_artifact(), KOTLIN)
    parts = growth(bundle, KOTLIN, library)
    model = len("# Model card\n") + sum(len(f"{name} as onnx") for name in SHAPES)
    assert weigh(parts) == {
        "library, source": 120,
        "library, sdk.aar": 50,
        "model": model,
        "runtime": None,
    }
    assert "not on this machine" in parts[-1].about and "required_operators" in parts[-1].about


def test_the_runtime_of_the_build_is_weighed_where_maven_has_it(
    make_artifact: MakeArtifact, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = library / "m2" / "com/microsoft/onnxruntime/onnxruntime/1.28.0"
    where.mkdir(parents=True)
    with zipfile.ZipFile(where / "onnxruntime-1.28.0.jar", "w") as jar:
        jar.writestr("ai/onnxruntime/native/linux-x64/libonnxruntime.so", bytes(4321))
        jar.writestr("ai/onnxruntime/native/win-x64/onnxruntime.dll", bytes(9))
    (library / "pom.xml").write_text("<onnxruntime.version>1.28.0</onnxruntime.version>")
    monkeypatch.setenv("MAVEN_REPOSITORY", str(library / "m2"))
    *_, runtime = growth(open_bundle(make_artifact(), KOTLIN), KOTLIN, library)
    assert runtime.bytes == 4321 and "for Linux" in runtime.about and "phone's" in runtime.about


def test_core_ml_costs_nothing_and_the_example_is_no_part_of_an_app(
    make_artifact: MakeArtifact, library: Path
) -> None:
    folder = make_artifact("coreml", kinds=("mlpackage",), format="coreml")
    parts = weigh(growth(open_bundle(folder, SWIFT), SWIFT, library))
    assert parts["library, source"] == 7 and parts["runtime"] == 0
