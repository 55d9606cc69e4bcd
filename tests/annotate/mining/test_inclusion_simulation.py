"""Stated inclusion probabilities against frequencies over many seeds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from annotate.files import write_json
from annotate.index.shards import Index, write_shard
from annotate.mining.draw import Draw
from annotate.mining.frame import Scope, build_frame
from annotate.mining.round_draws import Request, draw_round
from annotate.mining.similarity import ClassQueries, build_pools, draw_from, mine_similar
from annotate.mining.strata import strata_of
from annotate.mining.stratified import mine_stratified, not_drawn
from annotate.settings import MineSettings
from annotate.workspace import Workspace

COUNT = 90
SEEDS = 500
DRAW = Draw(n=9, top=24, seed=0, round=1, max_per_property=3, near_cosine=0.97)


def unit(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def agree(frequencies: npt.NDArray[Any], chances: npt.NDArray[Any], runs: int) -> bool:
    """Whether frequencies fit chances: no image off by far, and the squares as large as by luck.

    The squared deviations of k images, in standard errors, have a mean of 1 at most (samples of
    fixed size vary less) with a standard error of about sqrt(2 / k).
    """
    certain = chances > 1 - 1e-12
    if not (frequencies[certain] == 1).all():
        return False
    p, f = chances[~certain], frequencies[~certain]
    z = (f - p) / np.sqrt(p * (1 - p) / runs)
    return bool(abs(z).max() < 4.5 and (z**2).mean() < 1 + 4 * np.sqrt(2 / len(z)))


@pytest.fixture(scope="module")
def catalogue() -> pd.DataFrame:
    """90 images of 18 properties of very different sizes; some near copies by either measure."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, COUNT, dtype=np.uint64)
    hashes[80:] = hashes[:10] ^ np.uint64(0b101)  # near copies
    size = rng.integers(0, 18, COUNT) * rng.integers(0, 2, COUNT)
    return pd.DataFrame(
        {
            "image_id": [f"i{number:02d}" for number in rng.permutation(COUNT)],
            "content_hash": [f"c{number:02d}" for number in range(COUNT)],
            "perceptual_hash": [f"{value:016x}" for value in hashes],
            "property_id": [f"p{number}" for number in size],
            "present": True,
            "kind": [["hotel", "flat", "castle"][number % 3] for number in size],
            "season": rng.choice(["summer", "winter"], COUNT, p=[0.7, 0.3]),
        }
    )


@pytest.fixture(scope="module")
def index(catalogue: pd.DataFrame) -> Index:
    rng = np.random.default_rng(1)
    rows = unit(rng.standard_normal((COUNT, 16)))
    rows[60:70] = unit(rows[20:30] + 0.02 * rng.standard_normal((10, 16)))  # near copies
    return Index(catalogue["content_hash"].to_numpy(object), [rows.astype(np.float16)])


@pytest.fixture(scope="module")
def classes() -> list[ClassQueries]:
    rng = np.random.default_rng(2)
    base = unit(rng.standard_normal((1, 16)))
    vectors = unit(base + 0.15 * rng.standard_normal((6, 16))).astype(np.float32)
    return [
        ClassQueries(name, (f"{name} 1", f"{name} 2"), vectors[2 * at : 2 * at + 2])
        for at, name in enumerate(["pets", "pool", "garden"])
    ]


def frame_of(catalogue: pd.DataFrame, drawn: set[str]) -> pd.DataFrame:
    return build_frame(catalogue, drawn, Scope(near_bits=3)).images


def test_similarity_with_overlapping_pools_caps_near_copies_and_two_rounds(
    catalogue: pd.DataFrame, index: Index, classes: list[ClassQueries]
) -> None:
    first = mine_similar(frame_of(catalogue, set()), index, classes, DRAW).candidates
    drawn = set(first["image_id"])
    rows = np.flatnonzero(catalogue["image_id"].isin(drawn))
    for number, seen, taken in ((1, set(), None), (2, drawn, index.vectors(rows))):
        frame = frame_of(catalogue, seen)
        draw = replace(DRAW, round=number)
        pools = build_pools(frame, index, classes, draw, taken)
        in_pools = Counter(name for pool in pools.values() for name in pool["image_id"])
        assert {2, 3} & set(in_pools.values())  # pools overlap
        assert not seen & set(in_pools)
        counts: Counter[str] = Counter()
        chances: dict[str, float] = {}
        for seed in range(SEEDS):
            mined = draw_from(pools, replace(draw, seed=seed)).candidates
            counts.update(set(mined["image_id"]))
            chances |= dict(zip(mined["image_id"], mined["inclusion_probability"], strict=True))
        assert chances.keys() == in_pools.keys()
        names = sorted(chances)
        frequencies = np.array([counts[name] for name in names]) / SEEDS
        stated = np.array([chances[name] for name in names])
        assert agree(frequencies, stated, SEEDS)
        assert not agree(frequencies, stated * 0.92, SEEDS)  # the bound is tight


def test_pools_hold_no_near_copies_and_few_images_of_a_property(
    catalogue: pd.DataFrame, index: Index, classes: list[ClassQueries]
) -> None:
    frame = frame_of(catalogue, set())
    pools = build_pools(frame, index, classes, DRAW)
    owner = frame.set_index("image_id")["property_id"]
    together = frame.loc[sorted({at for pool in pools.values() for at in pool["position"]})]
    rows = np.flatnonzero(pd.Series(index.content_hashes).isin(together["content_hash"]))
    cosines = index.vectors(rows).astype(np.float64)
    cosines = cosines @ cosines.T
    assert np.triu(cosines, 1).max() < DRAW.near_cosine
    for pool in pools.values():
        assert owner[pool["image_id"]].value_counts().max() <= 3
        assert pool["rank"].tolist() == list(range(1, len(pool) + 1))
        assert pool["score"].is_monotonic_decreasing
        assert len(pool) == DRAW.top


def stratified_runs(
    catalogue: pd.DataFrame, by: list[str], cap: int
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    frame = frame_of(catalogue, set())
    draw = replace(DRAW, n=21, max_per_property=cap)
    strata = strata_of(frame, by)
    runs = [
        mine_stratified(frame, strata, "sqrt", replace(draw, seed=seed)).candidates
        for seed in range(SEEDS)
    ]
    return frame, runs


@pytest.mark.parametrize("cap", [0, 2])
def test_strata_of_property_features_have_exact_probabilities(
    catalogue: pd.DataFrame, cap: int
) -> None:
    frame, runs = stratified_runs(catalogue, ["kind"], cap)
    together = pd.concat(runs)
    stated = together.groupby("image_id")["inclusion_probability"]
    assert (stated.nunique() == 1).all()
    names = frame["image_id"].tolist()
    assert set(names) == set(together["image_id"])
    frequencies = together["image_id"].value_counts().reindex(names).to_numpy(float) / SEEDS
    chances = stated.first().reindex(names).to_numpy(float)
    assert agree(frequencies, chances, SEEDS)
    assert not agree(frequencies, np.minimum(chances * 1.15, 0.999), SEEDS)
    if cap:
        owners = together.join(frame.set_index("image_id")["property_id"], on="image_id")
        assert owners.groupby(["seed", "property_id"]).size().max() <= cap


@pytest.mark.parametrize("how", ["proportional", "equal", "sqrt"])
def test_fewer_images_than_equal_strata_give_each_the_same_chance(how: str) -> None:
    """30 properties of 3 images, 10 images: a third of the properties, and one of their images."""
    names = [f"i{number:02d}" for number in range(COUNT)]
    frame = pd.DataFrame(
        {"image_id": names, "property_id": [f"p{number // 3:02d}" for number in range(COUNT)]}
    )
    strata = strata_of(frame, ["property_id"])
    draws = [Draw(n=10, top=1, seed=seed, round=1) for seed in range(SEEDS)]
    runs = [mine_stratified(frame, strata, how, draw) for draw in draws]
    assert all(not_drawn(run) == {"strata": 20, "images": 60} for run in runs)
    together = pd.concat([run.candidates for run in runs])
    assert together.groupby("seed")["stratum"].nunique().eq(10).all()
    # The receipt's chance is that within a stratum, which is reached in one of three rounds.
    np.testing.assert_allclose(together["inclusion_probability"].to_numpy(float), 1 / 3)
    for column, chance in (("stratum", 1 / 3), ("image_id", 1 / 9)):
        counts = together[column].value_counts()
        every = sorted(set(strata) if column == "stratum" else names)
        frequencies = counts.reindex(every, fill_value=0).to_numpy(float) / SEEDS
        assert agree(frequencies, np.full(len(every), chance), SEEDS)


def test_a_second_round_of_a_workspace_as_it_is_drawn(
    catalogue: pd.DataFrame, index: Index, tmp_path: Path
) -> None:
    """Near copies of a property by embedding, images drawn before, a cap, awkward features."""
    (tmp_path / "mumic.toml").write_text('[model]\nname = "m"\npretrained = "p"\n', "utf-8")
    workspace = Workspace.find(tmp_path)
    folder = workspace.index / "m-00000000"
    rows = index.vectors(np.arange(COUNT)).copy()
    rows[40:50] = rows[50:60]  # by embedding the same, of the same property
    owner = catalogue["property_id"].to_numpy(object).copy()
    owner[40:50] = owner[50:60]
    images = catalogue.assign(property_id=owner, rank="first", score="8.7/10", seed=3)
    kind = dict(zip(catalogue["property_id"], catalogue["kind"], strict=True))
    images = images.assign(kind=[kind[name] for name in owner], uri=images["image_id"])
    write_shard(folder, 0, rows, images["content_hash"].tolist(), {})
    write_json(folder / "model.json", {"name": "m", "pretrained": "p"})
    seen = set(images["image_id"].iloc[[0, 7, 41, 55]])
    frame = build_frame(images, seen, Scope(near_bits=3))
    settings = MineSettings(by=("kind",), allocation="sqrt", near_cosine=0.99)
    request = Request("stratified", (), settings, 0)
    runs = []
    for seed in range(SEEDS):
        draw = Draw(n=18, top=1, seed=seed, round=2, max_per_property=2, near_cosine=0.99)
        done = draw_round(workspace, request, frame, draw)
        runs.append(done.mined.candidates)
    assert set(done.mined.pool_rows["image_id"]) == set(frame.before["image_id"]) == seen
    assert done.mined.pool_rows.drop(columns="image_id").isna().all(axis=None)
    # Who may be drawn, by pairs: of two equal embeddings the first id, and none like one seen.
    at = images.set_index("image_id")
    vector = pd.Series(list(rows.astype(float)), index=images["image_id"])
    reachable: list[str] = []
    for name in frame.images["image_id"]:
        others = [*seen, *reachable]
        alike = [o for o in others if at.loc[o, "property_id"] == at.loc[name, "property_id"]]
        if all(vector[name] @ vector[other] < 0.99 for other in alike):
            reachable.append(name)
    assert len(reachable) < len(frame.images)
    together = pd.concat(runs)
    assert set(together["image_id"]) == set(reachable)
    chances = together.groupby("image_id")["inclusion_probability"].first().reindex(reachable)
    frequencies = together["image_id"].value_counts().reindex(reachable).to_numpy(float) / SEEDS
    assert agree(frequencies, chances.to_numpy(float), SEEDS)
    population = {row: sum(at.loc[reachable, "kind"] == row[5:]) for row in done.mined.population}
    assert done.mined.population == population


def test_conditional_probabilities_of_two_phases_weigh_without_bias(
    catalogue: pd.DataFrame,
) -> None:
    """Strata that cut through properties: I / pi* has a mean of 1 for every image."""
    frame, runs = stratified_runs(catalogue, ["season"], 2)
    together = pd.concat(runs)
    weights = (1 / together["inclusion_probability"]).groupby(together["image_id"])
    mean = weights.sum().reindex(frame["image_id"], fill_value=0).to_numpy(float) / SEEDS
    square = (1 / together["inclusion_probability"] ** 2).groupby(together["image_id"]).sum()
    error = np.sqrt(square.reindex(frame["image_id"]).to_numpy(float)) / SEEDS
    assert abs(mean.mean() - 1) < 0.03
    assert (abs(mean - 1) < 4.5 * error).all()
