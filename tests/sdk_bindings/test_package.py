from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sdk_bindings import KOTLIN, SWIFT, LibraryError, open_bundle, publish_package
from sdk_bindings.bundle import Bundle
from support.errors import PublishError
from tests.sdk_bindings.conftest import SHAPES, MakeArtifact

Publish = Callable[..., int]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return a library as on a developer's disk, with files that builds left there."""
    folder = tmp_path / "library"
    for path in (
        *("Package.swift", "Sources/AvatarStudio/Studio.swift", "golden/mine.png"),
        *("core/src/main/kotlin/pocketavatar/Noise.kt", "core/target/core.jar", ".build/debug.o"),
        *(KOTLIN.generated, "artifact/stale.onnx", "gradle/wrapper.properties", "gradlew"),
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    (folder / "gradlew").chmod(0o700)
    return folder


@pytest.fixture
def publish(tmp_path: Path, library: Path) -> Publish:
    golden, templates = tmp_path / "vectors", tmp_path / "templates"
    (golden / "artifact").mkdir(parents=True)
    (golden / "noise.safetensors").write_bytes(b"noise")
    (golden / "artifact" / "stale").write_bytes(b"")
    templates.mkdir()
    for language in (SWIFT, KOTLIN):
        (templates / language.template).write_text("// {{ manifest_sha256 }}\n")

    def call(bundle: Bundle, out: Path, **changes: object) -> int:
        options = {"golden": golden, "library": library, "templates": templates, **changes}
        return publish_package(bundle, KOTLIN, out, **options)  # type: ignore[arg-type]

    return call


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_package_is_library_artifact_generated_file_and_golden_vectors(
    make_artifact: MakeArtifact, publish: Publish, tmp_path: Path
) -> None:
    bundle = open_bundle(make_artifact(), KOTLIN)
    total = publish(bundle, tmp_path / "kotlin")
    files = content(tmp_path / "kotlin")
    assert set(files) == {
        *("Package.swift", "Sources/AvatarStudio/Studio.swift", "gradle/wrapper.properties"),
        *("core/src/main/kotlin/pocketavatar/Noise.kt", "gradlew", KOTLIN.generated),
        *("artifact/README.md", *(f"artifact/{name}.onnx" for name in SHAPES)),
        *("golden/noise.safetensors", "golden/artifact/manifest.json"),
        *(f"golden/artifact/{name}.safetensors" for name in ("run", *SHAPES)),
        *("required_operators_and_types.config", "pocket-avatar.json"),
    }
    assert files[KOTLIN.generated] == f"// {bundle.facts()['manifest_sha256']}\n".encode()
    assert (tmp_path / "kotlin" / "gradlew").stat().st_mode & 0o777 == 0o755
    listing = json.loads(files.pop("pocket-avatar.json"))
    assert {entry["path"]: entry["sha256"] for entry in listing["files"]} == {
        path: hashlib.sha256(data).hexdigest() for path, data in files.items()
    }
    assert total == sum(map(len, files.values()))


def test_the_same_inputs_give_the_same_bytes(
    make_artifact: MakeArtifact, publish: Publish, tmp_path: Path, library: Path
) -> None:
    bundle = open_bundle(make_artifact(), KOTLIN)
    publish(bundle, tmp_path / "one")
    for path in sorted(library.rglob("*")):
        path.touch()
    (library / "core" / "target" / "more.jar").write_text("built meanwhile")
    publish(bundle, tmp_path / "deep" / "other")
    assert content(tmp_path / "one") == content(tmp_path / "deep" / "other")


def test_an_older_package_is_replaced_whole(
    make_artifact: MakeArtifact, publish: Publish, tmp_path: Path
) -> None:
    bundle = open_bundle(make_artifact(), KOTLIN)
    publish(bundle, tmp_path / "kotlin")
    (tmp_path / "kotlin" / "left-over.txt").write_text("")
    publish(bundle, tmp_path / "kotlin")
    assert "left-over.txt" not in content(tmp_path / "kotlin")


def test_a_strangers_folder_is_left_alone(
    make_artifact: MakeArtifact, publish: Publish, tmp_path: Path
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Package.swift").write_text("years of work")
    with pytest.raises(PublishError, match=r"pocket-avatar\.json; it is left alone"):
        publish(open_bundle(make_artifact(), KOTLIN), tmp_path / "app")
    assert content(tmp_path / "app") == {"Package.swift": b"years of work"}


def test_what_fails_leaves_the_old_package(
    make_artifact: MakeArtifact, publish: Publish, tmp_path: Path, library: Path
) -> None:
    bundle = open_bundle(make_artifact(), KOTLIN)
    publish(bundle, tmp_path / "kotlin")
    before = content(tmp_path / "kotlin")
    (library / "link").symlink_to(library / "gradlew")
    with pytest.raises(LibraryError, match="is a link"):
        publish(bundle, tmp_path / "kotlin")
    assert content(tmp_path / "kotlin") == before
    assert not list(tmp_path.glob(".kotlin.staging"))


@pytest.mark.parametrize("missing", ["library", "golden", "templates"])
def test_what_is_missing_is_named(
    make_artifact: MakeArtifact, publish: Publish, tmp_path: Path, missing: str
) -> None:
    with pytest.raises(LibraryError, match="nowhere"):
        bundle = open_bundle(make_artifact(), KOTLIN)
        publish(bundle, tmp_path / "kotlin", **{missing: tmp_path / "nowhere"})
    assert not (tmp_path / "kotlin").exists()
