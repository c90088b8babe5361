"""The promises of docs/privacy.md hold for the whole project."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import onnxruntime
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from sdk_bindings import KOTLIN, LANGUAGES, Language

ROOT = Path(__file__).parents[2]
SENDS = Version("1.29.0")
"""The first ONNX Runtime whose official builds send telemetry by default."""

CLIENT = (b"events.data.microsoft.com", b"OneCollector", b"Microsoft12Applications6Events")
"""A string of the telemetry client. The library 1.31.1 contains it, and 1.28.0 does not."""


def test_the_range_ends_before_the_version_that_sends_telemetry() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (pin,) = (r for r in map(Requirement, project["dependencies"]) if r.name == "onnxruntime")
    assert not pin.specifier.contains(SENDS) and not pin.specifier.contains("1.31.1")
    assert pin.specifier.contains("1.28.0")


def test_the_tested_version_is_older() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    (version,) = re.findall(r"^onnxruntime==(.+)$", text, re.M)
    assert Version(version) < SENDS and Version(onnxruntime.__version__) < SENDS


@pytest.mark.skipif(not KOTLIN.library.is_dir(), reason="the Kotlin library is not in this tree")
def test_the_kotlin_builds_name_an_older_one() -> None:
    kinds = ("pom.xml", "*.gradle.kts", "gradle.properties")
    builds = [file for kind in kinds for file in KOTLIN.library.rglob(kind)]
    text = "\n".join(build.read_text(encoding="utf-8") for build in builds)
    found = re.findall(r"onnxruntime(?:\.version>|Version=|[-\w]*:)(\d[\d.]*)", text)
    assert found and all(Version(version) < SENDS for version in found)


def test_the_installed_library_holds_no_telemetry_client() -> None:
    libraries = [
        path
        for pattern in ("*.so*", "*.dylib", "*.pyd", "*.dll")
        for path in Path(onnxruntime.__file__).parent.rglob(pattern)
    ]
    assert libraries
    for library in libraries:
        data = library.read_bytes()
        assert not [sign for sign in CLIENT if sign in data], library.name


NETWORK = {
    "swift": r"URLSession|URLRequest|NSURLConnection|\bNW[A-Z]\w+|CFSocket|CFStream|CFNetwork|"
    r"FoundationNetworking|import Network\b|WebKit|\b(getaddrinfo|socket|connect|sendto)\(",
    "kotlin": r"\bjavax?\.net\.|\bandroid\.net\.(?!Uri\b)|okhttp|java\.nio\.channels\.\w*Socket|"
    r"android\.webkit|DownloadManager",
}
LOGS = {
    "swift": r"\bos_log|\bOSLog|\bNSLog|\bLogger\(|\b(debug)?[pP]rint\(|\bdump\(",
    "kotlin": r"android\.util\.Log|java\.util\.logging|slf4j|\bprintln?\(|printStackTrace",
}
"""APIs that open connections or write logs. The sources of the libraries use none of them."""


def sources(language: Language) -> dict[str, str]:
    """Return the sources that become part of an app, by path and without comments."""
    files = [
        file
        for folder in language.sources
        for file in (language.library / folder).rglob("*")
        if file.suffix in (".swift", ".kt", ".java")
    ]
    return {
        file.relative_to(language.library).as_posix(): re.sub(
            r"/\*.*?\*/|(?m://.*$)", "", file.read_text(encoding="utf-8"), flags=re.S
        )
        for file in files
    }


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=lambda language: language.name)
@pytest.mark.parametrize("patterns", [NETWORK, LOGS], ids=["networking", "logs"])
def test_the_sources_use_none_of_it(language: Language, patterns: dict[str, str]) -> None:
    if not language.library.is_dir():
        pytest.skip(f"there is no {language.library} in this tree")
    found = {
        path: match[0]
        for path, text in sources(language).items()
        if (match := re.search(patterns[language.name], text))
    }
    assert len(sources(language)) > 10 and found == {}


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("swift", "let (data, _) = try await URLSession.shared.data(from: url)"),
        ("swift", "import Network"),
        ("swift", "let link = NWConnection(host: host, port: 443, using: .tls)"),
        ("kotlin", "import java.net.URL"),
        ("kotlin", "import android.net.ConnectivityManager"),
        ("kotlin", "import okhttp3.OkHttpClient"),
    ],
)
def test_the_scan_fires(language: str, line: str) -> None:
    assert re.search(NETWORK[language], line)
    assert not re.search(NETWORK[language], "import android.net.Uri; the network runs")


def test_every_test_that_the_page_names_exists() -> None:
    page = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    for path in re.findall(r"ARGS=(tests/[\w/.]+)", page):
        assert (ROOT / path).exists(), path
    for name in re.findall(r"`(test_\w+\.py)`", page):
        assert (ROOT / "tests" / "sdk_bindings" / name).exists(), name
    named = set(re.findall(r"`(\w+Tests?)`", page))
    suites = [
        path.stem
        for language in ("swift", "kotlin")
        for path in (ROOT / "sdk_bindings" / language).rglob("*Test*.*")
        if path.suffix in (".swift", ".kt")
    ]
    if not suites:
        pytest.skip("the libraries are not in this tree")
    assert named <= set(suites)
