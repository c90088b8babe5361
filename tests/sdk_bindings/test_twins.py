"""One idea has one name: the public types of the Swift and Kotlin libraries carry the same names.

The types are read from the dumps of the public APIs, which other tests compare with the code.
"""

from __future__ import annotations

import re

from sdk_bindings import KOTLIN, SWIFT

SWIFT_ONLY = {
    "AvatarError": "an error in Swift is an exception in Kotlin: AvatarException",
    "AvatarEvents": "Kotlin returns a Flow",
    "AvatarEvents.AsyncIterator": "Kotlin returns a Flow",
    "CoreMLBackend": "Core ML is Apple's",
    "LatentPreview": "internal in Kotlin",
    "Manifest": "internal in Kotlin; what an app asks it, an app asks Bundled there",
    "Manifest.Kind": "Kotlin runs ONNX models only",
    "ModelFile": "internal in Kotlin",
    "RuleLimits": "internal in Kotlin",
    "SamplerTable": "internal in Kotlin",
    "StyleDetails": "properties of AvatarStyle in Kotlin, whose enums can have them",
    "VisionFaceDetector": "Vision is Apple's",
}
KOTLIN_ONLY = {
    "AndroidFaceDetector": "Android's detector",
    "AndroidMemoryPressure": "Android's warnings",
    "AvatarEvent.Drawn": "a case in Swift",
    "AvatarException": "an exception in Kotlin is an error in Swift: AvatarError",
    "Bundled": "an extension of Manifest in Swift",
    "MemoryPressure": "the Swift library asks the system itself",
    "ModelReader": "a Swift backend gets the folder",
    "PixelPicture": "Selfie(pixels:width:height:) in Swift",
}


def swift_api() -> str:
    """Return the dumps of both platforms, one after the other."""
    files = sorted((SWIFT.library / "api").glob("*.api"))
    assert len(files) == 2
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def kotlin_api() -> str:
    """Return the dumps of both modules, one after the other."""
    files = [KOTLIN.library / module / f"{module}.api" for module in ("core", "android")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def swift_types() -> set[str]:
    """Return the names of all public types. `Outer.Inner` is a nested one."""
    found: set[str] = set()
    outer = ""
    for line in swift_api().splitlines():
        match = re.match(r"( *)(?:final class|struct|enum|protocol|actor) (\w+)", line)
        if match and not match[1]:
            outer = match[2]
        if match:
            found.add(f"{outer}.{match[2]}" if match[1] else outer)
    return found


def kotlin_types() -> set[str]:
    """Return the names of all public types, without those that the compiler adds."""
    declared = re.findall(r"^public .*(?:class|interface) pocketavatar/(\S+)", kotlin_api(), re.M)
    names = {name.removeprefix("android/").replace("$", ".") for name in declared}
    return {name for name in names if not re.search(r"Kt$|\.Companion$|\.DefaultImpls$", name)}


def test_types_of_one_idea_have_one_name() -> None:
    swift, kotlin = swift_types(), kotlin_types()
    exceptions = {name for name in kotlin if name.startswith("AvatarException.")}
    assert swift - kotlin == set(SWIFT_ONLY)
    assert kotlin - swift - exceptions == set(KOTLIN_ONLY)
    assert len(swift & kotlin) > 20


def test_errors_have_the_names_of_exceptions() -> None:
    block = re.search(r"^enum AvatarError .*\n((?:  .*\n)+)", swift_api(), re.M)
    assert block
    errors = set(re.findall(r"^  case (\w+)", block[1], re.M))
    names = {
        name.removeprefix("AvatarException.") for name in kotlin_types() if "Exception." in name
    }
    exceptions = {name[0].lower() + name[1:] for name in names}
    # Kotlin's coroutines have a cancellation of their own, and its library writes no file.
    assert errors - exceptions == {"cancelled", "storageFull"}
    assert exceptions <= errors


def test_rules_have_the_same_names() -> None:
    rules = re.search(r"^enum SelfieRule .*\n((?:  .*\n)+)", swift_api(), re.M)
    assert rules
    swift = {
        re.sub(r"([A-Z])", r"_\1", name).upper() for name in re.findall(r"case (\w+)", rules[1])
    }
    field = r"public static final field (\w+) Lpocketavatar/SelfieRule;"
    assert swift == set(re.findall(field, kotlin_api()))
