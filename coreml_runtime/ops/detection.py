"""Ops at the end of a model: classes and boxes chosen."""

from collections.abc import Iterator

import torch
from torch import Tensor

from .registry import IOS17, Labels, op


@op("classify", exact=True)
def classify(probabilities: Tensor, classes: Labels) -> tuple[Tensor | str, dict[int | str, float]]:
    """The likeliest class (the first of equals) and the probability of each."""
    flat = probabilities.reshape(-1)
    table = dict(zip(classes, flat.tolist(), strict=True))
    label = classes[int(flat.argmax())]
    return (label if isinstance(label, str) else torch.tensor(label)), table


def overlap(box: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of one box (4,) with others (N, 4), all (x, y, width, height)."""
    low, high = box[:2] - box[2:] / 2, box[:2] + box[2:] / 2
    lows, highs = others[:, :2] - others[:, 2:] / 2, others[:, :2] + others[:, 2:] / 2
    sides = (torch.minimum(high, highs) - torch.maximum(low, lows)).clamp_min(0)
    common = sides.prod(-1)
    return common / (box[2:].prod() + others[:, 2:].prod(-1) - common)


def suppressed(
    boxes: Tensor, best: Tensor, classes: Tensor | None, iou_threshold: float
) -> Iterator[int]:
    """Places of boxes from the best score down, each ridding the rest of what overlaps it.

    Args:
        boxes: (N, 4), centre x, centre y, width, height.
        best: (N,), the score that orders them; equals keep their order.
        classes: (N,), or None where boxes of different classes suppress each other too.
        iou_threshold: Overlap above it is too much.
    """
    order = torch.argsort(best, descending=True, stable=True)
    while len(order):
        first, order = order[0], order[1:]
        yield int(first)
        clash = overlap(boxes[first], boxes[order]) > iou_threshold
        if classes is not None:
            clash &= classes[order] == classes[first]
        order = order[~clash]


def chosen(
    boxes: Tensor, scores: Tensor, iou: float, least: float | None, most: int, per_class: bool
) -> list[int]:
    """At most ``most`` of ``boxes`` (N, 4), best first, with the best of ``scores`` (N, K)."""
    best, classes = scores.max(-1)
    candidates = torch.arange(len(best), device=best.device)
    if least is not None:
        candidates = candidates[best >= least]
    kinds = classes[candidates] if per_class else None
    picked: list[int] = []
    for place in suppressed(boxes[candidates], best[candidates], kinds, iou):
        if len(picked) == most:
            break
        picked.append(int(candidates[place]))
    return picked


def _suppress(
    boxes: Tensor, scores: Tensor, iou: float, least: float | None, most: int, per_class: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Batch by batch: boxes and scores padded with 0, indices with -1, and the counts."""
    count = boxes.shape[0]
    kept_boxes = boxes.new_zeros(count, most, 4)
    kept_scores = scores.new_zeros(count, most, scores.shape[-1])
    indices = torch.full((count, most), -1, dtype=torch.int32, device=boxes.device)
    lengths = torch.zeros(count, dtype=torch.int32, device=boxes.device)
    for batch in range(count):
        picked = chosen(boxes[batch], scores[batch], iou, least, most, per_class)
        if not picked and most and scores.shape[1]:
            # Core ML gives one box at least, the best, as coremltools' reference says.
            picked = [int(scores[batch].max(-1).values.argmax())]
        places = torch.tensor(picked, dtype=torch.long, device=boxes.device)
        kept_boxes[batch, : len(picked)] = boxes[batch, places]
        kept_scores[batch, : len(picked)] = scores[batch, places]
        indices[batch, : len(picked)] = places.int()
        lengths[batch] = len(picked)
    return kept_boxes, kept_scores, indices, lengths


@op("non_maximum_suppression", exact=True)
def non_maximum_suppression(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    score_threshold: float,
    max_boxes: int,
    per_class_suppression: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """``boxes`` (n, B, 4), ``scores`` (n, B, K); a box's class is that of its best score."""
    return _suppress(
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
    """``boxes`` (n, 4, B), ``scores`` (n, K, B), and no threshold of scores."""
    boxes, scores, indices, _ = _suppress(
        boxes.mT, scores.mT, iou_threshold, None, max_boxes, per_class_suppression
    )
    return boxes.mT, scores.mT, indices
