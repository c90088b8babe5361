"""Ops that end a classifier or an object detector.

MIL's sections ``classify`` and ``tensor_operation`` (``non_maximum_suppression``).
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from .registry import IOS17, Labels, op


@op("classify", exact=True)
def classify(probabilities: Tensor, classes: Labels) -> tuple[Tensor | str, dict[int | str, float]]:
    """Return the most likely class (the first of equals) and the probability of each class."""
    flat = probabilities.reshape(-1)
    table = dict(zip(classes, flat.tolist(), strict=True))
    label = classes[int(flat.argmax())]
    return (label if isinstance(label, str) else torch.tensor(label)), table


def intersection_over_union(box: Tensor, others: Tensor) -> Tensor:
    """Return the overlap (N,), in [0, 1], of one box (4,) with others (N, 4).

    A box is (centre x, centre y, width, height).
    """
    low, high = box[:2] - box[2:] / 2, box[:2] + box[2:] / 2
    lows, highs = others[:, :2] - others[:, 2:] / 2, others[:, :2] + others[:, 2:] / 2
    sides = (torch.minimum(high, highs) - torch.maximum(low, lows)).clamp_min(0)
    common = sides.prod(-1)
    return common / (box[2:].prod() + others[:, 2:].prod(-1) - common)


def _unsuppressed(
    boxes: Tensor, scores: Tensor, classes: Tensor | None, iou_threshold: float
) -> Iterator[int]:
    """Yield the indices of boxes in the order of their scores, without those they suppress.

    Args:
        boxes: (N, 4), each (centre x, centre y, width, height).
        scores: (N,); equal scores keep their order.
        classes: (N,), or None where boxes of different classes suppress each other too.
        iou_threshold: A box suppresses later boxes whose overlap with it is larger than this.
    """
    order = torch.argsort(scores, descending=True, stable=True)
    while len(order):
        first, order = order[0], order[1:]
        yield int(first)
        overlapping = intersection_over_union(boxes[first], boxes[order]) > iou_threshold
        if classes is not None:
            overlapping &= classes[order] == classes[first]
        order = order[~overlapping]


def select_boxes(
    boxes: Tensor,
    scores: Tensor,
    *,
    iou_threshold: float,
    score_threshold: float | None,
    max_boxes: int,
    per_class: bool,
) -> list[int]:
    """Select boxes by non-maximum suppression and return their indices, best score first.

    Args:
        boxes: (N, 4), each (centre x, centre y, width, height).
        scores: (N, K), one for each class; the best of them is the score and class of the box.
        iou_threshold: The largest overlap of two selected boxes.
        score_threshold: The smallest score of a selected box; None sets no limit.
        max_boxes: The largest number of boxes to select.
        per_class: Boxes of different classes do not suppress each other.
    """
    best, classes = scores.max(-1)
    candidates = torch.arange(len(best), device=best.device)
    if score_threshold is not None:
        candidates = candidates[best >= score_threshold]
    selected: list[int] = []
    for index in _unsuppressed(
        boxes[candidates],
        best[candidates],
        classes[candidates] if per_class else None,
        iou_threshold,
    ):
        if len(selected) == max_boxes:
            break
        selected.append(int(candidates[index]))
    return selected


def _select_batch(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    score_threshold: float | None,
    max_boxes: int,
    per_class: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Select boxes in each sample; pad boxes and scores with 0 and indices with -1."""
    samples = boxes.shape[0]
    kept_boxes = boxes.new_zeros(samples, max_boxes, 4)
    kept_scores = scores.new_zeros(samples, max_boxes, scores.shape[-1])
    indices = torch.full((samples, max_boxes), -1, dtype=torch.int32, device=boxes.device)
    counts = torch.zeros(samples, dtype=torch.int32, device=boxes.device)
    for sample in range(samples):
        selected = select_boxes(
            boxes[sample], scores[sample], iou_threshold=iou_threshold,
            score_threshold=score_threshold, max_boxes=max_boxes, per_class=per_class,
        )  # fmt: skip
        if not selected and max_boxes and scores.shape[1]:
            # Core ML returns at least the best box, as coremltools' reference says.
            selected = [int(scores[sample].max(-1).values.argmax())]
        rows = torch.tensor(selected, dtype=torch.long, device=boxes.device)
        kept_boxes[sample, : len(selected)] = boxes[sample, rows]
        kept_scores[sample, : len(selected)] = scores[sample, rows]
        indices[sample, : len(selected)] = rows.int()
        counts[sample] = len(selected)
    return kept_boxes, kept_scores, indices, counts


@op("non_maximum_suppression", exact=True)
def non_maximum_suppression(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    score_threshold: float,
    max_boxes: int,
    per_class_suppression: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Select from ``boxes`` (N, B, 4) with ``scores`` (N, B, K)."""
    return _select_batch(
        boxes, scores, iou_threshold, score_threshold, max_boxes, per_class_suppression
    )


@op("non_maximum_suppression", since=IOS17, exact=True)
def non_maximum_suppression_boxes_last(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    max_boxes: int,
    per_class_suppression: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Select from ``boxes`` (N, 4, B) with ``scores`` (N, K, B), without a score threshold."""
    boxes, scores, indices, _ = _select_batch(
        boxes.mT, scores.mT, iou_threshold, None, max_boxes, per_class_suppression
    )
    return boxes.mT, scores.mT, indices
