"""Moves and swaps groups between splits until every class has its share, as far as can be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

ROUNDS = 24
PATIENCE = 6  # rounds without a better assignment that end the search
MOST_STEPS = 2000
MOST_WORK = 2e8  # steps times cells of the table, a round
SIZE_WEIGHT = 5.0  # the number of images counts as much as so many classes
SWAP_CANDIDATES = 600
_DIGITS = 9  # rounding off the last digits makes the same choice on every machine


@dataclass(frozen=True)
class Balance:
    """What is balanced.

    The cost is the sum over splits and columns of ((count - target) / max(target, 1)) squared, with
    the target a column's share: a class that lacks half its test images costs the same whether it
    is rare or not.

    Attributes:
        table: (G, K) counts of each group; the first column is its number of images.
        shares: (S,) wanted share of each split; one of 0 takes nothing.
        importance: (K,) weight of each column's cost.
    """

    table: Floats
    shares: Floats
    importance: Floats

    @classmethod
    def of(cls, table: Floats, shares: Floats) -> Balance:
        """All columns alike, except the number of images, which must come out nearly right."""
        importance = np.ones(table.shape[1])
        importance[0] = SIZE_WEIGHT
        return cls(table, shares, importance)

    @cached_property
    def targets(self) -> Floats:
        """(S, K): a column's share, but one at least for each split where there are enough.

        The largest split gives what the others get beyond their share: of five images of a class
        one validates and one tests, though a tenth of five is less.
        """
        totals = self.table.sum(axis=0)
        targets: Floats = self.shares[:, None] * totals
        wanting = self.shares > 0
        raised = np.where(
            wanting[:, None] & (totals >= wanting.sum()), np.maximum(targets, 1), targets
        )
        largest = int(self.shares.argmax())
        raised[largest] -= raised.sum(axis=0) - totals
        return raised

    @property
    def weights(self) -> Floats:
        """(S, K), of a squared deviation."""
        weights: Floats = self.importance / np.maximum(self.targets, 1.0) ** 2
        return weights

    def deviations(self, split: Indices) -> Floats:
        """(S, K), count minus target."""
        members = split == np.arange(len(self.shares))[:, None]
        deviations: Floats = members.astype(np.float64) @ self.table - self.targets
        return deviations

    def lacks_a_class(self, split: Indices) -> bool:
        """Whether a split has nothing of a column of which it should have one at least."""
        return bool((self.lacking(split) >= 1).any())

    def lacking(self, split: Indices) -> Floats:
        """(S, K) share of the target that is missing, 0 where there is enough."""
        return np.maximum(-self.deviations(split) / np.maximum(self.targets, 1.0), 0.0)


def balance_groups(balance: Balance, split: Indices, frozen: Mask) -> Indices:
    """Lower the cost, then again and again with more weight on what lacks most; keep the best.

    Args:
        balance: the groups.
        split: (G,) where to start.
        frozen: (G,) groups that stay where they are.

    Returns:
        (G,), the assignment whose worst column lacks least (by the sum of fourth powers).
    """
    best, least, idle = split, np.inf, 0
    for _ in range(ROUNDS):
        split = _descend(balance, split, frozen)
        lacking = balance.lacking(split)
        badness = round(float((lacking**4).sum()), _DIGITS)
        idle += 1
        if badness < least:
            best, least, idle = split, badness, 0
        if idle == PATIENCE:
            break
        balance = replace(balance, importance=balance.importance * (1 + lacking.max(axis=0)))
    return best


def _descend(balance: Balance, split: Indices, frozen: Mask) -> Indices:
    """Steepest descent: the best move of a group, or the best swap of two where no move helps."""
    split = split.copy()
    table, weights = balance.table, balance.weights
    columns = np.ascontiguousarray(table.T)
    squares = table**2 @ weights.T
    slopes = 2 * table @ (weights * balance.deviations(split)).T
    for _ in range(int(min(MOST_STEPS, MOST_WORK / max(table.size, 1)))):
        costs = _Costs(squares - slopes, squares + slopes)
        moved = _best_move(costs, split, frozen, balance.shares)
        if moved is None:
            moved = _best_swap(costs, split, frozen, table, weights)
        if moved is None:
            break
        for group, target in moved:
            # Only the columns that the group has change, and of the slopes those of two splits.
            own = np.flatnonzero(table[group])
            for side, sign in ((split[group], -2.0), (target, 2.0)):
                slopes[:, side] += (sign * weights[side, own] * table[group, own]) @ columns[own]
            split[group] = target
    return split


@dataclass(frozen=True)
class _Costs:
    """(G, S) change of the cost by taking a group out of a split, and by putting it into one."""

    out: Floats
    into: Floats


_Moves = list[tuple[int, int]]


def _best_move(costs: _Costs, split: Indices, frozen: Mask, shares: Floats) -> _Moves | None:
    rows = np.arange(len(split))
    change = costs.out[rows, split][:, None] + costs.into
    change[rows, split] = np.inf
    change[frozen] = np.inf
    change[:, shares <= 0] = np.inf
    change = np.round(change, _DIGITS)
    group, target = np.unravel_index(int(change.argmin()), change.shape)
    return [(int(group), int(target))] if change[group, target] < 0 else None


def _best_swap(
    costs: _Costs, split: Indices, frozen: Mask, table: Floats, weights: Floats
) -> _Moves | None:
    best, found = 0.0, None
    for one in range(len(weights)):
        for other in range(one + 1, len(weights)):
            left = _candidates(costs, split, frozen, one, other)
            right = _candidates(costs, split, frozen, other, one)
            if not len(left) or not len(right):
                continue
            change = (
                (costs.out[left, one] + costs.into[left, other])[:, None]
                + (costs.out[right, other] + costs.into[right, one])[None, :]
                - 2 * (table[left] * (weights[one] + weights[other])) @ table[right].T
            )
            change = np.round(change, _DIGITS)
            row, column = np.unravel_index(int(change.argmin()), change.shape)
            if change[row, column] < best:
                best = float(change[row, column])
                found = [(int(left[row]), other), (int(right[column]), one)]
    return found


def _candidates(costs: _Costs, split: Indices, frozen: Mask, source: int, target: int) -> Indices:
    """Groups of a split that would cost least to move to another."""
    groups = np.flatnonzero((split == source) & ~frozen)
    change = np.round(costs.out[groups, source] + costs.into[groups, target], _DIGITS)
    if len(groups) > SWAP_CANDIDATES:  # without sorting the many that cost more
        fine = change <= np.partition(change, SWAP_CANDIDATES)[SWAP_CANDIDATES]
        groups, change = groups[fine], change[fine]
    return groups[np.argsort(change, kind="stable")[:SWAP_CANDIDATES]]
