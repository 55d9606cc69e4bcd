"""The frame and near copies, against a walk down the list by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.errors import InputError
from annotate.images.neighbours import near_duplicates
from annotate.index.shards import Index
from annotate.mining.frame import Scope, build_frame
from annotate.mining.near_copies import check_cosine, distinct_hashes, distinct_vectors, keep_first
from annotate.mining.stratified import Nearness, compared_by, distinct_within_properties


def walk(count: int, near: set[tuple[int, int]], taken: int) -> list[bool]:
    """Keep what is near nothing that is kept: one after the other."""
    kept: list[int] = []
    for at in range(count):
        if at < taken or not any((other, at) in near for other in kept):
            kept.append(at)
    return [at in kept for at in range(count)]


@settings(deadline=None)
@given(st.integers(1, 12), st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11))), st.data())
def test_keep_first_is_the_walk(count: int, raw: set[tuple[int, int]], data: st.DataObject) -> None:
    pairs = [(a % count, b % count) for a, b in raw]
    taken = data.draw(st.integers(0, count))
    near = {(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]}
    table = np.array(pairs, np.int64).reshape(-1, 2)
    found = keep_first(count, (table[:, 0], table[:, 1]), taken)
    assert found.tolist() == walk(count, near, taken)


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(0, 31)), max_size=20), st.data())
def test_distinct_hashes_are_the_walk(values: list[int | None], data: st.DataObject) -> None:
    taken = data.draw(st.integers(0, len(values)))
    hashes = [None if value is None else f"{value * 0x0101:016x}" for value in values]
    near = {
        (a, b)
        for b, second in enumerate(values)
        for a, first in enumerate(values[:b])
        if None not in (first, second)
        and ((first or 0) * 0x0101 ^ (second or 0) * 0x0101).bit_count() <= 2
    }
    assert distinct_hashes(hashes, 2, taken).tolist() == walk(len(values), near, taken)


def test_near_pairs_of_hashes_are_all_found_in_large_and_small_buckets() -> None:
    rng = np.random.default_rng(0)
    low = rng.integers(0, 2**40, 1200, dtype=np.uint64)
    low[:400] |= np.uint64(0xFFFFFF << 40)  # one band of 400 and many of few
    low[600:] = low[:600] ^ (np.uint64(1) << rng.integers(0, 64, 600, dtype=np.uint64))
    unique = np.unique(low)
    close = np.bitwise_count(unique[:, None] ^ unique[None, :]) <= 3
    expected = {(int(a), int(b)) for a, b in zip(*np.nonzero(np.triu(close, 1)), strict=True)}
    first, second = near_duplicates([f"{value:016x}" for value in unique], 3)
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    assert {(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]} == expected
    assert len(expected) > 500


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.integers(0, 700))
def test_distinct_vectors_are_the_walk(seed: int, taken: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((taken + count, 3))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    exact = rows.astype(np.float64)
    cosines = (exact[:, None, :] * exact[None, :, :]).sum(axis=2)
    near = cosines >= 0.99
    kept: list[int] = []
    for at in range(taken + count):
        if at < taken or not near[at, kept].any():
            kept.append(at)
    found = distinct_vectors(rows[taken:], 0.99, rows[:taken])
    assert (np.flatnonzero(found) + taken).tolist() == kept[taken:]


def catalogue(**columns: object) -> pd.DataFrame:
    base = {
        "image_id": list("gfedcba"),
        "content_hash": ["1", "1", "2", "2", "3", "4", "5"],
        "perceptual_hash": [f"{value:016x}" for value in (0xF, 0xF, 0xF0, 0xF0, 0xF000, 1, 0xF00)],
        "present": [True, True, True, True, False, True, True],
        "width": [100, 100, 100, 100, 100, 50, 100],
        "height": 80,
        "property_id": list("pppqqqq"),
        "country": ["FR", "FR", "DE", "FR", "FR", "FR", None],
    }
    return pd.DataFrame(base | columns)


def test_each_rule_takes_its_images() -> None:
    frame = build_frame(catalogue(), {"g"}, Scope("country == 'FR'", 60, 0))
    assert frame.images["image_id"].tolist() == ["d"]
    assert frame.before["image_id"].tolist() == ["g"]
    assert frame.seen["content_hash"].tolist() == ["1"]
    assert [count for _, count in frame.funnel] == [7, 6, 4, 3, 2, 1, 1]
    everything = build_frame(catalogue(), (), Scope())
    # Without a rule, the copy with the smallest id stays; "c" is gone.
    assert everything.images["image_id"].tolist() == ["a", "b", "d", "f"]
    near = build_frame(catalogue(), {"b"}, Scope(near_bits=3))
    assert near.images["image_id"].tolist() == ["a", "d"]  # 0xF is near 0x1
    order = build_frame(catalogue().iloc[::-1], {"b"}, Scope(near_bits=3))
    pd.testing.assert_frame_equal(order.images, near.images)


def test_near_copies_of_what_is_out_of_scope_belong_to_no_population() -> None:
    """A small copy of "b" was drawn; "f", its larger near copy, is neither drawn nor known."""
    larger = Scope(min_size=60, near_bits=3)
    assert build_frame(catalogue(), {"b"}, larger).out_of_reach == 1
    assert build_frame(catalogue(), {"b"}, Scope(near_bits=3)).out_of_reach == 0
    assert build_frame(catalogue(), {"a"}, larger).out_of_reach == 0
    # "f" is near "a" too, which may be drawn and stands for it.
    hashes = [*catalogue()["perceptual_hash"].tolist()[:-1], f"{0x1F:016x}"]
    frame = build_frame(catalogue(perceptual_hash=hashes), {"b"}, larger)
    assert frame.images["image_id"].tolist() == ["a", "d"]
    assert frame.out_of_reach == 0


@pytest.mark.parametrize(
    ("columns", "drawn", "scope", "message"),
    [
        ({"present": False}, "", Scope(), "hold no image of the catalogue any more"),
        ({}, "", Scope("country == 'IT'"), "fits the rule `where country == 'IT'`"),
        ({}, "", Scope(min_size=81), "fits the rule `smaller side of 81 pixels"),
        ({}, "abdf", Scope(), "a candidate or answered already. Images left by each rule: cat"),
        ({"perceptual_hash": "0" * 16}, "a", Scope(), "or a near copy of one"),
        ({}, "", Scope("countri == 'FR'"), "did you mean country"),
    ],
)
def test_an_empty_frame_says_which_rule_emptied_it(
    columns: dict[str, object], drawn: str, scope: Scope, message: str
) -> None:
    with pytest.raises(InputError) as error:
        build_frame(catalogue(**columns), set(drawn), scope)
    assert message in str(error.value)


def test_near_copies_of_a_property_only() -> None:
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((5, 8))
    rows = np.concatenate([rows, rows + 1e-3])
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    contents = [str(number) for number in range(10)]
    index = Index(np.array(contents, object), [rows[:4], rows[4:]])
    images = pd.DataFrame({"content_hash": contents, "property_id": "p"})
    images.loc[[1, 7], "property_id"] = None  # 1 and its copy 6; 7 is the copy of 2
    images.loc[8, "property_id"] = "q"  # the copy of 3, at another property
    seen = images.loc[[4]]
    kept = distinct_within_properties(images.drop(4), Nearness(index, 0.99, seen))
    assert images.drop(4)["content_hash"][kept].tolist() == ["0", "1", "2", "3", "6", "7", "8"]
    unknown = images.assign(content_hash="not embedded")
    assert distinct_within_properties(unknown, Nearness(index, 0.99, seen)).all()


def test_near_copies_without_a_property_are_compared_where_they_are_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(5)
    rows = np.repeat(rng.standard_normal((4, 8)), 2, axis=0)  # 0 and 1 are alike, 2 and 3, ...
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    contents = [str(number) for number in range(8)]
    index = Index(np.array(contents, object), [rows])
    images = pd.DataFrame({"content_hash": [*contents, "x"], "property_id": None}, dtype=object)
    seen, fresh = images.loc[[4]], images.drop(4).reset_index(drop=True)
    nearness = Nearness(index, 0.99, seen)
    kept = distinct_within_properties(fresh, nearness)
    assert fresh["content_hash"][kept].tolist() == ["0", "2", "6", "x"]  # 5 is like 4, seen
    told = compared_by(fresh, nearness)
    assert told == "embeddings among 7 images without a property, cosine 0.99; 1 not embedded"
    mixed = fresh.assign(property_id=pd.Series(["p", "q"], dtype=object))  # others: NaN
    assert "within a property and among 5 images without" in compared_by(mixed, nearness)
    monkeypatch.setattr("annotate.mining.stratified.GATHERED", 5)
    assert distinct_within_properties(fresh, nearness).all()
    assert compared_by(fresh, nearness).startswith(
        "7 images without a property are too many to compare embeddings"
    )


def test_a_cosine_that_makes_everything_a_copy_is_refused() -> None:
    check_cosine(1.5)
    for cosine in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="near_cosine is"):
            check_cosine(cosine)
