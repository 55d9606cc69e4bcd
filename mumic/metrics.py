"""Measures of a multi-label classifier, with ties handled right and unknown cells left out.

Everywhere: ``scores`` is float (images, classes), higher is surer; ``labels`` is (images, classes),
1 or 0; ``mask`` is bool (images, classes), False where the label is unknown. What stands in
``labels`` and ``scores`` under a False mask has no influence.

Average precision is the step sum over distinct scores, ``sum_n (R_n - R_{n-1}) P_n``, as in
scikit-learn, and not the interpolated or the 11-point kind.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Metrics:
    """Every measure of one method on one split (Wang et al., AAAI 2023, section 4.2).

    Means are over the classes with enough positives; ``classes_left_out`` counts the others. GAP is
    over all observed cells. ``gap_at_k`` takes recall over the positives among each image's K
    highest scores (the paper's reading), ``gap_at_k_all_positives`` over all positives.
    """

    images: int
    classes: int
    classes_left_out: int
    positives: int
    macro_map: float
    weighted_map: float
    gap: float
    k: int
    gap_at_k: float
    gap_at_k_all_positives: float
    f1_micro: float
    f1_macro: float
    f1_per_image: float

    def to_json(self) -> dict[str, Any]:
        """As JSON, with K in the names (``gap_at_10``) and null where there is no value."""
        values = asdict(self)
        k = values.pop("k")
        named = {name.replace("at_k", f"at_{k}"): value for name, value in values.items()}
        return {name: None if value != value else value for name, value in named.items()}


def average_precision(scores: Floats, labels: Labels, mask: Mask | None = None) -> float:
    """Step-sum average precision of one ranking.

    Args:
        scores: (n,).
        labels: (n,), 1 or 0.
        mask: (n,), False where the label is unknown; None: all are known.

    Returns:
        A value in (0, 1], NaN without a positive.

    >>> round(average_precision(np.array([0.9, 0.8, 0.8, 0.1]), np.array([1, 0, 1, 0])), 4)
    0.8333
    """
    if mask is not None:
        scores, labels = scores[mask], labels[mask]
    found = np.sort(scores[labels == 1])
    if not found.size:
        return float("nan")
    # The step sum, one positive at a time: precision at the threshold that takes it in. Sorting
    # values and looking positions up is several times faster than sorting positions.
    taken = scores.size - np.searchsorted(np.sort(scores), found, side="left")
    right = found.size - np.searchsorted(found, found, side="left")
    return float(np.mean(right / taken))


def tie_ends(ranked: Floats) -> npt.NDArray[np.intp]:
    """Index of the last entry of each group of equal scores, in a descending ranking."""
    return (
        np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        if ranked.size
        else np.zeros(0, np.intp)
    )


def average_precisions(scores: Floats, labels: Labels, mask: Mask) -> npt.NDArray[np.float64]:
    """Average precision per class, (classes,); NaN for a class without positives."""
    return np.array(
        [
            average_precision(scores[:, column], labels[:, column], mask[:, column])
            for column in range(scores.shape[1])
        ]
    )


def positives(labels: Labels, mask: Mask) -> npt.NDArray[np.int64]:
    """Known positives per class, (classes,)."""
    count: npt.NDArray[np.int64] = ((labels == 1) & mask).sum(axis=0).astype(np.int64)
    return count


def macro_map(precisions: Floats, included: Mask) -> float:
    """Mean of the included classes' average precisions; NaN where none is included."""
    return float(precisions[included].mean()) if included.any() else float("nan")


def weighted_map(precisions: Floats, counts: Labels, included: Mask) -> float:
    """Mean of the included classes' average precisions, weighted by their positives."""
    if not included.any():
        return float("nan")
    return float(np.average(precisions[included], weights=counts[included]))


def gap(scores: Floats, labels: Labels, mask: Mask) -> float:
    """Global average precision: one ranking of all observed cells of all classes (micro AP)."""
    return average_precision(scores[mask], labels[mask])


def gap_at_k(scores: Floats, labels: Labels, mask: Mask, k: int) -> tuple[float, float]:
    """GAP over each image's K highest observed scores.

    The K are cut by stable rank: among equal scores the earlier class is kept.

    Returns:
        With recall over the positives among the collected predictions, and over all positives.
    """
    hidden = np.where(mask, scores, -np.inf)
    kept = np.argsort(-hidden, axis=1, kind="stable")[:, :k]
    rows = np.arange(len(scores))[:, None]
    observed = mask[rows, kept]
    collected = labels[rows, kept][observed]
    precision = average_precision(scores[rows, kept][observed], collected)
    total = int(((labels == 1) & mask).sum())
    if total == 0:
        return float("nan"), float("nan")
    if precision != precision:  # there are positives, and none was collected
        return float("nan"), 0.0
    return precision, precision * int((collected == 1).sum()) / total


def f1_scores(
    predicted: Mask, labels: Labels, mask: Mask, included: Mask
) -> tuple[float, float, float]:
    """F1 of decisions: micro over all cells, macro over the included classes, mean over images.

    An image (or class) with neither a positive nor a prediction counts as 1.
    """
    truth = (labels == 1) & mask
    said = predicted & mask
    hits = truth & said
    per_class = _f1(hits.sum(axis=0), said.sum(axis=0), truth.sum(axis=0))
    per_image = _f1(hits.sum(axis=1), said.sum(axis=1), truth.sum(axis=1))
    micro = _f1(np.array([hits.sum()]), np.array([said.sum()]), np.array([truth.sum()]))
    return (
        float(micro[0]),
        float(per_class[included].mean()) if included.any() else float("nan"),
        float(per_image.mean()) if len(per_image) else float("nan"),
    )


def _f1(hits: Labels, said: Labels, truth: Labels) -> npt.NDArray[np.float64]:
    both = said + truth
    return np.where(both == 0, 1.0, 2 * hits / np.maximum(both, 1))


@dataclass(frozen=True)
class Cells:
    """Known labels of a split: ``labels`` int8 and ``mask`` bool, both (images, classes)."""

    labels: npt.NDArray[np.int8]
    mask: Mask


def included_classes(cells: Cells, min_positives: int) -> Mask:
    """Classes that enter the means, (classes,): at least ``min_positives``, and at least one."""
    included: Mask = positives(cells.labels, cells.mask) >= max(min_positives, 1)
    return included


def summarise(
    scores: Floats, cells: Cells, thresholds: Floats, *, min_positives: int, k: int
) -> Metrics:
    """All measures of one method.

    Args:
        scores: float32 (images, classes); logits, not probabilities, which saturate into ties.
        cells: the truth.
        thresholds: (classes,) in the scores' unit; a score at its threshold is a yes.
        min_positives: classes with fewer stay out of the means.
        k: K of GAP@K.
    """
    labels, mask = cells.labels, cells.mask
    included = included_classes(cells, min_positives)
    precisions = average_precisions(scores, labels, mask)
    counts = positives(labels, mask)
    collected, over_all = gap_at_k(scores, labels, mask, k)
    micro, macro, per_image = f1_scores(scores >= thresholds, labels, mask, included)
    return Metrics(
        images=len(scores),
        classes=scores.shape[1],
        classes_left_out=int((~included).sum()),
        positives=int(counts.sum()),
        macro_map=macro_map(precisions, included),
        weighted_map=weighted_map(precisions, counts, included),
        gap=gap(scores, labels, mask),
        k=k,
        gap_at_k=collected,
        gap_at_k_all_positives=over_all,
        f1_micro=micro,
        f1_macro=macro,
        f1_per_image=per_image,
    )
