"""Where a run is unsure and what is unlike all drawn before, against scipy and brute force."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy

from annotate.errors import DamagedError, InputError, MissingError
from annotate.files import write_json
from annotate.index.shards import Index
from annotate.mining.active import mine_diverse, mine_uncertain, uncertainty
from annotate.mining.draw import Draw, Mined
from annotate.mining.kcenter import Limits, k_center
from annotate.mining.predictions import RunPredictions, load_predictions
from annotate.settings import Settings
from annotate.tables import CANDIDATES, PREDICTIONS, write
from annotate.workspace import Workspace

DRAW = Draw(n=10, top=40, seed=3, round=2)
THRESHOLDS = {"pets": 1.5, "pool": -2.0, "view": 0.0}
Floats = np.ndarray[Any, Any]


def units(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


@pytest.fixture
def images() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": [f"i{number:03d}" for number in range(120)],
            "content_hash": [f"c{number * 7 % 120:03d}" for number in range(120)],
            "property_id": [
                None if number % 10 == 0 else f"p{number % 7}" for number in range(120)
            ],
        }
    )


@pytest.fixture
def index(images: pd.DataFrame) -> Index:
    """All images but the last three, in another order, and two that are not in the frame."""
    rng = np.random.default_rng(5)
    contents = [*images["content_hash"][:117], "gone1", "gone2"]
    order = rng.permutation(len(contents))
    vectors = units(rng.standard_normal((len(contents), 12)))
    return Index(np.array(contents, object)[order], np.split(vectors[order], [50]))


@pytest.fixture
def predictions(images: pd.DataFrame) -> RunPredictions:
    rng = np.random.default_rng(6)
    rows = pd.DataFrame(
        [(image, name) for image in images["image_id"] for name in THRESHOLDS],
        columns=["image_id", "class_id"],
    ).assign(logit=rng.normal(0, 3, 360).astype(np.float32))
    stored = rows[rows["logit"] > -3].sample(frac=1, random_state=1)
    return RunPredictions("run", stored, THRESHOLDS, -3.0, "hash")


def vectors_of(images: pd.DataFrame, index: Index) -> Floats:
    """Embeddings of images, by their content."""
    rows = dict(zip(index.content_hashes, np.concatenate(index.embeddings), strict=True))
    return np.stack([rows[content] for content in images["content_hash"]])


def test_scores_are_entropies_with_the_threshold_at_one_half(predictions: RunPredictions) -> None:
    scores = uncertainty(predictions.rows, THRESHOLDS, ["pool", "pets"])
    assert scores["class_id"].unique().tolist() == ["pets", "pool"]
    logits = predictions.rows.set_index(["image_id", "class_id"])["logit"]
    assert len(scores) == len(logits.drop("view", level="class_id"))
    for name, part in scores.groupby("class_id"):
        own = logits.xs(name, level="class_id").loc[part["image_id"]].astype(float)
        p = 1 / (1 + np.exp(-(own - THRESHOLDS[str(name)])))
        np.testing.assert_allclose(part["score"], entropy([p, 1 - p], base=2), atol=1e-12)
        assert part["score"].is_monotonic_decreasing
        assert (own - THRESHOLDS[str(name)]).abs().is_monotonic_increasing


def test_without_classes_the_most_doubtful_one_counts(predictions: RunPredictions) -> None:
    scores = uncertainty(predictions.rows, THRESHOLDS)
    margin = (predictions.rows["logit"] - predictions.rows["class_id"].map(THRESHOLDS)).abs()
    best = predictions.rows.assign(margin=margin).sort_values("margin")
    best = best.drop_duplicates("image_id")
    assert scores["image_id"].tolist() == best["image_id"].tolist()
    assert scores["class_id"].tolist() == best["class_id"].tolist()


def test_scores_at_the_ends_and_ties() -> None:
    rows = pd.DataFrame(
        {
            "image_id": ["d", "c", "b", "a", "e", "f"],
            "class_id": ["x", "x", "x", "x", "x", "other"],
            "logit": np.array([2.0, np.inf, -1e30, 2.0, np.nan, 2.0], np.float32),
        }
    )
    scores = uncertainty(rows, {"x": 2.0}, ["x"])
    assert scores["image_id"].tolist() == ["a", "d", "b", "c"]
    assert scores["score"].tolist() == pytest.approx([1, 1, 0, 0], abs=1e-12)
    assert uncertainty(rows, {"x": 2.0}, ())["image_id"].tolist() == ["a", "d", "b", "c"]


def receipts(mined: Mined, tmp_path: Path) -> pd.DataFrame:
    found = mined.candidates
    write(CANDIDATES, found, tmp_path / "round.parquet")
    assert found["inclusion_probability"].isna().all()
    assert found["draw_probability"].isna().all()
    assert set(found["round"]) == {2}
    return found


def test_uncertain_images_are_spread_over_the_pool(
    images: pd.DataFrame, index: Index, predictions: RunPredictions, tmp_path: Path
) -> None:
    taken = units(np.random.default_rng(9).standard_normal((5, 12)))
    mined = mine_uncertain(images, index, predictions, ["view", "pets"], DRAW, taken)
    found = receipts(mined, tmp_path)
    assert mined.pools == {"view": 40, "pets": 40}
    assert mined.drawn == {"view": 10, "pets": 10}
    assert found["image_id"].is_unique
    assert set(found["strategy"]) == {"uncertain"}
    there = images.iloc[:117]
    for name in ("view", "pets"):
        ranked = uncertainty(predictions.rows, THRESHOLDS, [name])
        pool = ranked[ranked["image_id"].isin(there["image_id"])].head(40)
        vectors = vectors_of(images.set_index("image_id").loc[pool["image_id"]], index)
        expected = np.sort(k_center(vectors, 10, taken).rows)
        part = found[found["class_id"] == name]
        assert part["image_id"].tolist() == pool["image_id"].iloc[expected].tolist()
        assert part["rank"].tolist() == (expected + 1).tolist()
        assert part["score"].tolist() == pool["score"].iloc[expected].tolist()
        taken = np.concatenate([taken, vectors[expected]])


def test_of_alike_pictures_one_is_asked(images: pd.DataFrame) -> None:
    # The 30 most uncertain show three scenes, ten pictures each; then come 10 of all kinds.
    rng = np.random.default_rng(2)
    scenes = rng.standard_normal((3, 12))[np.arange(30) % 3] + 0.01 * rng.standard_normal((30, 12))
    vectors = units(np.concatenate([scenes, rng.standard_normal((10, 12))]))
    frame = images.iloc[:40]
    index = Index(frame["content_hash"].to_numpy(object), [vectors])
    rows = pd.DataFrame(
        {"image_id": frame["image_id"], "class_id": "pets", "logit": 1.5 + np.arange(40) / 100}
    )
    predictions = RunPredictions("run", rows, {"pets": 1.5}, -5.0, "hash")
    near = replace(DRAW, near_cosine=0.95, n=30)
    found = mine_uncertain(frame, index, predictions, [], near).candidates
    numbers = found["image_id"].str[1:].astype(int)
    assert sorted(numbers[numbers < 30] % 3) == [0, 1, 2]
    assert numbers.min() == 0  # with nothing drawn before, the most uncertain comes first
    assert sorted(numbers[numbers >= 30]) == list(range(30, 40))
    assert set(found["class_id"]) == {"pets"}
    with pytest.raises(InputError, match=r"all 40 images of the pool are near copies"):
        mine_uncertain(frame, index, predictions, [], near, vectors)


def test_a_property_gives_no_more_than_its_share(
    images: pd.DataFrame, index: Index, predictions: RunPredictions
) -> None:
    capped = replace(DRAW, max_per_property=2, n=100, top=100)
    owner = images.set_index("image_id")["property_id"]
    uncertain = mine_uncertain(images, index, predictions, [], capped)
    diverse = mine_diverse(images, index, capped)
    for mined in (uncertain, diverse):
        # 7 properties give two each; the 12 embedded images of none are not limited.
        assert owner[mined.candidates["image_id"]].value_counts().tolist() == [2] * 7
        assert owner[mined.candidates["image_id"]].isna().sum() == 12
        assert len(mined.candidates) == 26


def test_diverse_images_are_far_from_all_drawn_before(
    images: pd.DataFrame, index: Index, tmp_path: Path
) -> None:
    there = images.iloc[:117]
    vectors = vectors_of(there, index)
    taken = vectors[20:24]
    mined = mine_diverse(images, index, replace(DRAW, near_cosine=0.999), taken)
    found = receipts(mined, tmp_path)
    expected = k_center(vectors, 10, taken, limits=Limits(0.999))
    assert found["image_id"].tolist() == there["image_id"].iloc[expected.rows].tolist()
    assert found["rank"].tolist() == list(range(1, 11))
    wide, before = vectors.astype(np.float64), taken.astype(np.float64)
    for place, score in zip(expected.rows, found["score"], strict=True):
        assert score == pytest.approx(1 - (before @ wide[place]).max(), abs=1e-3)
        before = np.concatenate([before, wide[[place]]])
    assert mined.pools == {"catalogue": 117}
    alone = mine_diverse(images, index, DRAW)
    assert np.isnan(alone.candidates["score"].iloc[0])
    assert alone.candidates["score"].iloc[1:].notna().all()


def test_a_large_frame_is_cut_by_chance_and_seed(images: pd.DataFrame, index: Index) -> None:
    drawn = [
        mine_diverse(images, index, replace(DRAW, seed=seed), pool_size=30).candidates["image_id"]
        for seed in (1, 1, 2)
    ]
    assert drawn[0].tolist() == drawn[1].tolist() != drawn[2].tolist()
    pool = mine_diverse(images, index, replace(DRAW, n=200), pool_size=30)
    assert len(pool.candidates) == pool.pools["catalogue"] == 30


def test_neither_shards_nor_the_order_of_rows_change_a_draw(
    images: pd.DataFrame, index: Index, predictions: RunPredictions
) -> None:
    rows, order = np.concatenate(index.embeddings), np.random.default_rng(1).permutation(119)
    other = Index(index.content_hashes[order], [rows[order]])
    shuffled = replace(predictions, rows=predictions.rows.sample(frac=1, random_state=7))
    one = mine_uncertain(images, index, predictions, ["pets"], DRAW)
    two = mine_uncertain(images, other, shuffled, ["pets"], DRAW)
    pd.testing.assert_frame_equal(one.candidates, two.candidates)
    one, two = mine_diverse(images, index, DRAW), mine_diverse(images, other, DRAW)
    pd.testing.assert_frame_equal(one.candidates, two.candidates)


def test_what_is_missing_is_named(
    images: pd.DataFrame, index: Index, predictions: RunPredictions
) -> None:
    with pytest.raises(InputError, match=r"not trained for boat"):
        mine_uncertain(images, index, predictions, ["pets", "boat"], DRAW)
    with pytest.raises(InputError, match=r"another taxonomy .* `mumic train`"):
        mine_uncertain(images, index, predictions, ["ship", "boat"], DRAW)
    new = images.assign(image_id="x" + images["image_id"])
    with pytest.raises(
        MissingError, match=r"predicted none of the 117 .* `mumic predict --run run`"
    ):
        mine_uncertain(new, index, predictions, [], DRAW)
    sure = replace(predictions, rows=predictions.rows[predictions.rows["class_id"] != "pool"])
    with pytest.raises(InputError, match=r"certain that no image .* --min-probability"):
        mine_uncertain(images, index, sure, ["pool"], DRAW)
    unknown = images.assign(content_hash="new")
    with pytest.raises(MissingError, match=r"none of the 120 .* `mumic-annotate index`"):
        mine_diverse(unknown, index, DRAW)
    with pytest.raises(MissingError, match=r"none of the 120 .* `mumic-annotate index`"):
        mine_uncertain(unknown, index, predictions, [], DRAW)
    assert predictions.cut_short(["pets", "pool"]) == []
    assert replace(predictions, min_logit=-1.0).cut_short(["pets", "pool"]) == ["pool"]
    assert replace(predictions, min_logit=1.0).cut_short([]) == ["pool", "view"]
    assert replace(predictions, min_logits={"view": 1.0}).cut_short([]) == ["view"]


@pytest.fixture
def workspace(tmp_path: Path, predictions: RunPredictions) -> Workspace:
    """With a run and what it predicted, as ``mumic`` writes them."""
    found = Workspace(tmp_path, Settings())
    folder = found.runs / "run"
    write_json(folder / "run.json", {"finished": "2026-01-01T00:00:00+00:00"})
    entries = [{"class_id": name, "logit": logit} for name, logit in THRESHOLDS.items()]
    write_json(folder / "thresholds.json", {"thresholds": entries})
    rows = predictions.rows.assign(uri="a", content_hash="c", run_id="run", taxonomy_hash="hash")
    write(PREDICTIONS, rows, found.predictions / "run.parquet")
    about = {"min_probability": 0.05, "taxonomy_hash": "hash"}
    write_json(found.predictions / "run.json", about)
    return found


def test_predictions_are_read(workspace: Workspace, predictions: RunPredictions) -> None:
    for name in ("run", None):
        read = load_predictions(workspace, name)
        assert read.thresholds == THRESHOLDS
        assert read.min_logit == pytest.approx(np.log(0.05 / 0.95))
        assert (read.run_id, read.taxonomy_hash) == ("run", "hash")
        assert read.rows["logit"].tolist() == predictions.rows["logit"].tolist()
    write_json(workspace.predictions / "run.json", {"min_probability": 0, "taxonomy_hash": "hash"})
    assert load_predictions(workspace).min_logit == -np.inf


def test_predictions_that_are_not_there_or_damaged(workspace: Workspace) -> None:
    with pytest.raises(MissingError, match=r"no run rum in .*did you mean run\?"):
        load_predictions(workspace, "rum")
    with pytest.raises(MissingError, match=r"no run 2026 in \S+\. Name another"):
        load_predictions(workspace, "2026")
    with pytest.raises(InputError, match=r"run '\.\./run': use up to 100 letters"):
        load_predictions(workspace, "../run")
    write_json(workspace.runs / "begun" / "run.json", {"finished": None})
    with pytest.raises(MissingError, match="`mumic train --run begun`"):
        load_predictions(workspace, "begun")
    summary = workspace.predictions / "run.json"
    wrong: list[Any] = [[], {"min_probability": 1, "taxonomy_hash": "a"}, {"min_probability": None}]
    for broken in wrong:
        summary.write_text(json.dumps(broken))
        with pytest.raises(DamagedError, match=r"run.json.* `mumic predict --run run`"):
            load_predictions(workspace)
    thresholds = workspace.runs / "run" / "thresholds.json"
    for text in ("{", "[]", '{"thresholds": []}', '{"thresholds": [{"class_id": "a"}]}'):
        thresholds.write_text(text)
        with pytest.raises(DamagedError, match=r"thresholds.json"):
            load_predictions(workspace)
    write_json(thresholds, {"thresholds": [{"class_id": "pets", "logit": 0.0}]})
    (workspace.predictions / "run.parquet").unlink()
    with pytest.raises(
        MissingError, match=r"no predictions of run run .* `mumic predict --run run`"
    ):
        load_predictions(workspace)
