"""Greedy k-center against brute force, its bound, and float64."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.mining import kcenter
from annotate.mining.kcenter import EXACT, Limits, grid_step, k_center, to_grid

Floats = np.ndarray[Any, Any]


def units(count: int, dim: int, seed: int, copies: int = 0) -> Floats:
    """Unit rows, fp16; some of them twice."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, dim))
    rows[rng.integers(0, count, copies)] = rows[rng.integers(0, count, copies)]
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def brute_force(rows: Floats, n: int, centres: Floats | None, limits: Limits) -> list[int]:
    """One row after the other, in Python's whole numbers."""
    step = int(grid_step(rows.shape[1]))
    whole = np.rint(rows.astype(np.float64) * step).astype(np.int64)
    chosen: list[int] = []
    given_: dict[int, int] = {}
    if centres is None or not len(centres):
        near = [-(10**12)] * len(rows)
        start: int | None = int(np.argmax(whole @ whole.sum(axis=0)))
    else:
        others = np.rint(centres.astype(np.float64) * step).astype(np.int64)
        near, start = [max(row) for row in (whole @ others.T).tolist()], None
    while len(chosen) < n:
        allowed = [
            at
            for at in range(len(rows))
            if at not in chosen
            and near[at] < limits.near_cosine * step**2
            and not (
                limits.per_group
                and limits.groups[at] >= 0
                and given_.get(int(limits.groups[at]), 0) >= limits.per_group
            )
        ]
        if not allowed:
            break
        at = min(allowed, key=lambda at: (near[at], at)) if start is None else start
        start = None
        chosen.append(at)
        if len(limits.groups):
            given_[int(limits.groups[at])] = given_.get(int(limits.groups[at]), 0) + 1
        near = [max(a, b) for a, b in zip(near, (whole @ whole[at]).tolist(), strict=True)]
    return chosen


@settings(deadline=None, max_examples=120)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 60),
    n=st.integers(0, 70),
    centred=st.booleans(),
    hot=st.sampled_from([1, 2, 7, 2048]),
    near=st.sampled_from([2.0, 0.8, 0.3]),
    per_group=st.integers(0, 3),
)
def test_choices_are_those_of_brute_force(
    seed: int, count: int, n: int, centred: bool, hot: int, near: float, per_group: int
) -> None:
    rows = units(count, 5, seed, copies=count // 3)
    centres = units(4, 5, seed + 1) if centred else None
    groups = np.random.default_rng(seed).integers(-1, 6, count)
    limits = Limits(near, groups, per_group)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kcenter, "HOT", hot)
        patch.setattr(kcenter, "BLOCK", 16)
        found = k_center(rows, n, centres, limits=limits)
    assert found.rows.tolist() == brute_force(rows, n, centres, limits)


def test_distances_are_those_of_float64() -> None:
    rows, centres = units(300, 64, 1), units(20, 64, 2)
    found = k_center(rows, 50, centres)
    wide = rows.astype(np.float64)
    before = np.concatenate([centres.astype(np.float64), wide[found.rows]])
    for place, (row, distance) in enumerate(zip(found.rows, found.distances, strict=True)):
        nearest = (before[: 20 + place] @ wide[row]).max()
        assert distance == pytest.approx(1 - nearest, abs=1e-3)
    assert (np.diff(found.distances) <= 0).all()
    alone = k_center(rows, 3)
    assert np.isnan(alone.distances[0])
    mean = wide.mean(axis=0)
    assert alone.rows[0] == np.argmax(wide @ mean)
    assert k_center(rows, 3, first=17).rows[0] == 17


def radius(rows: Floats, chosen: list[int]) -> float:
    """Largest distance, as a chord, to the nearest chosen row."""
    gaps = np.linalg.norm(rows[:, None] - rows[None, chosen], axis=2)
    return float(gaps.min(axis=1).max())


@pytest.mark.parametrize("seed", range(6))
def test_the_radius_is_at_most_twice_the_best(seed: int) -> None:
    rows = units(12, 3, seed)
    wide = rows.astype(np.float64)
    best = min(radius(wide, list(chosen)) for chosen in itertools.combinations(range(12), 4))
    found = radius(wide, k_center(rows, 4).rows.tolist())
    assert best - 1e-3 <= found <= 2 * best + 1e-3


@pytest.mark.parametrize("dim", [3, 96, 512, 1024, 4096])
def test_products_are_exact_in_float32(dim: int) -> None:
    rows = units(40, dim, dim)
    rows[0] = 0
    rows[0, 0] = 1.0  # all the length in one component
    rows[1] = np.full(dim, dim**-0.5)  # and in all alike
    grid = to_grid(rows)
    whole = grid.astype(np.int64)
    truth = whole @ whole.T
    assert (grid @ grid.T == truth).all()
    assert (np.abs(whole) @ np.abs(whole).T).max() <= EXACT**2
    assert np.abs(truth / grid_step(dim) ** 2 - 1.0 * rows @ (1.0 * rows.T)).max() < 0.02


def test_progress_and_nothing_to_choose_from() -> None:
    told: list[int] = []
    found = k_center(units(100, 8, 3), 30, on_progress=told.append)
    assert sum(told) == len(found.rows) == 30
    empty = k_center(np.zeros((0, 8), np.float16), 5, units(2, 8, 1))
    assert len(empty.rows) == len(empty.distances) == 0
