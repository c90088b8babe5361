"""Compares non-maximum suppression with a plain loop, and tests the op of classifiers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coreml_runtime.ops.detection import intersection_over_union, select_boxes


def _plain(boxes, scores, iou, least, most, per_class):
    """Select boxes one by one, as documented, with Python numbers."""
    best = [max(row) for row in scores]
    kinds = [row.index(max(row)) for row in scores]
    left = sorted((i for i in range(len(best)) if best[i] >= least), key=lambda i: -best[i])
    kept: list[int] = []
    while left and len(kept) < most:
        first = left.pop(0)
        kept.append(first)
        left = [
            i
            for i in left
            if (per_class and kinds[i] != kinds[first]) or _overlap(boxes[first], boxes[i]) <= iou
        ]
    return kept


def _overlap(a, b):
    sides = [
        max(0.0, min(a[k] + a[k + 2] / 2, b[k] + b[k + 2] / 2)
            - max(a[k] - a[k + 2] / 2, b[k] - b[k + 2] / 2))
        for k in (0, 1)
    ]  # fmt: skip
    common = sides[0] * sides[1]
    return common / (a[2] * a[3] + b[2] * b[3] - common)


@given(st.integers(0, 1000), st.integers(1, 25), st.integers(1, 4), st.booleans())
def test_selected_boxes_are_those_of_the_plain_procedure(seed, count, classes, per_class) -> None:
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.rand(count, 4, generator=generator, dtype=torch.float64) + 0.1
    scores = torch.rand(count, classes, generator=generator, dtype=torch.float64)
    wanted = _plain(boxes.tolist(), scores.tolist(), 0.4, 0.3, 7, per_class)
    selected = select_boxes(
        boxes, scores, iou_threshold=0.4, score_threshold=0.3, max_boxes=7, per_class=per_class
    )
    assert selected == wanted


def test_overlap_by_hand() -> None:
    box = torch.tensor([0.0, 0.0, 2.0, 2.0])
    others = torch.tensor([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 2.0, 2.0], [5.0, 5.0, 1.0, 1.0]])
    assert intersection_over_union(box, others).tolist() == pytest.approx([1.0, 1 / 3, 0.0])


def test_results_are_padded_and_counted(run_op) -> None:
    boxes = torch.tensor([[[0.0, 0, 2, 2], [0.1, 0, 2, 2], [9.0, 9, 1, 1]]])
    scores = torch.tensor([[[0.9], [0.8], [0.7]]])
    kept, best, indices, count = run_op(
        "non_maximum_suppression", opset=5, boxes=boxes, scores=scores, iou_threshold=0.5,
        score_threshold=0.1, max_boxes=4,
    )  # fmt: skip
    assert indices.tolist() == [[0, 2, -1, -1]] and count.tolist() == [2]
    assert kept[0, 1].tolist() == [9, 9, 1, 1] and not kept[0, 2:].any()
    assert best.shape == (1, 4, 1)
    last, _, again = run_op(
        "non_maximum_suppression", opset=7, boxes=boxes.mT, scores=scores.mT, iou_threshold=0.5,
        max_boxes=4,
    )  # fmt: skip
    assert torch.equal(last, kept.mT) and torch.equal(again, indices)


def test_classify(run_op) -> None:
    label, table = run_op(
        "classify", probabilities=torch.tensor([[0.25, 0.75]]), classes=("a", "b")
    )
    assert label == "b" and table == {"a": 0.25, "b": 0.75}
    label, table = run_op("classify", probabilities=torch.tensor([0.5, 0.5]), classes=(7, 9))
    assert int(label) == 7 and table == {7: 0.5, 9: 0.5}
