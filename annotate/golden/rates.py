"""Weighted sums over whole properties, and the shares that they make, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from annotate.golden.cells import UNKNOWN, Cells
from annotate.labels.intervals import wilson_interval

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rate:
    """A share and its 95 % interval, each None where there is nothing to take a share of."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Counts:
    """Sums of one class over the images of each property, at T label sets.

    Attributes:
        groups: (G,) codes of the properties with a golden label that counts.
        hits, found, true: (G, T), weighted.
        raw: (3, T) hits, found and positives, unweighted.
    """

    groups: npt.NDArray[np.int64]
    hits: Floats
    found: Floats
    true: Floats
    raw: npt.NDArray[np.int64]


def resample(groups: npt.NDArray[np.int64], resamples: int, seed: int) -> npt.NDArray[np.float32]:
    """(resamples, groups): how often each property is drawn, with replacement."""
    count = int(groups.max(initial=-1)) + 1
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / max(count, 1)), size=resamples)
    return drawn.astype(np.float32)


def count_class(cells: Cells, labels: npt.NDArray[np.int8], column: int) -> Counts:
    """Sums of one class.

    Args:
        cells: golden labels.
        labels: (N, T), of that class.
        column: of the class.
    """
    rows = np.flatnonzero((cells.truth[:, column] != UNKNOWN) & (labels != UNKNOWN).any(axis=1))
    rows = rows[np.argsort(cells.groups[rows], kind="stable")]
    groups, starts = np.unique(cells.groups[rows], return_index=True)
    weight = cells.weight[rows, column][:, None]
    said = labels[rows] == 1
    true = (cells.truth[rows, column] == 1)[:, None] & (labels[rows] != UNKNOWN)

    def summed(mask: npt.NDArray[np.bool_]) -> Floats:
        if not len(rows):
            return np.zeros((0, labels.shape[1]))
        total: Floats = np.add.reduceat(mask * weight, starts, axis=0)
        return total

    hits = said & true
    raw = np.stack([part.sum(axis=0) for part in (hits, said, true)])
    return Counts(groups, summed(hits), summed(said), summed(true), raw)


def resampled_rates(counts: Counts, weights: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Precision and recall of each resample, (resamples, T); NaN where there is nothing."""
    drawn = weights[:, counts.groups].astype(np.float64)
    hits = drawn @ counts.hits
    return share(hits, drawn @ counts.found), share(hits, drawn @ counts.true)


def share(part: npt.ArrayLike, whole: npt.ArrayLike) -> Floats:
    """Part over whole, NaN where there is no whole."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    shares: Floats = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return shares


def f_score(hits: Floats, found: Floats, true: Floats, beta: float = 1.0) -> Floats:
    """F-beta; NaN without a positive. It is 0 where none is found.

    Reference:
        van Rijsbergen, "Information Retrieval" (1979): (1 + b^2) P R / (b^2 P + R).
    """
    return np.where(true > 0, share((1 + beta**2) * hits, found + beta**2 * true), np.nan)


def rates(
    counts: Counts, drawn: tuple[Floats, Floats], *, simple: bool
) -> tuple[list[Rate], list[Rate]]:
    """Precision and recall of each label set, with intervals.

    Args:
        counts: sums by property.
        drawn: what :func:`resampled_rates` says of them.
        simple: whether the images are a simple random sample, for which Wilson's interval holds.
    """
    hits = counts.hits.sum(axis=0)
    found = []
    for whole, samples, raw in zip((counts.found, counts.true), drawn, counts.raw[1:], strict=True):
        value = share(hits, whole.sum(axis=0))
        number = raw.astype(float) if simple else _effective(whole)
        rows = zip(value, samples.T, number, strict=True)
        found.append([_rate(*row, simple) for row in rows])
    return found[0], found[1]


def _effective(whole: Floats) -> Floats:
    """Kish's effective number of properties, at each label set."""
    squares = (whole * whole).sum(axis=0)
    return np.nan_to_num(share(whole.sum(axis=0) ** 2, squares))


def _rate(value: float, samples: Floats, number: float, simple: bool) -> Rate:
    """A share with its interval.

    Where all or none are right, resampling sees no spread at all; Wilson's interval on the
    effective number says how little a few images prove.
    """
    if np.isnan(value):
        return Rate(None)
    if simple or value in (0.0, 1.0):
        return Rate(float(value), *(wilson_interval(value * number, number, CONFIDENCE) or ()))
    return Rate(float(value), *quantiles(samples))


def quantiles(samples: Floats) -> tuple[float, float] | tuple[None, None]:
    """The middle 95 % of the resamples that have a value; None where none has."""
    known = samples[~np.isnan(samples)]
    if not known.size:
        return None, None
    edge = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [edge, 1 - edge])
    return float(low), float(high)
