"""Divide items into groups of a few, so that items that fit each other stand together.

A local search in plain Python: from many random starts an item moves to another group, or two items
change places, for as long as that raises the score. Then a few groups of the best result are
dissolved, built anew at random and improved, many times. Blocks (the categories of a taxonomy) are
solved one by one; then an item that is alone joins a group of another block. The search counts its
steps and not the time, so that equal input gives equal groups on every machine.

It knows nothing of classes: only how well each pair fits, and which items are hard.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

APART = -100_000_000  # fit of two items that must not meet; also the price of any other broken rule
ALONE = -5_000_000
BELOW_SMALLEST = -100_000  # for each item that a group is short of
STARTS = 60
KICKS = 120
MOST_STEPS = 1_000_000

Groups = list[list[int]]


@dataclass(frozen=True)
class Grouping:
    """What is to be grouped: items 0 to n - 1.

    Attributes:
        fit: symmetric n × n table of integers, zero on the diagonal; ``APART`` forbids a pair.
        hard: n flags.
        smallest: items a group, at least; smaller remainders are allowed at a price.
        largest: items a group, at most.
        max_hard: hard items a group, at most.
    """

    fit: Sequence[Sequence[int]]
    hard: Sequence[bool]
    smallest: int
    largest: int
    max_hard: int

    def size_score(self, size: int, hard: int) -> int:
        """Score of a group's size and number of hard items, zero at best."""
        if not size:
            return 0
        broken = max(0, size - self.largest) + max(0, hard - self.max_hard)
        alone = ALONE if size == 1 < self.smallest else 0
        return APART * broken + alone + BELOW_SMALLEST * max(0, self.smallest - size)

    def score(self, groups: Sequence[Sequence[int]]) -> int:
        """What the search maximises: the fit of all pairs inside groups, less the broken rules."""
        total = 0
        for group in groups:
            total += self.size_score(len(group), sum(self.hard[item] for item in group))
            total += sum(self.fit[a][b] for at, a in enumerate(group) for b in group[at + 1 :])
        return total


def solve(grouping: Grouping, blocks: Sequence[Sequence[int]], *, seed: int = 0) -> Groups:
    """Group all items of the blocks.

    Args:
        grouping: the items.
        blocks: every item once; items of one block are expected to stand together.
        seed: of the random starts.

    Returns:
        Groups of items; items ascend within a group, groups by their first item.
    """
    groups: Groups = []
    for number, block in enumerate(blocks):
        groups.extend(_solve_block(grouping, block, random.Random(f"{seed}/{number}")))
    return _adopt(grouping, groups)


def _adopt(grouping: Grouping, groups: Groups) -> Groups:
    """Put each item that is alone into the group where it costs least, if that is better."""
    kept = [list(group) for group in groups]
    for alone in [group for group in kept if len(group) == 1]:
        others = [group for group in kept if group is not alone]
        gains = [
            grouping.score([sorted(group + alone)]) - grouping.score([group]) for group in others
        ]
        if len(alone) == 1 and others and max(gains) > grouping.score([alone]):
            host = others[gains.index(max(gains))]
            host[:] = sorted(host + alone)
            kept = others
    return sorted(kept)


def _solve_block(grouping: Grouping, block: Sequence[int], rng: random.Random) -> Groups:
    fewest = math.ceil(len(block) / grouping.largest)
    most = max(fewest, len(block) // grouping.smallest)
    best, best_score, steps = [list(block)], grouping.score([block]), 0
    for start in range(STARTS + KICKS):
        search = _Search(grouping, block)
        if start < STARTS:
            search.begin(rng, fewest + start % (most - fewest + 1))
        else:
            dissolved = rng.sample(range(len(best)), min(len(best), 2 + start % 2))
            kept = [group for at, group in enumerate(best) if at not in dissolved]
            search.begin(rng, len(dissolved) + rng.randint(-1, 1), kept)
        steps += search.improve(rng, MOST_STEPS - steps)
        groups = search.groups()
        score = grouping.score(groups)
        if score > best_score:
            best, best_score = groups, score
        if steps >= MOST_STEPS:
            break
    return best


class _Search:
    """Items in slots, with the fit of each item to each slot kept up to date."""

    def __init__(self, grouping: Grouping, items: Sequence[int]) -> None:
        slots = len(items)  # enough for each item to be alone
        self._fit = grouping.fit
        self._hard = grouping.hard
        self._size_score: Callable[[int, int], int] = cache(grouping.size_score)
        self._items = list(items)
        self._slot: dict[int, int] = {}
        self._size = [0] * slots
        self._hards = [0] * slots
        self._to = {item: [0] * slots for item in items}

    def put(self, item: int, slot: int) -> None:
        """Put an item into a slot, out of the one that it is in."""
        before = self._slot.get(item)
        fit, hard = self._fit[item], int(self._hard[item])
        for other in self._items:
            row = self._to[other]
            row[slot] += fit[other]
            if before is not None:
                row[before] -= fit[other]
        self._slot[item] = slot
        self._size[slot] += 1
        self._hards[slot] += hard
        if before is not None:
            self._size[before] -= 1
            self._hards[before] -= hard

    def begin(self, rng: random.Random, count: int, kept: Sequence[Sequence[int]] = ()) -> None:
        """A start: one random item in each of ``count`` slots, then each where it fits best.

        Args:
            rng: random numbers.
            count: slots to begin.
            kept: groups that stand already; their items are not moved.
        """
        for slot, group in enumerate(kept):
            for item in group:
                self.put(item, slot)
        loose = [item for item in self._items if item not in self._slot]
        order = rng.sample(loose, len(loose))
        for slot, item in enumerate(order[:count], len(kept)):
            self.put(item, slot)
        for item in order[count:]:
            best = max((self._entering(item, slot), -slot) for slot in self._slots())
            self.put(item, -best[1])

    def _slots(self) -> list[int]:
        """The slots with items, and the first that is empty."""
        used = [slot for slot, size in enumerate(self._size) if size]
        empty = next((slot for slot, size in enumerate(self._size) if not size), None)
        return used if empty is None else [*used, empty]

    def improve(self, rng: random.Random, most_steps: int) -> int:
        """Make the best change of each item in turn until none helps; how many were weighed."""
        steps, improved = 0, True
        while improved and steps < most_steps:
            improved = False
            for item in rng.sample(self._items, len(self._items)):
                gain, slot, partner = max(self._moves(item))
                steps += len(self._items) + len(self._size)
                if gain > 0:
                    home = self._slot[item]
                    self.put(item, slot)
                    if partner >= 0:
                        self.put(partner, home)
                    improved = True
        return steps

    def _moves(self, item: int) -> list[tuple[int, int, int]]:
        """All changes of an item: gain, its new slot, and who comes in exchange (-1: nobody)."""
        home = self._slot[item]
        leaving = self._leaving(item, home)
        found = [(0, home, -1)]
        for slot in self._slots():
            if slot != home:
                found.append((leaving + self._entering(item, slot), slot, -1))
        for other in self._items:
            if self._slot[other] != home:
                found.append((self._swapping(item, other), self._slot[other], other))
        return found

    def _entering(self, item: int, slot: int) -> int:
        size, hards = self._size[slot], self._hards[slot]
        after = self._size_score(size + 1, hards + self._hard[item])
        return self._to[item][slot] + after - self._size_score(size, hards)

    def _leaving(self, item: int, slot: int) -> int:
        size, hards = self._size[slot], self._hards[slot]
        after = self._size_score(size - 1, hards - self._hard[item])
        return after - self._to[item][slot] - self._size_score(size, hards)

    def _swapping(self, a: int, b: int) -> int:
        here, there = self._slot[a], self._slot[b]
        to_a, to_b = self._to[a], self._to[b]
        gain = to_a[there] - to_a[here] + to_b[here] - to_b[there] - 2 * self._fit[a][b]
        change = self._hard[b] - self._hard[a]
        if change:
            gain += self._hard_gain(here, change) + self._hard_gain(there, -change)
        return gain

    def _hard_gain(self, slot: int, change: int) -> int:
        size, hards = self._size[slot], self._hards[slot]
        return self._size_score(size, hards + change) - self._size_score(size, hards)

    def groups(self) -> Groups:
        """The groups that are not empty."""
        members: dict[int, list[int]] = {}
        for item in sorted(self._items):
            members.setdefault(self._slot[item], []).append(item)
        return sorted(members.values())
