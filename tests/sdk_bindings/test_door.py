"""The room's public names."""

from __future__ import annotations

import sdk_bindings
from sdk_bindings import vectors

PUBLIC = {
    *("Bundle", "open_bundle", "render", "publish_package"),
    *("Language", "LANGUAGES", "SWIFT", "KOTLIN"),
    *("SdkError", "LibraryError", "StaleError", "UnsuitableArtifactError"),
}


def test_the_public_names_are_pinned() -> None:
    assert set(sdk_bindings.__all__) == PUBLIC
    assert all(hasattr(sdk_bindings, name) for name in PUBLIC)
    assert vectors.__all__ == ["write_golden"]
