"""How frequent a class is, estimated from a random sample with known inclusion probabilities.

The Hajek estimator of a share with a linearised variance (Särndal, Swensson and Wretman, "Model
Assisted Survey Sampling", 1992, sections 5.5 to 5.7 and 15.6). Pure functions on arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sample:
    """Drawn images of one population, (N,) each.

    Attributes:
        labels: 1, 0, or NaN: not known.
        chances: inclusion probabilities, above 0.
        strata: number of each image's stratum, from 0; each stratum was sampled by itself.
        properties: number of each image's property; an image without one has its own.
        finite: whether the images of its stratum were drawn one by one without replacement, so
            that what is drawn to the last image is known without error.
        lifted: whether a class above is a yes, and none is a no. Where parents are asked first,
            only these images are asked for the class.
    """

    labels: Floats
    chances: Floats
    strata: Indices
    properties: Indices
    finite: Mask
    lifted: Mask


@dataclass(frozen=True)
class Estimate:
    """A class's share of a population.

    Attributes:
        share: None where no label is known.
        low, high: 95 % interval; None where too few properties give one.
        drawn, labelled, positives: images.
        reached: bool (strata,), strata with a known label; the share is theirs.
    """

    share: float | None
    low: float | None
    high: float | None
    drawn: int
    labelled: int
    positives: int
    reached: Mask


def estimate(sample: Sample) -> Estimate:
    """The share of positives in the population that a sample was drawn from.

    Share = sum(y w) / sum(w) over the known labels, with w = 1 / (pi r) and r the labelled part of
    the images drawn of the stratum, see :func:`_response`: which answers are missing is taken for
    chance within a stratum, and among its lifted images. Strata without a known label are left out,
    and those whose lifted images have none.

    The variance is that of the sum of e = w (y - share) / sum(w): the squared deviations of totals
    within strata, m / (m - 1) times, e times sqrt(1 - pi r) where the population is finite. Totals
    are taken for properties (ultimate clusters) and for single images, and the larger variance
    counts: images are drawn, not properties, so the second is the textbook's (for a simple random
    sample (1 - f) s^2 / n exactly), and the first guards against photos of a property being alike.
    Where m images of a property were let through by chance first, no finite correction is made,
    and the variance is that of drawing with replacement: too large rather than too small.

    The interval is Wilson's with the effective sample size share (1 - share) / variance and
    Student's t with as many degrees of freedom as properties less strata (Franco, Little, Louis and
    Slud, "Comparative study of confidence intervals for proportions in complex sample surveys",
    J. Surv. Stat. Methodol. 7, 2019). It stays within [0, 1], and has a width where all labels
    agree: the effective size is then sum(w)^2 / sum(w^2), corrected likewise.
    """
    response, reached = _response(sample)
    known = ~np.isnan(sample.labels) & reached[sample.strata]
    y, strata = sample.labels[known], sample.strata[known]
    counts = (len(sample.labels), len(y), int(y.sum()), reached)
    if not len(y):
        return Estimate(None, None, None, *counts)
    chances = sample.chances[known] * response[known]
    weights = 1 / chances
    share = float(np.clip((weights * y).sum() / weights.sum(), 0, 1))
    correction = np.where(sample.finite[known], np.sqrt(1 - np.minimum(chances, 1)), 1.0)
    e = correction * weights * (y - share) / weights.sum()
    properties = sample.properties[known]
    variance = max(
        variance_of_totals(e, strata, np.arange(len(e))),
        variance_of_totals(e, strata, properties),
    )
    unit = float(((correction * weights) ** 2).sum() / weights.sum() ** 2)  # of a share by luck
    if unit == 0:  # every image of the population is known
        return Estimate(share, share, share, *counts)
    spread = share * (1 - share)
    size = spread / variance if spread and variance else 1 / unit
    freedom = len(np.unique(properties[correction > 0])) - len(np.unique(strata[correction > 0]))
    low, high = wilson(share, size, freedom) if freedom > 0 else (None, None)
    return Estimate(share, low, high, *counts)


def _response(sample: Sample) -> tuple[Floats, Mask]:
    """The chance that an image's label is known, once it is drawn, and which strata tell.

    A lifted image without a label is seen: something is known of a class above. So r is the part of
    a stratum's images that are labelled or lifted, and for lifted ones times the part of these that
    is labelled. Without classes above it is the labelled part.

    Returns:
        float64 (N,), and bool (strata,): a label is known, and one of a lifted image if there are.
    """
    count = int(sample.strata.max(initial=-1)) + 1

    def sizes(which: Mask) -> Floats:
        return np.bincount(sample.strata[which], minlength=count).astype(np.float64)

    known, lifted = ~np.isnan(sample.labels), sample.lifted
    seen = sizes(known | lifted) / np.maximum(1, sizes(np.ones(len(known), bool)))
    answered = sizes(known & lifted) / np.maximum(1, sizes(lifted))
    reached = (sizes(known) > 0) & ((answered > 0) | (sizes(lifted) == 0))
    return seen[sample.strata] * np.where(lifted, answered[sample.strata], 1.0), reached


def variance_of_totals(values: Floats, strata: Indices, units: Indices) -> float:
    """Variance of a sum from the deviations of its units' totals within strata.

    Sum over strata of m / (m - 1) sum((t - mean t)^2). A stratum with one unit deviates from 0.

    Args:
        values: (N,).
        strata: (N,).
        units: (N,); a unit with values in two strata counts as one in each.

    >>> variance_of_totals(np.array([1.0, 2, 3, 9]), np.array([0, 0, 0, 1]), np.array([0, 0, 1, 2]))
    81.0
    """
    pairs, unit = np.unique(np.stack([strata, units]), axis=1, return_inverse=True)
    totals = np.bincount(unit.ravel(), weights=values)
    stratum = np.unique(pairs[0], return_inverse=True)[1]
    sizes = np.bincount(stratum)
    means = np.where(sizes > 1, np.bincount(stratum, weights=totals) / sizes, 0.0)
    factors = np.where(sizes > 1, sizes / np.maximum(sizes - 1, 1), 1.0)
    return float((factors[stratum] * (totals - means[stratum]) ** 2).sum())


def wilson(share: float, size: float, freedom: int) -> tuple[float, float]:
    """Wilson's interval of a share, with Student's t for the normal quantile.

    >>> [round(bound, 3) for bound in wilson(0.0, 100.0, 10**9)]
    [0.0, 0.037]
    """
    from scipy.special import stdtrit

    t = float(stdtrit(freedom, (1 + CONFIDENCE) / 2))
    grown = 1 + t * t / size
    middle = (share + t * t / (2 * size)) / grown
    half = t / grown * float(np.sqrt(share * (1 - share) / size + t * t / (4 * size * size)))
    return max(0.0, middle - half), min(1.0, middle + half)
