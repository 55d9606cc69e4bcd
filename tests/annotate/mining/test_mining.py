"""Pools, samples, strata and rounds, against brute force and laws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.errors import InputError
from annotate.index.shards import Index
from annotate.mining.draw import Draw, Mined
from annotate.mining.frame import Scope, build_frame
from annotate.mining.similarity import ClassQueries, mine_similar
from annotate.mining.strata import POWERS, allocate, strata_of
from annotate.mining.stratified import mine_stratified

DRAW = Draw(n=8, top=20, seed=5, round=1)
SCOPE = Scope(near_bits=4)


def unit(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def frame_of(images: pd.DataFrame, drawn: tuple[str, ...] = ()) -> pd.DataFrame:
    return build_frame(images, drawn, SCOPE).images


@pytest.fixture
def images() -> pd.DataFrame:
    """60 images with distant hashes, in no order."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "image_id": [f"i{number:02d}" for number in range(60)],
            "content_hash": [f"c{number:02d}" for number in rng.permutation(60)],
            "perceptual_hash": [f"{value:016x}" for value in rng.integers(0, 2**63, 60)],
            "present": True,
            "property_id": [f"p{number % 12}" for number in range(60)],
            "kind": rng.choice(["hotel", "flat", "castle"], 60, p=[0.6, 0.3, 0.1]),
            "stars": rng.choice([3.0, 4.0, np.nan], 60),
        }
    )
    return frame.sample(frac=1, random_state=1)


@pytest.fixture
def index(images: pd.DataFrame) -> Index:
    rng = np.random.default_rng(1)
    rows = unit(rng.standard_normal((60, 16))).astype(np.float16)
    return Index(images["content_hash"].to_numpy(object), np.split(rows, [11, 40]))


@pytest.fixture
def classes() -> list[ClassQueries]:
    rng = np.random.default_rng(2)
    vectors = unit(rng.standard_normal((4, 16))).astype(np.float32)
    return [
        ClassQueries("pets", ("dog", "cat"), vectors[:2]),
        ClassQueries("pool", ("pool", "swim"), vectors[2:]),
    ]


def best_of(entry: ClassQueries, images: pd.DataFrame, index: Index) -> pd.DataFrame:
    """Every image's best query and score, by brute force."""
    rows = np.concatenate(index.embeddings).astype(np.float64)
    scores = rows @ entry.vectors.T.astype(np.float64)
    best = pd.DataFrame(
        {"score": scores.max(1), "query": np.array(entry.texts, object)[scores.argmax(1)]},
        index=index.content_hashes,
    )
    joined = images.join(best, on="content_hash").sort_values("score", ascending=False)
    return joined.assign(rank=range(1, len(joined) + 1)).set_index("image_id")


def pool_of(mined: Mined, class_id: str) -> list[str]:
    return mined.pool_rows.query("class_id == @class_id").sort_values("rank")["image_id"].tolist()


def test_similar_candidates_come_from_the_pool_with_true_receipts(
    images: pd.DataFrame, index: Index, classes: list[ClassQueries]
) -> None:
    mined = mine_similar(frame_of(images), index, classes, DRAW)
    assert mined.pools == {"pets": 20, "pool": 20}
    assert mined.drawn == {"pets": 8, "pool": 8}
    for entry in classes:
        part = mined.candidates.query("class_id == @entry.class_id").set_index("image_id")
        truth = best_of(entry, images, index).loc[part.index]
        assert part.index.is_unique
        assert part["rank"].tolist() == truth["rank"].tolist() == sorted(part["rank"])
        assert part["rank"].max() <= 20
        assert part["query"].tolist() == truth["query"].tolist()
        np.testing.assert_allclose(part["score"].astype(float), truth["score"], atol=1e-12)
        assert set(part["draw_probability"]) == {8 / 20}
        other = set(pool_of(mined, {"pets": "pool", "pool": "pets"}[entry.class_id]))
        for image_id, chance in part["inclusion_probability"].items():
            expected = 1 - 0.6 * 0.6 if image_id in other else 0.4
            assert chance == pytest.approx(expected, abs=1e-12)
        assert pool_of(mined, entry.class_id) == best_of(entry, images, index).index[:20].tolist()
    assert set(mined.candidates["strategy"]) == {"similarity"}


def test_inclusion_probability_is_the_frequency_over_seeds(
    images: pd.DataFrame, index: Index, classes: list[ClassQueries]
) -> None:
    frame, draws = frame_of(images), 120
    counts: dict[str, int] = {}
    for seed in range(draws):
        mined = mine_similar(frame, index, classes[:1], replace(DRAW, seed=seed))
        for name in mined.candidates["image_id"]:
            counts[name] = counts.get(name, 0) + 1
    assert len(counts) == 20
    deviation = np.sqrt(draws * 0.4 * 0.6)
    np.testing.assert_allclose(list(counts.values()), draws * 0.4, atol=4.5 * deviation)


def test_the_order_of_files_changes_nothing_and_round_and_seed_do(
    images: pd.DataFrame, index: Index, classes: list[ClassQueries]
) -> None:
    rows, order = np.concatenate(index.embeddings), np.random.default_rng(9).permutation(60)
    other = Index(index.content_hashes[order], [rows[order]])
    one = mine_similar(frame_of(images), index, classes, DRAW)
    two = mine_similar(frame_of(images.iloc[::-1]), other, classes, DRAW)
    pd.testing.assert_frame_equal(one.candidates, two.candidates)
    first = one
    # Nor where images have equal scores, and near copies of which one is kept.
    rows[order[:20]] = rows[order[20:40]]
    rows[order[40:50]] = unit(rows[order[50:]].astype(float) + 0.01).astype(np.float16)
    near = replace(DRAW, near_cosine=0.99, max_per_property=3)
    one = mine_similar(frame_of(images), Index(index.content_hashes, [rows]), classes, near)
    other = Index(index.content_hashes[order], np.split(rows[order], [7]))
    two = mine_similar(frame_of(images.iloc[::-1]), other, classes, near)
    pd.testing.assert_frame_equal(one.candidates, two.candidates)
    both = mine_similar(frame_of(images), other, classes, replace(near, near_cosine=2.0))
    assert pool_of(both, "pets") != pool_of(one, "pets")
    for change in ({"seed": 6}, {"round": 2}):
        drawn = mine_similar(frame_of(images), index, classes, replace(DRAW, **change)).candidates
        assert drawn["image_id"].tolist() != first.candidates["image_id"].tolist()


def test_equal_scores_at_the_end_of_a_pool_stand_by_image_id(
    images: pd.DataFrame, index: Index, classes: list[ClassQueries]
) -> None:
    same = Index(index.content_hashes, [np.repeat(index.vectors(np.arange(1)), 60, axis=0)])
    mined = mine_similar(frame_of(images), same, classes, DRAW)
    assert pool_of(mined, "pets") == sorted(images["image_id"])[:20]


@pytest.mark.parametrize(("cap", "top"), [(1, 20), (2, 20), (4, 60)])
def test_a_capped_pool_is_the_best_of_each_property(
    images: pd.DataFrame, index: Index, classes: list[ClassQueries], cap: int, top: int
) -> None:
    draw = replace(DRAW, top=top, max_per_property=cap)
    mined = mine_similar(frame_of(images), index, classes, draw)
    for entry in classes:
        ranked = best_of(entry, images, index)
        best = ranked[ranked.groupby("property_id").cumcount() < cap].index[:top]
        assert pool_of(mined, entry.class_id) == best.tolist()


def test_a_pool_that_cannot_be_filled_does_not_rank_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """2,000 images of 20 properties, one of each: no pool of 100 can be filled."""
    rng = np.random.default_rng(4)
    rows = unit(rng.standard_normal((2000, 16))).astype(np.float16)
    names = np.array([f"{number:04d}" for number in range(2000)], object)
    frame = pd.DataFrame({"image_id": names, "content_hash": names})
    frame = frame.assign(property_id=[f"p{number % 20}" for number in range(2000)])
    index = Index(names, [rows])
    ranked: list[int] = []
    search = Index.search_groups

    def spied(self: Index, *arguments: Any) -> Any:
        hits = search(self, *arguments)
        ranked.append(hits.rows.size)
        return hits

    monkeypatch.setattr(Index, "search_groups", spied)
    query = ClassQueries("pets", ("dog",), unit(rng.standard_normal((1, 16))).astype(np.float32))
    mined = mine_similar(frame, index, [query], Draw(5, 100, 0, 1, 1, near_cosine=0.999))
    scores = rows.astype(np.float64) @ query.vectors[0].astype(np.float64)
    best = frame.assign(score=scores).sort_values("score", ascending=False)
    best = best.drop_duplicates("property_id")
    assert pool_of(mined, "pets") == best["image_id"].tolist()
    assert sum(ranked) < 500


def test_near_copies_once_and_an_image_for_two_classes(
    images: pd.DataFrame, index: Index, classes: list[ClassQueries]
) -> None:
    near = images.copy()
    near["perceptual_hash"] = [
        f"{(0x0F0F0F0F0F0F0F0F * (number // 2 % 30)) % 2**64 ^ (number % 2):016x}"
        for number in range(60)
    ]
    twice = [classes[0], replace(classes[0], class_id="pool")]
    everything = replace(DRAW, n=60, top=60)
    mined = mine_similar(frame_of(near), index, twice, everything)
    drawn = near.set_index("image_id").loc[mined.candidates["image_id"].unique()]
    bits = [int(value, 16) for value in drawn["perceptual_hash"]]
    distances = [(a ^ b).bit_count() for at, a in enumerate(bits) for b in bits[:at]]
    assert min(distances) > SCOPE.near_bits
    parts = [set(part["image_id"]) for _, part in mined.candidates.groupby("class_id")]
    assert parts[0] == parts[1]
    assert mined.candidates["rank"].max() == len(parts[0])


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 60), min_size=1),
    st.integers(0, 200),
    st.sampled_from(sorted(POWERS)),
)
def test_allocation_laws(sizes: dict[str, int], n: int, how: str) -> None:
    shares = allocate(sizes, n, how)
    assert shares.keys() == sizes.keys()
    assert sum(shares.values()) == min(n, sum(sizes.values()))
    assert all(0 <= shares[name] <= size for name, size in sizes.items())
    if how == "proportional" and 0 < n <= sum(sizes.values()):
        for name, size in sizes.items():
            assert abs(shares[name] - n * size / sum(sizes.values())) < 1 + 1e-9


def test_allocation_by_hand() -> None:
    sizes = {"a": 100, "b": 25, "c": 4, "d": 0}
    assert allocate(sizes, 30, "equal") == {"a": 13, "b": 13, "c": 4, "d": 0}
    # Roots 10, 5, 2: of 34 images 20, 10 and 4.
    assert allocate(sizes, 34, "sqrt") == {"a": 20, "b": 10, "c": 4, "d": 0}
    # 10 of 129: quotas 7.75, 1.94, 0.31.
    assert allocate(sizes, 10, "proportional") == {"a": 8, "b": 2, "c": 0, "d": 0}
    with pytest.raises(InputError, match="choose proportional, equal, sqrt"):
        allocate(sizes, 10, "by hand")


def test_strata_and_their_errors(images: pd.DataFrame) -> None:
    names = strata_of(images, ["kind", "stars"])
    for name, kind, stars in zip(names, images["kind"], images["stars"], strict=True):
        spelled = "(missing)" if np.isnan(stars) else str(int(stars))
        assert name == f"kind={kind}, stars={spelled}"
    full = images.assign(property_id="p", empty=None)
    with pytest.raises(InputError, match=r"'star'; did you mean stars\? Its features: property_id"):
        strata_of(full, ["star"])
    with pytest.raises(
        InputError, match=r"property_id\. Further ones .* `mumic-annotate catalog ho"
    ):
        strata_of(full[["image_id", "property_id"]], ["kind"])
    with pytest.raises(InputError, match="no image has a value of 'empty'"):
        strata_of(full, ["empty"])
    with pytest.raises(InputError, match="--by"):
        strata_of(full, [])


def test_stratified_sample_follows_its_allocation(images: pd.DataFrame) -> None:
    frame = frame_of(images)
    strata = strata_of(frame, ["kind"])
    sizes = {str(name): int(size) for name, size in strata.value_counts().items()}
    shares = allocate(sizes, 21, "sqrt")
    draw = replace(DRAW, n=21)
    mined = mine_stratified(frame, strata, "sqrt", draw)
    assert mined.drawn == shares
    assert mined.pools == mined.population == sizes
    kinds = images.set_index("image_id")["kind"]
    columns = mined.candidates[["image_id", "stratum", "inclusion_probability"]]
    for image_id, stratum, chance in columns.itertuples(index=False, name=None):
        assert stratum == f"kind={kinds[image_id]}"
        assert chance == shares[stratum] / sizes[stratum]
    assert mined.candidates["image_id"].is_unique
    assert mined.candidates["class_id"].isna().all()
