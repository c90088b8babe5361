"""PyTorch, ONNX Runtime and Core ML draw the same picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.components.tiny import save_tiny_avatar
from tests.conftest import Command

ROOT = Path(__file__).parent.parent.parent
NEEDED = 40.0
"""Least PSNR in dB between the 8-bit pictures of any two runtimes."""


def psnr(one: Path, other: Path) -> float:
    with Image.open(one) as a, Image.open(other) as b:
        difference = np.asarray(a).astype(np.float64) - np.asarray(b).astype(np.float64)
    return float(20 * np.log10(255 / max(np.sqrt((difference**2).mean()), 1e-9)))


def test_psnr_by_hand(tmp_path: Path) -> None:
    """A difference of 1 everywhere gives 20·log10(255) = 48.13 dB, in both directions."""
    for name, value in [("a", 7), ("b", 8)]:
        Image.fromarray(np.full((4, 4, 3), value, np.uint8)).save(tmp_path / f"{name}.png")
    assert psnr(tmp_path / "a.png", tmp_path / "b.png") == pytest.approx(48.1308, abs=1e-4)
    assert psnr(tmp_path / "b.png", tmp_path / "a.png") == pytest.approx(48.1308, abs=1e-4)


@pytest.mark.slow
def test_a_missing_artifact_is_exported_first_and_draws_the_same_picture(
    avatar: Command,
    checkpoint: Path,
    selfie: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    common = ("create", "--selfies", selfie, "--style", "pixel-art", "--seed", 3)
    pictures = []
    for runtime in ("pytorch", "onnx", "ort", "coreml_runtime"):
        picture = tmp_path / f"{runtime}.png"
        result = avatar(*common, "--runtime", runtime, "--checkpoint", checkpoint, "--out", picture)
        assert result.code == 0, result.err
        pictures.append(picture)
    for index, one in enumerate(pictures):
        for other in pictures[:index]:
            assert psnr(one, other) >= NEEDED, f"{one.stem} against {other.stem}"

    # An artifact of another checkpoint or of another runtime is refused.
    other_checkpoint = save_tiny_avatar(tmp_path / "other", seed=1)
    stale = avatar(*common, "--runtime", "onnx", "--checkpoint", other_checkpoint)
    assert stale.code == 2 and "was not exported from" in stale.err
    wrong = avatar(*common, "--runtime", "coreml_runtime", "--artifact", tmp_path / "dist" / "onnx")
    assert wrong.code == 2 and "expected coreml components" in wrong.err
