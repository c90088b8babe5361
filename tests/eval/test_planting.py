"""A sample of the planting kit on small artifacts; `make planting` plants everything into real
ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.eval.planting import harmless
from tests.eval.planting.__main__ import CHANGES, score
from tests.eval.planting.bases import Bases
from tests.eval.planting.changes import Broken, Change, Defect, Harmless
from tests.eval.planting.score import Kit, Verdict
from tests.exports import Exports

SAMPLE = (
    (Defect, "onnx", "a bias's sign flipped"),
    (Defect, "onnx", "mask ignored"),
    (Defect, "onnx", "NaN in one latent of one style"),
    (Defect, "onnx", "the order of selfies matters"),
    (Defect, "onnx", "a timestep off by one"),
    (Defect, "coreml", "red and blue swapped"),
    (Broken, "onnx", "hash in the manifest is a lie"),
    (Broken, "onnx", "a component has no .onnx"),
    (Harmless, "onnx", "operations in another order"),
    (Harmless, "onnx", "biases as additions"),
    (Harmless, "coreml", "weight file padded, in another order"),
)


@pytest.fixture(scope="module")
def kit(exports: Exports, work: Path, tmp_path_factory: pytest.TempPathFactory) -> Kit:
    root = tmp_path_factory.mktemp("planting")
    (root / "exported").mkdir()
    for name in ("onnx", "coreml"):
        (root / "exported" / name).symlink_to(exports.get("avatar", name).folder)
    bases = Bases(root / "good", exports.checkpoint("avatar"), root / "exported")
    return Kit(bases, root, gates=work / "gates.toml")


def named(kind: type, base: str, name: str) -> Change:
    (found,) = (c for c in CHANGES if type(c) is kind and (c.base, c.name) == (base, name))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "base", "name"), SAMPLE)
def test_a_defect_is_caught_and_named_and_a_harmless_change_passes(
    kit: Kit, kind: type, base: str, name: str
) -> None:
    verdict = kit.judge(named(kind, base, name))
    assert verdict.right, verdict.message


@pytest.mark.slow
def test_the_score_without_weights_is_what_an_evaluation_without_them_says(kit: Kit) -> None:
    defect = named(Defect, "onnx", "a bias's sign flipped")
    left_out = kit.judge(defect, skip=("weights",))
    assert left_out.without == kit.judge(defect).without == (True, True)
    assert not left_out.named  # there is no weights level that could fail


@pytest.mark.slow
def test_the_kit_is_not_fooled(kit: Kit) -> None:
    """A defect that is none is missed, and one that is called harmless fails."""
    defect = named(Defect, "onnx", "NaN in one latent of one style")
    assert isinstance(defect, Defect)
    missed = kit.judge(replace(defect, plant=harmless.nothing))
    assert not missed.caught and not missed.right
    assert not kit.judge(replace(defect, components=("decoder",))).named
    assert not kit.judge(Harmless(name="bad", base="onnx", plant=defect.plant)).right


def test_there_are_as_many_as_there_must_be() -> None:
    defects = [change for change in CHANGES if isinstance(change, Defect | Broken)]
    assert len({change.name for change in defects}) >= 40
    assert len({(c.name, c.base) for c in CHANGES if isinstance(c, Harmless)}) >= 20
    assert len({(type(c), c.name, c.base) for c in CHANGES}) == len(CHANGES)


def test_the_score_counts_what_was_right() -> None:
    defect = named(Defect, "onnx", "a timestep off by one")
    right = Verdict(
        change=defect, caught=True, named=True, without=(True, True), at_run_time=True, message=""
    )
    wrong = replace(right, named=False, without=(False, False), at_run_time=False)
    assert score([right, wrong]) == [
        "all levels: 2/2 caught, 1/2 named",
        "without weights: 1/2 caught, 1/2 named",
        "manifest: 1/2 at run time too",
        "refused: 0/0",
        "harmless: 0/0 passed",
    ]
