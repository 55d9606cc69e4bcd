"""Every headline measure under every resample, without sorting anything again.

Only the scores of positives are thresholds that count in the step sum. So the entries of a ranking
are put between them once, and how many of each group lie where is a sparse matrix (thresholds,
groups); its product with the draws (groups, resamples) says how many entries each resample takes in
at each threshold. That equals the measure of the repeated rows, ties included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from mumic.metrics.blocks import CELLS, over_blocks
from mumic.metrics.calibration import Unit, coverage, probabilities, squared_errors
from mumic.metrics.decisions import decide, f1_of
from mumic.metrics.intervals import Resamples, Samples
from mumic.metrics.measures import HALF
from mumic.metrics.ranking import Cells, Floats, Mask
from mumic.metrics.top_k import top_k

F1 = ("f1_micro", "f1_macro", "f1_per_image")
_CELLS_AT_ONCE = 4_000_000  # bounds the memory of one block of resamples: 8 bytes each, some copies


@dataclass(frozen=True)
class Sampled:
    """A method's measures under each resample.

    Attributes:
        values: (resamples,) each, by the names of :class:`mumic.metrics.measures.Metrics`.
        precisions: (classes, resamples), average precision, NaN where a resample has no positive.
        positives: (classes, resamples), positives in each resample.
    """

    values: dict[str, Samples]
    precisions: Samples
    positives: Samples


def average_precision_samples(
    scores: Floats, labels: npt.NDArray[Any], rows: npt.NDArray[Any], resamples: Resamples
) -> tuple[Samples, Samples]:
    """Average precision of one ranking, and its positives, under each resample.

    Args:
        scores: (n,).
        labels: (n,), 1 or 0.
        rows: (n,), the image that each entry belongs to.
        resamples: the draws.

    Returns:
        (resamples,) each; the first is NaN where a resample holds no positive.
    """
    positive = labels == 1
    thresholds = np.unique(scores[positive])
    count = resamples.draws.shape[1]
    if not thresholds.size or not count:
        return np.full(count, np.nan), np.zeros(count)
    place = np.searchsorted(thresholds, scores, side="right") - 1
    above = place >= 0
    taken = _matrix(place[above], rows[above], resamples, thresholds.size)
    right = _matrix(place[positive], rows[positive], resamples, thresholds.size)
    exact = resamples.image_weights is None

    def some(part: slice) -> tuple[Samples, Samples]:
        draws = resamples.draws[:, part]
        draws = draws if exact else draws.astype(np.float64)
        gained = right @ draws
        found, seen = (_from_the_top(each) for each in (gained, taken @ draws))
        total = found[0].astype(np.float64)
        with np.errstate(invalid="ignore"):
            precision = np.divide(found, seen, out=np.zeros(seen.shape), where=seen > 0)
            return (gained * precision).sum(axis=0) / total, total

    blocks = over_blocks(some, count, max(1, _CELLS_AT_ONCE // thresholds.size))
    values, totals = zip(*blocks, strict=True)
    return np.concatenate(values), np.concatenate(totals)


def _matrix(
    place: npt.NDArray[Any], rows: npt.NDArray[Any], resamples: Resamples, thresholds: int
) -> csr_array:
    """Entries (or what they stand for) between thresholds, by group: (thresholds, groups)."""
    weights = resamples.image_weights
    entries = np.ones(len(rows), np.int32) if weights is None else weights[rows]
    shape = (thresholds, len(resamples.draws))
    return csr_array((entries, (place, resamples.group_of[rows])), shape=shape)


def _from_the_top(counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Sums over each threshold and all stricter ones."""
    wide = np.int64 if counts.dtype.kind == "i" else np.float64
    return np.cumsum(counts[::-1], axis=0, dtype=wide)[::-1]


def class_samples(scores: Floats, cells: Cells, resamples: Resamples) -> tuple[Samples, Samples]:
    """Average precision and positives of every class under each resample, (classes, resamples)."""

    def one(part: slice) -> tuple[Samples, Samples]:
        column = part.start
        rows = np.flatnonzero(cells.mask[:, column])
        return average_precision_samples(
            scores[rows, column], cells.labels[rows, column], rows, resamples
        )

    found = over_blocks(one, scores.shape[1], 1)
    count = resamples.draws.shape[1]
    return (
        np.array([values for values, _ in found]).reshape(len(found), count),
        np.array([totals for _, totals in found]).reshape(len(found), count),
    )


def macro_samples(precisions: Samples) -> Samples:
    """Macro mAP under each resample, over the classes that it holds a positive of.

    Args:
        precisions: (included classes, resamples).
    """
    known = ~np.isnan(precisions)
    return _share(np.nan_to_num(precisions).sum(axis=0), known.sum(axis=0))


def weighted_samples(precisions: Samples, counts: Samples) -> Samples:
    """Weighted mAP under each resample, by the positives that it holds.

    Args:
        precisions: (included classes, resamples).
        counts: likewise.
    """
    return _share((np.nan_to_num(precisions) * counts).sum(axis=0), counts.sum(axis=0))


def gap_samples(scores: Floats, cells: Cells, resamples: Resamples) -> Samples:
    """GAP under each resample."""
    return _pooled(scores, cells, cells.mask, resamples)[0]


def _pooled(
    scores: Floats, cells: Cells, kept: Mask, resamples: Resamples
) -> tuple[Samples, Samples]:
    rows = np.nonzero(kept)[0]
    return average_precision_samples(scores[kept], cells.labels[kept], rows, resamples)


def all_samples(
    scores: Floats,
    cells: Cells,
    resamples: Resamples,
    *,
    included: Mask,
    thresholds: Floats | None,
    k: int,
    unit: Unit = "logit",
) -> Sampled:
    """Every headline measure of a method under each resample.

    Args:
        scores: (images, classes).
        cells: the truth.
        resamples: the same for all methods that are compared.
        included: (classes,), those in the means.
        thresholds: (classes,) in the scores' unit; None: none were tuned.
        k: K of GAP@K.
        unit: of the scores.
    """
    precisions, counts = class_samples(scores, cells, resamples)
    collected, found = _pooled(scores, cells, top_k(scores, cells.mask, k), resamples)
    values = {
        "macro_map": macro_samples(precisions[included]),
        "weighted_map": weighted_samples(precisions[included], counts[included]),
        "gap": gap_samples(scores, cells, resamples),
        "gap_at_k": collected,
        "gap_at_k_all_positives": _share(np.nan_to_num(collected) * found, counts.sum(axis=0)),
        "coverage_error": _coverage(scores, cells, resamples),
    }
    if thresholds is not None:
        values |= _decided(scores, thresholds, cells, included, resamples)
    if unit != "score":
        half = np.full(scores.shape[1], HALF[unit])
        at_half = _decided(scores, half, cells, included, resamples)
        values |= {f"{name}_at_half": at_half[name] for name in F1}
        errors = squared_errors(scores, cells.labels, cells.mask, unit)[1]
        known = np.count_nonzero(cells.mask, axis=1)
        values["brier"] = _share(resamples.totals(errors), resamples.totals(known))
    return Sampled(values, precisions, counts)


def reliability_samples(
    scores: Floats,
    cells: Cells,
    edges: npt.NDArray[np.float64],
    resamples: Resamples,
    unit: Unit = "logit",
) -> Samples:
    """What came true in each bin of probabilities under each resample, (bins, resamples).

    Args:
        scores: (images, classes).
        cells: the truth.
        edges: (bins + 1,) as of :func:`mumic.metrics.calibration.reliability`.
        resamples: the draws.
        unit: of the scores.
    """
    bins = len(edges) - 1

    def some(part: slice) -> npt.NDArray[np.float64]:
        """Known cells, and positives among them, of each image in each bin: (images, 2 bins)."""
        mask = cells.mask[part]
        said = probabilities(scores[part][mask], unit)
        place = np.minimum(np.searchsorted(edges, said, side="right") - 1, bins - 1)
        at = np.nonzero(mask)[0] * bins + place
        labels = cells.labels[part][mask] == 1
        size = len(mask) * bins
        counted = [np.bincount(at, weights, size) for weights in (None, labels)]
        return np.hstack([each.reshape(-1, bins) for each in counted])

    rows = max(1, CELLS // max(scores.shape[1], 1))
    totals = resamples.totals(np.concatenate(over_blocks(some, len(scores), rows)))
    return _share(totals[:, bins:], totals[:, :bins]).T


def _decided(
    scores: Floats, thresholds: Floats, cells: Cells, included: Mask, resamples: Resamples
) -> dict[str, Samples]:
    """F1 and the share of images with a yes under each resample, over images with a known label.

    Macro is over the included classes that a resample holds a positive of.
    """
    images = decide(scores, thresholds, cells.labels, cells.mask)[1]
    said = (scores >= thresholds) & cells.mask
    truth = (cells.labels == 1) & cells.mask
    hits, yes, real = (
        resamples.totals(each[:, included].astype(np.float64))
        for each in (said & truth, said, truth)
    )
    by_class = np.where(real > 0, f1_of(hits, yes, real), 0.0)
    pooled = (resamples.totals(each) for each in (images.hits, images.said, images.truth))
    labelled = np.asarray(cells.mask.any(axis=1), np.float64)
    seen = resamples.totals(labelled)
    return {
        "f1_micro": np.where(seen > 0, f1_of(*pooled), np.nan),
        "f1_macro": _share(by_class.sum(axis=1), (real > 0).sum(axis=1)),
        "f1_per_image": _share(resamples.totals(images.f1 * labelled), seen),
        "images_with_a_label": _share(resamples.totals(images.said > 0), seen),
    }


def _coverage(scores: Floats, cells: Cells, resamples: Resamples) -> Samples:
    depth = coverage(scores, cells.labels, cells.mask)
    there = ~np.isnan(depth)
    return _share(resamples.totals(np.nan_to_num(depth)), resamples.totals(there.astype(float)))


def _share(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Samples:
    """A quotient; NaN where there is nothing to divide by."""
    shape = np.broadcast(part, whole).shape
    quotient: Samples = np.divide(part, whole, out=np.full(shape, np.nan), where=whole > 0)
    return quotient
