"""Which images train, validate and test: stratified by the rarest label, whole groups together.

First the rule of the paper (MuMIC, section "Data"): images are stratified on their label of lowest
frequency. Groups are larger than images, so that rule alone leaves rare classes uneven;
``annotate.dataset.balance`` then moves and swaps groups until no step makes it better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from annotate.dataset.balance import Balance, balance_groups
from annotate.errors import InputError
from annotate.settings import DatasetSettings

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

SPLITS = ("train", "validation", "test")
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


def assign_splits(
    positive: Mask,
    groups: Indices,
    fixed: Indices,
    shares: tuple[float, float, float],
    *,
    seed: int,
) -> Indices:
    """Give every image a split.

    Args:
        positive: (N, C), which labels are positive.
        groups: (N,), equal numbers stay together.
        fixed: (N,), the split that an image has had, else ``FREE``. It keeps it, and the rest of
            its group follows (the split that most of the group has, should it have several).
        shares: wanted share of each split.
        seed: decides between groups that are alike.

    Returns:
        (N,), index into ``SPLITS``.
    """
    if not len(groups):
        return np.zeros(0, np.int64)
    names, group = np.unique(groups, return_inverse=True)
    strata = rarest_label(positive)
    split = _settled(group, len(names), fixed)
    frozen: Mask = np.not_equal(split, FREE)
    by_stratum = _sums(group, len(names), np.eye(positive.shape[1] + 1)[strata])
    split = _fill(by_stratum, split, np.array(shares), seed)
    unlabelled = positive.sum(axis=1, keepdims=True) == 0
    columns = np.hstack([np.ones((len(group), 1)), unlabelled, positive])
    balance = Balance.of(_sums(group, len(names), columns), np.array(shares))
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


def _sums(group: Indices, count: int, rows: npt.NDArray[np.generic]) -> Floats:
    """Sum rows by group, (count, K)."""
    sums = np.zeros((count, rows.shape[1]))
    np.add.at(sums, group, rows.astype(np.float64))
    return sums


def _fill(by_stratum: Floats, split: Indices, shares: Floats, seed: int) -> Indices:
    """Strata from the rarest on, each group to the split that lacks most of the stratum.

    Args:
        by_stratum: (G, C + 1) images of each stratum; the last one has no label.
        split: (G,), settled ones or ``FREE``.
        shares: (3,).
        seed: order of groups that have equally many images of a stratum.

    Returns:
        (G,), all settled.
    """
    split = split.copy()
    totals = by_stratum.sum(axis=0)
    need = shares[:, None] * totals
    for at in np.flatnonzero(split != FREE):
        need[split[at]] -= by_stratum[at]
    chance = np.random.default_rng(seed).permutation(len(split))
    labelled = [*np.argsort(totals[:-1], kind="stable"), len(totals) - 1]
    for stratum in labelled:
        members = np.flatnonzero((split == FREE) & (by_stratum[:, stratum] > 0))
        for at in members[np.lexsort((chance[members], -by_stratum[members, stratum]))]:
            lacking = np.where(shares > 0, np.round(need[:, stratum], 9), -np.inf)
            overall = np.round(need.sum(axis=1) / np.maximum(shares, 1e-9), 9)
            split[at] = max(range(len(SPLITS)), key=lambda s: (lacking[s], overall[s], -s))
            need[split[at]] -= by_stratum[at]
    return split


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
