"""The laws of search: brute force in float64 gives the same, however the rows are cut up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

import annotate.search.exact
from annotate.index.shards import Index
from annotate.search.halves import gather, halves_apart, widen
from tests.annotate.search.each import search


def all_halves() -> npt.NDArray[np.float16]:
    """Every finite half there is, subnormal ones and both zeros too, (31744, 2)."""
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    return halves[np.isfinite(halves)].reshape(-1, 2)


@pytest.mark.parametrize("columns", [2, 31, 62])
def test_widening_is_numpys_cast(columns: int) -> None:
    rows = all_halves().reshape(-1, columns)
    expected = rows.astype(np.float32)
    out = np.full(rows.shape, np.nan, np.float32)
    widen(rows, out)
    np.testing.assert_array_equal(out.view(np.uint32), expected.view(np.uint32))
    widen(rows, out, apart=True)
    expected = np.ascontiguousarray(expected[:, halves_apart(columns)])
    np.testing.assert_array_equal(out.view(np.uint32), expected.view(np.uint32))


def test_widening_of_a_cut_out() -> None:
    rows = np.random.default_rng(0).standard_normal((9, 12)).astype(np.float16)[::2, 2:8]
    out = np.empty(rows.shape, np.float32)
    widen(rows, out)
    np.testing.assert_array_equal(out, rows.astype(np.float32))


def test_gather_keeps_the_order_that_is_asked_for() -> None:
    rows = np.arange(40, dtype=np.float16).reshape(20, 2)
    wanted = np.array([19, 0, 7, 7, 3, 12])
    shards = np.split(rows, [0, 5, 5, 13])
    np.testing.assert_array_equal(gather(shards, wanted), rows[wanted])
    assert gather(shards, wanted[:0]).shape == (0, 2)


@st.composite
def searches(draw: st.DrawFn) -> tuple[Index, npt.NDArray[np.float32], int, npt.NDArray[np.bool_]]:
    """Few different rows, so that many scores are equal; cuts may make empty shards."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, dim = draw(st.integers(1, 90)), draw(st.sampled_from([1, 2, 3, 8, 17, 32]))
    different = rng.standard_normal((draw(st.integers(1, n)), dim))
    different /= np.linalg.norm(different, axis=1, keepdims=True)
    rows = different[rng.integers(0, len(different), n)].astype(np.float16)
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=5)))
    hashes = np.array([f"{value:08x}" for value in rng.permutation(n)], object)
    queries = rng.standard_normal((draw(st.integers(1, 7)), dim))
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    if draw(st.booleans()):
        queries[-1] = rows[0]  # one that stands in the index
    keep = rng.random(n) < draw(st.sampled_from([0.0, 0.05, 0.5, 1.0]))
    k = draw(st.integers(1, 2 * n))
    return Index(hashes, np.split(rows, cuts)), queries.astype(np.float32), k, keep


@settings(max_examples=150, deadline=None)
@given(case=searches(), block=st.integers(1, 40), seed=st.integers(0, 9))
def test_search_is_brute_force_in_float64(
    case: tuple[Index, npt.NDArray[np.float32], int, npt.NDArray[np.bool_]], block: int, seed: int
) -> None:
    index, queries, k, keep = case
    groups = np.unique(
        np.random.default_rng(seed).integers(0, 3, len(queries)), return_inverse=True
    )[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(annotate.search.exact, "BLOCK", block)
        patch.setattr(annotate.search.exact, "RESCORED", 7)
        scores, rows = search(index, queries, k, keep)
        hits = index.search_groups(queries, groups, k, keep)
    stored = np.concatenate(index.embeddings).astype(np.float64)
    every = (stored[:, None, :] * queries.astype(np.float64)).sum(axis=2)
    names = index.content_hashes.astype(str)

    def best(values: npt.NDArray[np.float64]) -> list[int]:
        return [row for row in np.lexsort((names, -values)) if keep[row]][:k]

    for number in range(len(queries)):
        order = best(every[:, number])
        assert rows[number].tolist() == order
        np.testing.assert_array_equal(scores[number], every[order, number])
    for group in range(groups.max() + 1):
        own = np.flatnonzero(groups == group)
        order = best(every[:, own].max(axis=1))
        assert hits.rows[group].tolist() == order
        np.testing.assert_array_equal(hits.scores[group], every[:, own].max(axis=1)[order])
        assert hits.queries[group].tolist() == own[every[:, own].argmax(axis=1)][order].tolist()


def test_close_scores_are_told_apart_by_float64_whatever_the_threads() -> None:
    """Neighbours that differ in the last bit of one half: float32 products tie or swap them."""
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.standard_normal((1, 512)), 6000, axis=0).astype(np.float16)
    rows /= np.float16(np.linalg.norm(rows[0].astype(np.float64)))
    at = rng.integers(0, 512, 6000)
    rows[np.arange(6000), at] = np.nextafter(rows[np.arange(6000), at], np.float16(1))
    queries = rng.standard_normal((3, 512)).astype(np.float32) * np.float32(0.04)
    hashes = np.array([f"{value:08x}" for value in rng.permutation(6000)], object)
    stored = rows.astype(np.float64)
    index = Index(hashes, np.split(rows, [100, 2000, 5000]))
    found = []
    for threads in (1, 2, 5):
        with threadpool_limits(threads, "blas"):
            found.append(search(index, queries, 50))
    for number, query in enumerate(queries.astype(np.float64)):
        values = (stored * query).sum(axis=1)
        order = np.lexsort((hashes.astype(str), -values))[:50]
        for scores, rows_found in found:
            np.testing.assert_array_equal(rows_found[number], order)
            np.testing.assert_array_equal(scores[number], values[order])


def test_shards_without_a_kept_row_are_not_read() -> None:
    """Rows that are no numbers would win, or spoil the floor, if they were looked at."""
    rows = np.eye(8, dtype=np.float16)
    poisoned = np.full((5, 8), np.nan, np.float16)
    index = Index(
        np.array([f"{value:02d}" for value in range(18)], object), [rows, poisoned, rows[:5]]
    )
    keep = np.ones(18, bool)
    keep[8:13] = False
    scores, found = search(index, rows[:2].astype(np.float32), 2, keep)
    assert found.tolist() == [[0, 13], [1, 14]]
    assert scores.tolist() == [[1, 1], [1, 1]]


def test_no_queries() -> None:
    index = Index(np.array(["a"], object), [np.ones((1, 1), np.float16)])
    scores, rows = search(index, np.empty((0, 1), np.float32), 3)
    assert scores.shape == rows.shape == (0, 1)
