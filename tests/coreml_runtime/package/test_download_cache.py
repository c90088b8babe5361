"""Tests packages in a download cache, where files are links to contents kept elsewhere in it."""

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import coreml_runtime
from coreml_runtime.errors import PackageError, PackagePathError
from coreml_runtime.inspection import random_inputs
from tests.coreml_runtime import seed_packages


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    paths = seed_packages.build(tmp_path_factory.mktemp("seeds"))
    return next(path for path in paths if path.stem == "network")


def _cache(source: Path, root: Path, blobs: str = "blobs") -> Path:
    """Store a package as Hugging Face's hub does; return its folder in the snapshot."""
    package = root / "snapshots" / "0123abcd" / source.name
    (root / blobs).mkdir(parents=True)
    for file in source.rglob("*"):
        if file.is_file():
            blob = root / blobs / hashlib.sha256(file.read_bytes()).hexdigest()
            shutil.copyfile(file, blob)
            link = package / file.relative_to(source)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(blob, link.parent))
    return package


def _same(one: Path, other: Path, **options: Path) -> None:
    model, again = coreml_runtime.load(one), coreml_runtime.load(other, **options)
    given = random_inputs(model.inputs, 0)
    wanted, have = model.predict(given), again.predict(given)
    assert wanted.keys() == have.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(have[name], value)


def test_links_into_the_cache_around_the_package(source: Path, tmp_path: Path) -> None:
    _same(source, _cache(source, tmp_path / "models--a--b"))


def test_cache_reached_by_a_link(source: Path, tmp_path: Path) -> None:
    package = _cache(source, tmp_path / "disk" / "models--a--b")
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    _same(source, tmp_path / "link" / package.relative_to(tmp_path / "disk"))


def test_links_into_a_cache_that_the_user_names(source: Path, tmp_path: Path) -> None:
    package = _cache(source, tmp_path / "cache", blobs="contents")
    with pytest.raises(PackagePathError, match="leads out of the package by a link"):
        coreml_runtime.load(package)
    _same(source, package, cache=tmp_path / "cache")
    with pytest.raises(PackagePathError, match="leads out of the package by a link"):
        coreml_runtime.load(package, cache=tmp_path / "cache" / "snapshots")
    with pytest.raises(PackageError, match="cannot be opened"):
        coreml_runtime.load(package, cache=tmp_path / "nowhere")


@pytest.mark.parametrize("part", ["Manifest.json", "*.mlmodel", "weight*.bin"])
def test_link_out_of_the_cache_is_refused(source: Path, tmp_path: Path, part: str) -> None:
    package = _cache(source, tmp_path / "models--a--b")
    link = next(package.rglob(part))
    outside = tmp_path / "outside"
    shutil.copyfile(link, outside)
    link.unlink()
    link.symlink_to(outside)
    with pytest.raises(PackagePathError, match="leads out of the package by a link") as caught:
        coreml_runtime.load(package)
    assert "\n" not in str(caught.value)


def test_link_to_nothing_is_refused(source: Path, tmp_path: Path) -> None:
    package = _cache(source, tmp_path / "models--a--b")
    shutil.rmtree(tmp_path / "models--a--b" / "blobs")
    with pytest.raises(PackageError):
        coreml_runtime.load(package)
