"""How frequent a class is, estimated from a random sample with known inclusion probabilities.

The Hajek estimator of a share with a linearised variance (Särndal, Swensson and Wretman, "Model
Assisted Survey Sampling", 1992, sections 5.5 to 5.7 and 15.6). Pure functions on arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
ROUNDING = 1e-9  # of a probability or a variance, more than floats are off by

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
        low, high: 95 % interval; None where one image or property stands for all others.
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

    Images with pi r = 1 stand for themselves alone, so nothing about them is uncertain: the
    interval is that of the share x among the others, (yes + W x) / sum(w) for the bounds of x, with
    W the weight of the others and yes the positives that are certain. Were they in it, positives
    that are all known would leave no doubt about a thousand others of which none is one.

    Interval and variance of x: see :func:`_bounds`.
    """
    response, reached = _response(sample)
    known = ~np.isnan(sample.labels) & reached[sample.strata]
    there = _only(sample, known)
    y, weights = there.labels, 1 / (there.chances * response[known])
    counts = (len(sample.labels), len(y), int(y.sum()), reached)
    if not len(y):
        return Estimate(None, None, None, *counts)
    share = float(np.clip((weights * y).sum() / weights.sum(), 0, 1))
    others = ~there.finite | (weights > 1 + ROUNDING)
    if not others.any():
        return Estimate(share, share, share, *counts)
    bounds = _bounds(_only(there, others), weights[others], share)
    if bounds is None:
        return Estimate(share, None, None, *counts)
    yes, rest = (weights * y)[~others].sum(), weights[others].sum()
    low, high = ((yes + rest * bound) / weights.sum() for bound in bounds)
    # The share is added up in another order: it may be past a bound by rounding.
    return Estimate(share, min(float(low), share), max(float(high), share), *counts)


def _only(sample: Sample, which: Mask) -> Sample:
    return Sample(**{name: values[which] for name, values in vars(sample).items()})


def _bounds(sample: Sample, weights: Floats, whole: float) -> tuple[float, float] | None:
    """The 95 % interval of the share x of positives among images that stand for others.

    The variance is that of the sum of e = w (y - x) / sum(w): the squared deviations of totals
    within strata, m / (m - 1) times, e times sqrt(1 - pi r) where the population is finite. Totals
    are taken for properties (ultimate clusters) and for single images, and the larger variance
    counts: images are drawn, not properties, so the second is the textbook's (for a simple random
    sample (1 - f) s^2 / n exactly), and the first guards against photos of a property being alike.
    Where m images of a property were let through by chance first, no finite correction is made,
    and the variance is that of drawing with replacement: too large rather than too small. There
    sum(w) is uncertain as well, and with it the part of the images that are certain; so e is then
    w (y - whole) / sum(w).

    The interval is Wilson's with the effective sample size x (1 - x) / variance and Student's t
    with as many degrees of freedom as there are units less strata, see :func:`_units` (Franco,
    Little, Louis and Slud, "Comparative study of confidence intervals for proportions in complex
    sample surveys", J. Surv. Stat. Methodol. 7, 2019). It stays within [0, 1], and has a width
    where all labels agree, or all within each stratum: the effective size is then
    sum(w)^2 / sum(w^2), corrected likewise.

    Args:
        sample: with known labels.
        weights: (N,), above 1 where the population is finite.
        whole: the share with the images that are certain.

    Returns:
        None where no stratum has two units.
    """
    y, total = sample.labels, weights.sum()
    share = float(np.clip((weights * y).sum() / total, 0, 1))
    correction = np.where(sample.finite, np.sqrt(np.maximum(0, 1 - 1 / weights)), 1.0)
    e = correction * weights * (y - np.where(sample.finite, share, whole)) / total
    strata, units = _units(sample.strata, sample.properties)
    pairs = np.unique(np.stack([strata, units]), axis=1)
    freedom = pairs.shape[1] - len(np.unique(strata))
    if not freedom:
        return None
    variance = max(
        variance_of_totals(e, strata, np.arange(len(e))),
        variance_of_totals(e, strata, units),
    )
    unit = float(((correction * weights) ** 2).sum() / total**2)  # of a share by luck
    spread = share * (1 - share)
    size = spread / variance if spread and variance > ROUNDING * unit else 1 / unit
    return wilson(share, size, freedom)


def _units(strata: Indices, properties: Indices) -> tuple[Indices, Indices]:
    """What the deviations within strata are taken of.

    Strata with one image are one stratum together, since one value does not vary: collapsed strata,
    whose variance is too large rather than too small (Cochran, "Sampling Techniques", 1977, section
    5A.12). In a stratum with one property the units are its images: it was sampled by itself, so
    what its photos have in common is no luck of the draw.

    Args:
        strata: (N,).
        properties: (N,).

    Returns:
        The stratum and the unit of each image, (N,) each.

    >>> strata, properties = np.array([0, 0, 1, 1, 2, 3]), np.array([0, 1, 2, 2, 3, 4])
    >>> [each.tolist() for each in _units(strata, properties)]
    [[0, 0, 1, 1, 4, 4], [0, 1, 7, 8, 3, 4]]
    """
    lonely = np.bincount(strata)[strata] == 1
    strata = np.where(lonely, strata.max(initial=0) + 1, strata)
    pairs = np.unique(np.stack([strata, properties]), axis=1)
    of_one = np.bincount(pairs[0])[strata] == 1
    alone = properties.max(initial=0) + 1 + np.arange(len(properties))
    return strata, np.where(of_one, alone, properties)


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
