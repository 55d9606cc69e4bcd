"""Which images train, validate and test: every class in its share, whole groups together.

``lowest-frequency`` is the rule of the paper (MuMIC, section "Data"): images are stratified on
their label of lowest frequency. ``iterative`` looks at all labels of an image (Sechidis, Tsoumakas
and Vlahavas, "On the Stratification of Multi-label Data", ECML PKDD 2011, algorithm 1). The first
leaves the other labels uneven, and groups are larger than images, which leaves rare classes uneven
by either; ``annotate.dataset.balance`` then moves and swaps groups until no step makes it better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from annotate.dataset.balance import Balance, balance_groups
from annotate.errors import InputError, closest
from annotate.settings import DatasetSettings

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

SPLITS = ("train", "validation", "test")
METHODS = ("lowest-frequency", "iterative")
FREE = -1


def split_shares(settings: DatasetSettings) -> tuple[float, float, float]:
    """Shares in the order of ``SPLITS``.

    Raises:
        InputError: one is negative, nothing is left to train on, or they do not sum to 1.
    """
    shares = (settings.train, settings.validation, settings.test)
    if min(shares) < 0 or settings.train <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise InputError(
            f"[dataset] train, validation and test are {shares}; make them shares that sum to 1, "
            "with something to train on."
        )
    return shares


def check_method(method: str) -> None:
    """Refuse a way to split that there is not.

    Raises:
        InputError: it is none of ``METHODS``.
    """
    if method not in METHODS:
        raise InputError(
            f"[dataset] split is {method!r}; set it to {' or '.join(METHODS)}"
            f"{closest(method, METHODS)}"
        )


def assign_splits(
    positive: Mask,
    groups: Indices,
    fixed: Indices,
    shares: tuple[float, float, float],
    *,
    seed: int,
    method: str = METHODS[0],
) -> Indices:
    """Give every image a split.

    Args:
        positive: (N, C), which labels are positive.
        groups: (N,), equal numbers stay together.
        fixed: (N,), the split that an image has had, else ``FREE``. It keeps it, and the rest of
            its group follows (the split that most of the group has, should it have several).
        shares: wanted share of each split.
        seed: decides between groups that are alike.
        method: one of ``METHODS``.

    Returns:
        (N,), index into ``SPLITS``.
    """
    if not len(groups):
        return np.zeros(0, np.int64)
    names, group = np.unique(groups, return_inverse=True)
    unlabelled = positive.sum(axis=1, keepdims=True) == 0
    counts = _sums(group, len(names), np.hstack([np.ones_like(unlabelled), unlabelled, positive]))
    strata = counts[:, 1:]
    if method == METHODS[0]:
        rarest = (rarest_label(positive) + 1) % (positive.shape[1] + 1)  # unlabelled ones first
        strata = np.zeros_like(strata)
        np.add.at(strata, (group, rarest), 1)
    split = _settled(group, len(names), fixed)
    frozen: Mask = np.not_equal(split, FREE)
    split = _fill(strata, counts[:, 0], split, np.array(shares), seed)
    balance = Balance.of(counts, np.array(shares))
    if method == METHODS[0] or len(names) < len(group) or balance.lacks_a_class(split):
        split = balance_groups(balance, split, frozen)
    return np.where(fixed == FREE, split[group], fixed)


def rarest_label(positive: Mask) -> Indices:
    """(N,): each image's positive label that the fewest images have; C where it has none.

    >>> rarest_label(np.array([[1, 1], [1, 0], [0, 0]], bool)).tolist()
    [1, 0, 2]
    """
    frequency = positive.sum(axis=0)
    count = positive.shape[1]
    rank = np.empty(count, np.int64)
    rank[np.argsort(frequency, kind="stable")] = np.arange(count)
    by_rank = np.append(np.argsort(frequency, kind="stable"), count)
    best = np.where(positive, rank, count).min(axis=1, initial=count)
    found: Indices = by_rank[best]
    return found


def _settled(group: Indices, count: int, fixed: Indices) -> Indices:
    """Split of each group that had one, else ``FREE``."""
    known: Mask = np.not_equal(fixed, FREE)
    votes = np.zeros((count, len(SPLITS)), np.int64)
    np.add.at(votes, (group[known], fixed[known]), 1)
    return np.where(votes.any(axis=1), votes.argmax(axis=1), FREE)


def _sums(group: Indices, count: int, rows: npt.NDArray[np.bool_]) -> Floats:
    """Sum rows by group, (count, K); every group has a row."""
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(count))
    return np.add.reduceat(rows[order].astype(np.float64), starts, axis=0)


def _fill(strata: Floats, sizes: Floats, split: Indices, shares: Floats, seed: int) -> Indices:
    """Give free groups a split, those of the stratum that has fewest left first.

    Each goes to the split that lacks most of that stratum, of several such to the one that lacks
    most images. A group may be in several strata: by the paper's rule one that holds images of
    several rarest labels, by the iterative one any with several labels.

    Args:
        strata: (G, K) images of each stratum; the first one is of images without a positive label,
            whose turn comes last.
        sizes: (G,) images.
        split: (G,), settled ones or ``FREE``.
        shares: (3,).
        seed: order of groups that have equally many images of a stratum.

    Returns:
        (G,), all settled.
    """
    split = split.copy()
    settled = np.stack([split == at for at in range(len(SPLITS))]).astype(np.float64)
    need = (shares[:, None] * strata.sum(axis=0) - settled @ strata).tolist()
    room = ((shares * sizes.sum() - settled @ sizes) / np.maximum(shares, 1e-9)).tolist()
    open_splits = [at for at, share in enumerate(shares) if share > 0]
    chance = np.random.default_rng(seed).permutation(len(split))
    left = strata[split == FREE].sum(axis=0)
    by_stratum = np.ascontiguousarray(strata.T)
    while (split == FREE).any():
        stratum = _next_stratum(left)
        members = np.flatnonzero((split == FREE) & (by_stratum[stratum] > 0))
        members = members[np.lexsort((chance[members], -by_stratum[stratum][members]))]
        left -= strata[members].sum(axis=0)
        for at, entries in zip(members.tolist(), _entries(strata[members]), strict=True):
            target = max(
                open_splits,
                key=lambda s: (round(need[s][stratum], 9), round(room[s], 9), -s),
            )
            split[at] = target
            room[target] -= sizes[at] / shares[target]
            for column, images in entries:
                need[target][column] -= images
    return split


def _entries(rows: Floats) -> list[list[tuple[int, float]]]:
    """Columns and values of each row that are not zero: few of many."""
    found: list[list[tuple[int, float]]] = [[] for _ in range(len(rows))]
    at, columns = np.nonzero(rows)
    values = rows[at, columns]
    for row, column, value in zip(at.tolist(), columns.tolist(), values.tolist(), strict=True):
        found[row].append((column, value))
    return found


def _next_stratum(left: Floats) -> int:
    """The stratum with the fewest images left; the first one only when no other has any."""
    others = np.where(left[1:] > 0, left[1:], np.inf)
    return int(others.argmin()) + 1 if np.isfinite(others).any() else 0


@dataclass(frozen=True)
class SplitCounts:
    """Positive labels per class and split, (C, 3), and images per split, (3,)."""

    positives: Indices
    images: Indices

    @classmethod
    def of(cls, positive: Mask, split: Indices) -> SplitCounts:
        """Count."""
        members = [split == at for at in range(len(SPLITS))]
        return cls(
            np.stack([positive[mask].sum(axis=0) for mask in members], axis=1),
            np.array([mask.sum() for mask in members]),
        )
