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

from annotate.files import number_or_none
from mumic.metrics.blocks import ROWS, over_blocks
from mumic.metrics.calibration import Unit, coverage, squared_errors
from mumic.metrics.decisions import decide
from mumic.metrics.ranking import (
    Cells,
    Floats,
    Labels,
    Mask,
    average_precision,
    average_precisions,
)
from mumic.metrics.top_k import gap_at_k

__all__ = [
    "Cells",
    "Floats",
    "Labels",
    "Mask",
    "Metrics",
    "average_precision",
    "average_precisions",
    "gap",
    "included_classes",
    "macro_map",
    "positives",
    "summarise",
    "weighted_map",
]

NAN = float("nan")
HALF = {"logit": 0.0, "probability": 0.5}


@dataclass(frozen=True)
class Metrics:
    """Every measure of one method on one split (Wang et al., AAAI 2023, section 4.2).

    Means are over the classes with enough positives; ``classes_left_out`` counts the others. GAP is
    over all observed cells. ``gap_at_k`` takes recall over the positives among each image's K
    highest scores (the paper's reading), ``gap_at_k_all_positives`` over all positives. ``f1_*``
    are at thresholds tuned on validation, ``f1_*_at_half`` at a probability of one half.
    ``coverage_error`` is how far down an image's classes its last positive stands, on average;
    ``images_with_a_label`` the share of images with a yes at the tuned thresholds. Both this and
    ``f1_per_image*`` are over images with a known label. NaN: there is no such value.
    """

    images: int
    classes: int
    classes_left_out: int
    positives: int
    known_cells: int
    macro_map: float
    weighted_map: float
    gap: float
    k: int
    gap_at_k: float
    gap_at_k_all_positives: float
    f1_micro: float
    f1_macro: float
    f1_per_image: float
    f1_micro_at_half: float
    f1_macro_at_half: float
    f1_per_image_at_half: float
    images_with_a_label: float
    coverage_error: float
    brier: float

    def to_json(self) -> dict[str, Any]:
        """As JSON, with K in the names (``gap_at_10``) and null where there is no value."""
        values = asdict(self)
        k = values.pop("k")
        named = {name.replace("at_k", f"at_{k}"): value for name, value in values.items()}
        return {
            name: value if isinstance(value, int) else number_or_none(value)
            for name, value in named.items()
        }


def positives(labels: Labels, mask: Mask) -> npt.NDArray[np.int64]:
    """Known positives per class, (classes,)."""

    def some(part: slice) -> npt.NDArray[np.float32]:
        found = ((labels[part] == 1) & mask[part]).astype(np.float32)
        # Exact below 2^24, and much faster than a sum of booleans.
        count: npt.NDArray[np.float32] = np.ones(len(found), np.float32) @ found
        return count

    blocks = over_blocks(some, len(labels), ROWS)
    return sum((each.astype(np.int64) for each in blocks), np.zeros(labels.shape[1], np.int64))


def macro_map(precisions: Floats, included: Mask) -> float:
    """Mean of the included classes' average precisions; NaN where none is included."""
    return float(precisions[included].mean()) if included.any() else NAN


def weighted_map(precisions: Floats, counts: Labels, included: Mask) -> float:
    """Mean of the included classes' average precisions, weighted by their positives."""
    if not included.any():
        return NAN
    return float(np.average(precisions[included], weights=counts[included]))


def gap(scores: Floats, labels: Labels, mask: Mask) -> float:
    """Global average precision: one ranking of all observed cells of all classes (micro AP)."""
    return average_precision(scores.ravel(), labels.ravel(), mask.ravel())


def included_classes(cells: Cells, min_positives: int) -> Mask:
    """Classes that enter the means, (classes,): at least ``min_positives``, and at least one."""
    included: Mask = positives(cells.labels, cells.mask) >= max(min_positives, 1)
    return included


def summarise(
    scores: Floats,
    cells: Cells,
    thresholds: Floats | None,
    *,
    min_positives: int,
    k: int,
    unit: Unit = "logit",
) -> Metrics:
    """All measures of one method.

    Args:
        scores: (images, classes), best logits in float32: probabilities saturate into ties.
        cells: the truth.
        thresholds: (classes,) in the scores' unit; a score at its threshold is a yes. None: no
            thresholds were tuned, and what rests on them is NaN.
        min_positives: classes with fewer stay out of the means.
        k: K of GAP@K.
        unit: of the scores.
    """
    labels, mask = cells.labels, cells.mask
    included = included_classes(cells, min_positives)
    precisions = average_precisions(scores, labels, mask)
    counts = positives(labels, mask)
    collected, over_all = gap_at_k(scores, labels, mask, k)
    micro, macro, per_image, labelled = _decided(scores, thresholds, cells, included)
    half = None if unit == "score" else np.full(scores.shape[1], HALF[unit])
    at_half = _decided(scores, half, cells, included)
    return Metrics(
        images=len(scores),
        classes=scores.shape[1],
        classes_left_out=int((~included).sum()),
        positives=int(counts.sum()),
        known_cells=int(mask.sum()),
        macro_map=macro_map(precisions, included),
        weighted_map=weighted_map(precisions, counts, included),
        gap=gap(scores, labels, mask),
        k=k,
        gap_at_k=collected,
        gap_at_k_all_positives=over_all,
        f1_micro=micro,
        f1_macro=macro,
        f1_per_image=per_image,
        f1_micro_at_half=at_half[0],
        f1_macro_at_half=at_half[1],
        f1_per_image_at_half=at_half[2],
        images_with_a_label=labelled,
        coverage_error=_mean(coverage(scores, labels, mask)),
        brier=NAN if unit == "score" else _brier(scores, cells, unit),
    )


def _decided(
    scores: Floats, thresholds: Floats | None, cells: Cells, included: Mask
) -> tuple[float, float, float, float]:
    """F1: micro, macro over the included classes, mean over images; share of images with a yes.

    Images without a known label are none of these: nothing is right or wrong about them.
    """
    labelled = cells.mask.any(axis=1)
    if thresholds is None or not labelled.any():
        return NAN, NAN, NAN, NAN
    classes, images = decide(scores, thresholds, cells.labels, cells.mask)
    return (
        classes.together,
        float(classes.f1[included].mean()) if included.any() else NAN,
        float(images.f1[labelled].mean()),
        float((images.said[labelled] > 0).mean()),
    )


def _brier(scores: Floats, cells: Cells, unit: Unit) -> float:
    """Mean squared error of the probabilities over all known cells."""
    known = int(cells.mask.sum())
    return (
        float(squared_errors(scores, cells.labels, cells.mask, unit)[0].sum()) / known
        if known
        else NAN
    )


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else NAN
