"""Precision and recall of labels at every vote threshold, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from annotate.files import number_or_none
from annotate.golden.cells import UNKNOWN, Cells
from annotate.golden.rates import (
    Counts,
    Rate,
    count_class,
    f_score,
    quantiles,
    rates,
    resample,
    resampled_rates,
    share,
)
from annotate.settings import ConsolidateSettings
from annotate.taxonomy.model import Taxonomy

Floats = npt.NDArray[np.float64]

GRID = tuple(round(0.05 * step, 2) for step in range(4, 21))
"""The thresholds that are compared: 0.2, 0.25, ..., 1.0."""


@dataclass(frozen=True)
class Point:
    """A class at one threshold.

    Attributes:
        threshold: the share of yes votes that makes a label; None where votes alone do not.
        found: golden images that are labelled positive.
        hits: of these, how many are.
        precision, recall: weighted by the sampling probabilities.
        f1: their harmonic mean; None without a golden positive.
    """

    threshold: float | None
    found: int
    hits: int
    precision: Rate
    recall: Rate
    f1: float | None


@dataclass(frozen=True)
class ClassScore:
    """A class at every threshold and as it is labelled.

    Attributes:
        class_id: the class.
        images: golden images with a known label.
        positives: of these, how many show it.
        interval: wilson or bootstrap.
        own: as labels are made: at the class's own threshold, with those of all others in force,
            or by another method.
        curve: all classes at one threshold, one after another of ``GRID``.
    """

    class_id: str
    images: int
    positives: int
    interval: str
    own: Point
    curve: tuple[Point, ...]


@dataclass(frozen=True)
class MacroPoint:
    """Means over the classes at one threshold."""

    threshold: float | None
    precision: Rate
    recall: Rate
    f1: float | None


@dataclass(frozen=True)
class GoldenScore:
    """What golden labels say about labels by votes.

    Attributes:
        images: golden images with votes.
        classes: that have golden labels and votes, in the taxonomy's order.
        own: means as labels are made.
        curve: means at every threshold of ``GRID``.
        scored_classes: classes with enough golden positives, over which the means are taken.
        unknown: golden labels of images with too few votes; left out.
        outside: golden labels without a sampling probability; left out.
    """

    images: int
    classes: tuple[ClassScore, ...]
    own: MacroPoint
    curve: tuple[MacroPoint, ...]
    scored_classes: int
    unknown: int
    outside: int


def score_golden(
    cells: Cells,
    own_limits: Sequence[float],
    taxonomy: Taxonomy,
    settings: ConsolidateSettings,
    *,
    resamples: int = 1000,
    min_positives: int = 1,
    seed: int = 0,
) -> GoldenScore:
    """Score labels by votes at every threshold.

    A class whose positives were all missed has precision 0 in the means, as scikit-learn's
    ``zero_division=0``. Classes without votes, which are only propagated to, have no negatives and
    are not scored.

    Args:
        cells: golden labels and votes.
        own_limits: threshold of each class as it is in force.
        taxonomy: the hierarchy.
        settings: the least number of votes.
        resamples: of whole properties.
        min_positives: classes with fewer golden positives are shown and not in the means.
        seed: of the resamples.
    """
    limits: list[float | None] = list(own_limits)
    own = cells.own
    if own is None:
        own = cells.labels_at(own_limits, taxonomy, settings)
    else:
        limits = [None] * len(limits)
    curve = ([limit] * len(cells.class_ids) for limit in GRID)
    sets = [own, *(cells.labels_at(some, taxonomy, settings) for some in curve)]
    labels = np.stack(sets, axis=-1)
    voted = (cells.votes.yes.astype(np.int64) + cells.votes.no).sum(axis=0) > 0
    weights = resample(cells.groups, resamples, seed)
    known = (cells.truth != UNKNOWN) & voted
    classes, samples = [], []
    for at in map(int, np.flatnonzero(known.any(axis=0))):
        counts = count_class(cells, labels[:, at], at)
        if not counts.groups.size:
            continue
        drawn = resampled_rates(counts, weights)
        points = _points(counts, drawn, (limits[at], *GRID), simple=bool(cells.simple[at]))
        images = int(((labels[:, at, 0] != UNKNOWN) & known[:, at]).sum())
        classes.append(
            ClassScore(
                cells.class_ids[at],
                images,
                int(counts.raw[2, 0]),
                "wilson" if cells.simple[at] else "bootstrap",
                points[0],
                tuple(points[1:]),
            )
        )
        samples.append(drawn)
    inside = [at for at, entry in enumerate(classes) if entry.positives >= max(1, min_positives)]
    macro = _macro([classes[at] for at in inside], [samples[at] for at in inside])
    return GoldenScore(
        len(cells.votes.image_ids),
        tuple(classes),
        macro[0],
        tuple(macro[1:]),
        len(inside),
        int((known & (labels[:, :, 0] == UNKNOWN)).sum()),
        cells.outside,
    )


def _points(
    counts: Counts,
    drawn: tuple[Floats, Floats],
    thresholds: Sequence[float | None],
    *,
    simple: bool,
) -> list[Point]:
    hits, found, true = (part.sum(axis=0) for part in (counts.hits, counts.found, counts.true))
    f1 = f_score(hits, found, true)
    precision, recall = rates(counts, drawn, simple=simple)
    return [
        Point(
            threshold,
            int(counts.raw[1, at]),
            int(counts.raw[0, at]),
            precision[at],
            recall[at],
            number_or_none(f1[at]),
        )
        for at, threshold in enumerate(thresholds)
    ]


def _known_mean(parts: Sequence[Floats]) -> Floats:
    """Mean over the parts that have a value, NaN where none has."""
    known = np.sum([~np.isnan(part) for part in parts], axis=0)
    return share(np.sum([np.nan_to_num(part) for part in parts], axis=0), known)


def _macro(
    classes: Sequence[ClassScore], samples: Sequence[tuple[Floats, Floats]]
) -> list[MacroPoint]:
    thresholds: list[float | None] = [None, *GRID]
    if not classes:
        return [MacroPoint(limit, Rate(None), Rate(None), None) for limit in thresholds]
    points = [[entry.own, *entry.curve] for entry in classes]
    # A resample may hold no positive of a class: the mean is over the others.
    drawn_precision = _known_mean([_zero_for_none(*pair) for pair in samples])
    drawn_recall = _known_mean([pair[1] for pair in samples])
    found = []
    for at, limit in enumerate(thresholds):
        row = [entry[at] for entry in points]
        precision, recall = (
            Rate(float(np.mean([value or 0.0 for value in values])), *quantiles(drawn[:, at]))
            for values, drawn in (
                ([point.precision.value for point in row], drawn_precision),
                ([point.recall.value for point in row], drawn_recall),
            )
        )
        f1 = float(np.mean([point.f1 or 0.0 for point in row]))
        found.append(MacroPoint(limit, precision, recall, f1))
    return found


def _zero_for_none(precision: Floats, recall: Floats) -> Floats:
    """Precision 0 where positives were drawn and nothing was found."""
    return np.where(np.isnan(precision) & ~np.isnan(recall), 0.0, precision)
