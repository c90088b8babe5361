from __future__ import annotations

from pathlib import Path

import numpy as np

from eval.reference import ArrayCache


def test_what_was_made_once_is_read_from_then_on(tmp_path: Path) -> None:
    made = []

    def make() -> dict[str, np.ndarray]:
        made.append(1)
        return {"a": np.arange(6, dtype=np.float32).reshape(2, 3).T, "b": np.array(2.5)}

    first = ArrayCache(tmp_path).get("folder/x", make)
    again = ArrayCache(tmp_path).get("folder/x", make)
    assert len(made) == 1
    for name, array in make().items():
        np.testing.assert_array_equal(first[name], array)
        np.testing.assert_array_equal(again[name], array)


def test_what_is_damaged_is_made_anew(tmp_path: Path) -> None:
    cache = ArrayCache(tmp_path)
    cache.get("x", lambda: {"a": np.zeros(100)})
    file = tmp_path / "x.safetensors"
    file.write_bytes(file.read_bytes()[:50])
    assert cache.get("x", lambda: {"a": np.ones(2)})["a"].tolist() == [1, 1]
    assert cache.get("x", lambda: {"a": np.zeros(2)})["a"].tolist() == [1, 1]
