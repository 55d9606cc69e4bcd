"""Groups of queries: a row's score is its best one."""

from __future__ import annotations

import numpy as np

from annotate.index.shards import Index


def test_groups_equal_a_sort_of_all_best_scores() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((80, 16))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    rows[50:60] = rows[:10]
    hashes = np.array([f"{value:04x}" for value in rng.permutation(80)], object)
    queries = rng.standard_normal((7, 16))
    queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)
    queries[6] = queries[0]  # equal scores of two queries
    groups = np.array([1, 0, 1, 2, 0, 1, 1])
    keep = rng.random(80) < 0.9

    hits = Index(hashes, [rows[:30], rows[30:30], rows[30:]]).search_groups(
        queries, groups, 12, keep
    )

    everything = (rows[:, None, :].astype(np.float64) * queries.astype(np.float64)).sum(axis=2)
    for group in range(3):
        own = np.flatnonzero(groups == group)
        best = everything[:, own].max(axis=1)
        ordered = np.lexsort((hashes.astype(str), -best))
        order = [row for row in ordered if keep[row]][:12]
        assert hits.rows[group].tolist() == order
        np.testing.assert_array_equal(hits.scores[group], best[order])
        first = own[everything[:, own].argmax(axis=1)]
        assert hits.queries[group].tolist() == first[order].tolist()
