"""Strata: groups of images by property features, and how many images each is allotted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.errors import InputError, closest
from annotate.tables import CATALOG

MISSING = "(missing)"
Coded = tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]  # number of each row's text, texts
POWERS = {"proportional": 1.0, "equal": 0.0, "sqrt": 0.5}  # of a stratum's size: its weight


def features_of(images: pd.DataFrame) -> list[str]:
    """Columns that strata can be made of."""
    return ["property_id", *(name for name in images.columns if name not in CATALOG.columns)]


def strata_of(images: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """Each image's stratum, such as ``property_type=hotel, stars=4``.

    An image without a value belongs to the stratum ``feature=(missing)``.

    Raises:
        InputError: no feature, an unknown one, or one that no image has.
    """
    known = features_of(images)
    if not by:
        raise InputError(f"name the features that make the strata with --by: {', '.join(known)}.")
    for name in by:
        if name not in known:
            near = closest(name, known) or "."
            raise InputError(
                f"the catalogue has no feature {name!r}{near} Its features: {', '.join(known)}. "
                "Further ones are the other columns of a table that names the photos: "
                "`mumic-annotate catalog hotels.csv`."
            )
        if len(images) and images[name].isna().all():
            raise InputError(
                f"no image has a value of {name!r}; `mumic-annotate catalog --describe` shows "
                "which features are filled."
            )
    joined = _spelled(images[by[0]])
    for name in by[1:]:
        joined = _joined(joined, _spelled(images[name]))
    codes, texts = joined
    return pd.Series(texts[codes], index=images.index, dtype=object)


def _spelled(column: pd.Series) -> Coded:
    """Each value as ``feature=value``, each spelling once."""
    codes, values = pd.factorize(column, use_na_sentinel=False)
    return codes, np.array([f"{column.name}={_spell(value)}" for value in values], object)


def _joined(left: Coded, right: Coded) -> Coded:
    (a, left_texts), (b, right_texts) = left, right
    codes, both = pd.factorize(a.astype(np.int64) * max(1, len(right_texts)) + b)
    pairs = (divmod(int(pair), max(1, len(right_texts))) for pair in both)
    return codes, np.array([f"{left_texts[i]}, {right_texts[j]}" for i, j in pairs], object)


def allocate(
    sizes: Mapping[str, int], n: int, how: str, chance: np.random.Generator | None = None
) -> dict[str, int]:
    """Share ``n`` images among strata.

    Strata that hold no more than their share are taken whole first, and the rest is shared among
    the others, the last images by largest remainder.

    Args:
        sizes: images in each stratum.
        n: images to draw.
        how: ``proportional`` to the sizes, ``equal``, or by the square root of the sizes.
        chance: says which of equal remainders come first; None: the first of the alphabet.

    Returns:
        Images to draw of each stratum: never more than it holds, in sum ``n``, or all there are.

    Raises:
        InputError: an unknown allocation.

    >>> allocate({"flat": 70, "hotel": 20, "castle": 2}, 12, "equal")
    {'castle': 2, 'flat': 5, 'hotel': 5}
    """
    if how not in POWERS:
        raise InputError(f"unknown allocation {how!r}: choose {', '.join(POWERS)}.")
    left = min(n, sum(sizes.values()))
    still = {name: size ** POWERS[how] for name, size in sorted(sizes.items()) if size}
    shares = dict.fromkeys(sorted(sizes), 0)
    while still:
        total = sum(still.values())
        quota = {name: left * value / total for name, value in still.items()}
        whole = [name for name in still if quota[name] >= sizes[name]]
        if not whole:
            return shares | _largest_remainder(quota, left, chance)
        for name in whole:
            shares[name] = sizes[name]
            left -= sizes[name]
            del still[name]
    return shares


def _largest_remainder(
    quota: Mapping[str, float], total: int, chance: np.random.Generator | None
) -> dict[str, int]:
    names = sorted(quota)
    if chance is not None:
        names = [names[at] for at in chance.permutation(len(names))]
    shares = {name: int(value) for name, value in quota.items()}
    by_remainder = sorted(names, key=lambda name: shares[name] - quota[name])  # stable
    for name in by_remainder[: total - sum(shares.values())]:
        shares[name] += 1
    return shares


def _spell(value: Any) -> str:
    if pd.isna(value):
        return MISSING
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a column of whole numbers with gaps
    return str(value)
