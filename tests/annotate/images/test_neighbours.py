"""Near-duplicates and groups, against all pairs and SciPy's connected components."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from annotate.errors import InputError
from annotate.images.neighbours import components, near_duplicates


def _same_partition(one: Any, other: Any) -> bool:
    pairs = set(zip(one, other, strict=True))
    return len(pairs) == len(set(one)) == len(set(other))


def _hashes(seed: int, clusters: int, copies: int) -> list[int]:
    """Random hashes, each with copies that differ in a few random bits."""
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 2**63, clusters, dtype=np.uint64)
    values = list(base)
    for value in base[:copies]:
        bits = rng.choice(64, rng.integers(0, 9), replace=False)
        values.append(
            value ^ np.bitwise_or.reduce(np.uint64(1) << bits.astype(np.uint64), initial=0)
        )
    return [int(value) for value in values]


@pytest.mark.parametrize("bits", [0, 1, 4, 7, 15])
@pytest.mark.parametrize("seed", [0, 1])
def test_finds_what_comparing_all_pairs_finds(bits: int, seed: int) -> None:
    values = _hashes(seed, 300, 200)
    close = [[(a ^ b).bit_count() <= bits for b in values] for a in values]
    expected = connected_components(np.array(close))[1]
    texts = [f"{value:016x}" for value in values]
    found = components(len(values), near_duplicates(texts, bits))
    assert _same_partition(found, expected)


def test_pairs_are_really_near() -> None:
    texts = [f"{value:016x}" for value in _hashes(2, 100, 100)]
    for a, b in zip(*near_duplicates(texts, 3), strict=True):
        assert (int(texts[a], 16) ^ int(texts[b], 16)).bit_count() <= 3


def test_what_is_no_hash_has_no_neighbours() -> None:
    texts = [None, "", "xyz", "0" * 15, "0" * 17, None, "0" * 16, "0" * 15 + "1"]
    found = components(len(texts), near_duplicates(texts, 1))
    assert found.tolist() == [0, 1, 2, 3, 4, 5, 6, 6]


@pytest.mark.parametrize("bits", [-1, 16, 64])
def test_bits_out_of_range(bits: int) -> None:
    with pytest.raises(InputError, match="near_duplicate_bits"):
        near_duplicates(["0" * 16], bits)


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40))
def test_components_equal_scipys(edges: list[tuple[int, int]]) -> None:
    table = np.array(edges, np.int64).reshape(-1, 2)
    graph = coo_matrix((np.ones(len(table)), (table[:, 0], table[:, 1])), shape=(30, 30))
    expected = connected_components(graph, directed=False)[1]
    assert _same_partition(components(30, (table[:, 0], table[:, 1])), expected)
