"""How far annotators agree, class by class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def nominal_alpha(counts: npt.ArrayLike) -> Floats:
    """Krippendorff's alpha for nominal data, in closed form from the counts of each unit.

    alpha = 1 - D_o / D_e, where D_o is the share of disagreeing pairs within units and D_e that of
    all pairs. Units with fewer than two values cannot disagree and do not count.

    Args:
        counts: (units, ..., values): how often each value was given to a unit. Axes between are
            kept: (images, classes, 2) gives an alpha for each class.

    Returns:
        Shape of the axes between, 1 at most. NaN where fewer than two different values were ever
        given: agreement cannot be told from having no choice.

    Reference:
        Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section on nominal data.

    >>> nominal_alpha([[2, 0], [0, 2], [1, 1]]).round(3).item()
    0.444
    """
    table, sizes = _pairable(counts)
    weights = 1.0 / np.maximum(sizes - 1.0, 1.0)
    agreeing = ((table * (table - 1.0)).sum(axis=-1) * weights).sum(axis=0)
    totals = table.sum(axis=0)
    n = totals.sum(axis=-1)
    expected = n * n - (totals * totals).sum(axis=-1)
    defined = expected > 0
    safe = np.where(defined, expected, 1.0)
    return np.where(defined, 1.0 - (n - agreeing) * (n - 1.0) / safe, np.nan)


def fleiss_kappa(counts: npt.ArrayLike) -> Floats:
    """Fleiss' kappa: agreement beyond that of people who keep the shares of values and guess.

    Units may have different numbers of values: the shares are then means over the units, as Gwet
    does it, and equal Fleiss' own where all numbers are equal.

    Args:
        counts: (units, ..., values), as for :func:`nominal_alpha`.

    Returns:
        Shape of the axes between, 1 at most; NaN where only one value was ever given.

    Reference:
        Fleiss, "Measuring nominal scale agreement among many raters" (1971). At a prevalence of
        a few per cent kappa is low however well people agree: read it beside :func:`gwet_ac1`.

    >>> fleiss_kappa([[2, 0], [0, 2], [1, 1]]).round(3).item()
    0.333
    """
    shares = _value_shares(counts)
    return _beyond_chance(percent_agreement(counts), (shares * shares).sum(axis=-1))


def gwet_ac1(counts: npt.ArrayLike) -> Floats:
    """Gwet's AC1: agreement beyond chance where only hard units are guessed at.

    Args:
        counts: (units, ..., values), as for :func:`nominal_alpha`.

    Returns:
        Shape of the axes between, 1 at most; NaN where no unit has a pair.

    Reference:
        Gwet, "Computing inter-rater reliability and its variance in the presence of high
        agreement" (2008).

    >>> gwet_ac1([[2, 0], [0, 2], [1, 1]]).round(3).item()
    0.333
    """
    shares = _value_shares(counts)
    expected = (shares * (1.0 - shares)).sum(axis=-1) / (shares.shape[-1] - 1)
    return _beyond_chance(percent_agreement(counts), expected)


def percent_agreement(counts: npt.ArrayLike) -> Floats:
    """Mean share of agreeing pairs over the units that have a pair.

    Args:
        counts: (units, ..., values), as for :func:`nominal_alpha`.

    Returns:
        Shape of the axes between, within [0, 1]; NaN where no unit has a pair.

    >>> percent_agreement([[2, 0], [0, 2], [1, 1]]).round(3).item()
    0.667
    """
    table, sizes = _pairable(counts)
    paired = sizes > 0
    pairs = np.where(paired, sizes * (sizes - 1.0), 1.0)
    shares = (table * (table - 1.0)).sum(axis=-1) / pairs
    units = paired.sum(axis=0)
    return np.where(units > 0, shares.sum(axis=0) / np.maximum(units, 1), np.nan)


def _value_shares(counts: npt.ArrayLike) -> Floats:
    """Share of each value, the mean over units that have any."""
    table = np.asarray(counts, np.float64)
    sizes = table.sum(axis=-1, keepdims=True)
    units = (sizes > 0).sum(axis=0)
    shares: Floats = (table / np.maximum(sizes, 1.0)).sum(axis=0) / np.maximum(units, 1)
    return shares


def _beyond_chance(observed: Floats, expected: Floats) -> Floats:
    defined = expected < 1.0
    return np.where(defined, (observed - expected) / np.where(defined, 1.0 - expected, 1.0), np.nan)


def _pairable(counts: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Counts with zeros in place of units that have no pair, and the units' sizes."""
    table = np.asarray(counts, np.float64)
    sizes = table.sum(axis=-1)
    table = np.where((sizes >= 2)[..., None], table, 0.0)
    return table, np.where(sizes >= 2, sizes, 0.0)
