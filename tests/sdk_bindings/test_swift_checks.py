"""Static checks of the Swift library: networking, Apple's platforms, public API, privacy."""

from __future__ import annotations

import os
import plistlib
import re
from pathlib import Path

import pytest

from tests.sdk_bindings.swift_api import DUMPS, dump
from tests.sdk_bindings.swift_toolchain import PACKAGE, build, output_of, swift, why_missing

MISSING = why_missing()
needs_swift = pytest.mark.skipif(
    MISSING is not None and not os.environ.get("REQUIRE_TOOLCHAINS"), reason=str(MISSING)
)

SOURCES = sorted((PACKAGE / "Sources" / "AvatarStudio").rglob("*.swift"))
DECLARATIONS = PACKAGE / "Tests" / "AppleDeclarations"

NETWORKING = re.compile(
    r"""import\s+(?:FoundationNetworking|Network|CFNetwork|WebKit|MultipeerConnectivity|CloudKit)\b
    | \bURL(?:Session|Request|Connection|Protocol|Credential)\b
    | \b(?:NW|CF)(?:Connection|Listener|Stream|Socket|HTTP|Host)\w*
    | \bSocketPort\b | \bInputStream\b | \bOutputStream\b | \bHost\.current
    | \b(?:socket|connect|getaddrinfo|gethostbyname|sendto|recvfrom)\s*\(
    | \b(?:Data|NSData|String|NSString|NSArray|NSDictionary)\(contentsOf:  # opens any URL
    | https?://(?!cv\.iptc\.org/newscodes|ns\.adobe\.com/|www\.w3\.org/|iptc\.org/std/)
    """,
    re.VERBOSE,
)
"""Names that open connections, functions that open any URL, and addresses. The allowed addresses
are names of XMP's vocabularies, which no software opens."""

SYMBOLS = re.compile(
    r"\b(?:socket|connect|accept|bind|listen|send|sendto|sendmsg|recv|recvfrom|recvmsg|getaddrinfo|"
    r"gethostby\w+|res_\w+|curl_\w+|SSL_\w+|nw_\w+|CFStream\w+|CFHTTP\w+|CFSocket\w+)\b"
    r"|FoundationNetworking|URLSession|URLRequest"
)
"""The symbols of the C library and of Foundation that networking needs."""


def code_of(file: Path) -> str:
    """Return a Swift file without its comments."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return "\n".join(re.sub(r"(^|\s)//.*", "", line) for line in lines)


def test_no_source_names_networking() -> None:
    generated = PACKAGE / "Sources" / "AvatarStudio" / "Generated" / "Bundled.swift"
    found = {
        file.name: match.group()
        for file in SOURCES
        if file != generated and (match := NETWORKING.search(code_of(file)))
    }
    assert found == {}
    # The generated file holds the links of licences and creators as texts, and no other code.
    rest = re.sub(r'"https?://[^"]*"', '""', code_of(generated))
    assert not NETWORKING.search(rest) and len(SOURCES) > 30


@pytest.mark.parametrize(
    "planted",
    [
        "import FoundationNetworking",
        "URLSession.shared.dataTask(with: url)",
        "let data = try Data(contentsOf: url)",
        'let host = "https://example.com/collect"',
        "let connection = NWConnection(host: host, port: 443, using: .tls)",
        "let handle = socket(AF_INET, 1, 0)",
    ],
)
def test_the_scan_of_sources_sees(planted: str) -> None:
    assert NETWORKING.search(planted)


@needs_swift
@pytest.mark.slow
def test_no_built_object_links_networking(tmp_path: Path) -> None:
    build()
    objects = sorted((PACKAGE / ".build" / "release" / "AvatarStudio.build").glob("*.o"))
    assert objects
    found = swift("nm", "--undefined-only", *map(str, objects))
    assert found.returncode == 0, output_of(found)
    assert "explicit_bzero" in found.stdout  # the scan sees C functions
    assert SYMBOLS.findall(found.stdout) == []
    planted = tmp_path / "Planted.swift"
    planted.write_text(
        "import FoundationNetworking\nimport Foundation\n"
        "public func f(_ u: URL) { URLSession.shared.dataTask(with: u).resume() }\n"
        "public func g() -> Int32 { socket(2, 1, 0) }\n"
    )
    command = "swiftc -parse-as-library -c Planted.swift -o Planted.o && nm -u Planted.o"
    seen = swift("sh", "-c", command, folder=tmp_path, see=[tmp_path])
    assert {"socket", "FoundationNetworking", "URLSession"} <= set(SYMBOLS.findall(seen.stdout))


@needs_swift
@pytest.mark.slow
def test_what_is_for_apple_passes_the_type_checker() -> None:
    """It is checked against our declarations, and not yet compiled against Apple's SDK."""
    assert MISSING is None, MISSING
    assert "struct VisionFaceDetector" in dump("apple")


@needs_swift
@pytest.mark.slow
@pytest.mark.parametrize("name", DUMPS)
def test_a_changed_public_api_changes_its_dump(name: str) -> None:
    """After an intended change run: `python -m tests.sdk_bindings.swift_api`."""
    build()
    assert dump(name) == DUMPS[name].read_text(encoding="utf-8")


def test_every_declaration_cites_its_page() -> None:
    declared = re.compile(r"^(?:public |open |@resultBuilder)", re.M)
    for file in DECLARATIONS.glob("*.swift"):
        for block in re.split(r"\n\s*\n", file.read_text(encoding="utf-8")):
            if declared.search(block) and "AnyPrimitive" not in block:
                assert "https://developer.apple.com/" in block, f"{file.name}: {block}"


def test_nothing_newer_than_ios_16_and_macos_13_is_used() -> None:
    versions = re.compile(r"@available\(iOS (\d+)\.\d+, macOS (\d+)\.\d+, \*\)")
    found = [
        (int(ios), int(macos))
        for file in DECLARATIONS.glob("*.swift")
        for ios, macos in versions.findall(file.read_text(encoding="utf-8"))
    ]
    assert len(found) > 50
    assert max(ios for ios, _ in found) <= 16 and max(macos for _, macos in found) <= 13


def test_the_docs_say_that_apples_part_is_not_yet_compiled() -> None:
    for page in (PACKAGE / "README.md", PACKAGE / "Examples" / "AvatarScreen" / "README.md"):
        text = " ".join(page.read_text(encoding="utf-8").split())
        assert re.search("not yet compiled against Apple's SDK", text, re.I), page


def test_the_privacy_manifest_says_that_nothing_is_collected() -> None:
    """It also names no API that needs a reason, because the library calls none."""
    manifest = plistlib.loads(
        (PACKAGE / "Sources" / "AvatarStudio" / "PrivacyInfo.xcprivacy").read_bytes()
    )
    assert manifest == {
        "NSPrivacyTracking": False,
        "NSPrivacyTrackingDomains": [],
        "NSPrivacyCollectedDataTypes": [],
        "NSPrivacyAccessedAPITypes": [],
    }
    # https://developer.apple.com/documentation/bundleresources/describing-use-of-required-reason-api
    reasons = re.compile(
        r"creationDate|modificationDate|NSFileModificationDate|\bstat\(|getattrlist|fgetattrlist"
        r"|systemUptime|mach_absolute_time|volumeAvailableCapacity|systemFreeSize|systemSize"
        r"|statfs|statvfs|activeInputModes|UserDefaults"
    )
    assert [file.name for file in SOURCES if reasons.search(code_of(file))] == []


def test_nothing_in_it_can_crash_on_purpose() -> None:
    """The sources that apps get use no forced unwrapping, no `try!` and no `fatalError`."""
    forbidden = re.compile(
        r"\btry!|\bas!|\b(?:fatalError|precondition|preconditionFailure|assert)\(|[\w)\]]!(?![=\w])"
    )
    for file in (PACKAGE / "Sources").rglob("*.swift"):
        for number, line in enumerate(code_of(file).splitlines(), 1):
            code = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
            assert not forbidden.search(code), f"{file.name}:{number}: {line}"
