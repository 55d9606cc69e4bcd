"""Estimates of prevalence: textbook formulas, a census, coverage, rounds together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import stats

from annotate.mining.draw import Draw
from annotate.mining.population import Round
from annotate.mining.prevalence import Sample, estimate, variance_of_totals, wilson
from annotate.mining.report import Known, estimates, known_labels
from annotate.mining.stratified import mine_stratified
from annotate.tables import LABELS, POOLS, empty
from annotate.taxonomy.model import Taxonomy, TaxonomyClass

Floats = npt.NDArray[np.float64]


def sample_of(labels: Any, chances: Any, **more: Any) -> Sample:
    y = np.asarray(labels, float)
    values: dict[str, Any] = {
        "strata": np.zeros(len(y), np.int64),
        "properties": np.arange(len(y)),
        "finite": np.ones(len(y), bool),
        "lifted": np.zeros(len(y), bool),
    }
    return Sample(y, np.broadcast_to(np.asarray(chances, float), y.shape), **values | more)


def variance_behind(share: float, low: float, high: float, freedom: int) -> float:
    """The variance that makes Wilson's interval as wide as it is, by bisection."""
    sizes = np.geomspace(1, 1e7, 200_001)
    t = stats.t.ppf(0.975, freedom)
    half = t / (1 + t * t / sizes) * np.sqrt(share * (1 - share) / sizes + t * t / 4 / sizes**2)
    size = sizes[np.argmin(abs(2 * half - (high - low)))]
    return float(share * (1 - share) / size)


def test_simple_random_sample_has_the_textbook_variance() -> None:
    y = np.repeat([1.0, 0.0], [17, 43])
    found = estimate(sample_of(y, 60 / 200))
    assert found.share == pytest.approx(17 / 60)
    assert found.low is not None
    assert found.high is not None
    textbook = (1 - 60 / 200) * y.var(ddof=1) / 60
    behind = variance_behind(17 / 60, found.low, found.high, 59)
    assert behind == pytest.approx(textbook, rel=1e-3)


def test_stratified_sample_by_hand() -> None:
    # Strata of 100 and 20 images, 10 drawn of each, 2 and 8 positives.
    y = np.repeat([1.0, 0, 1, 0], [2, 8, 8, 2])
    strata = np.repeat([0, 1], 10)
    found = estimate(sample_of(y, np.repeat([0.1, 0.5], 10), strata=strata))
    assert found.share == pytest.approx((100 * 0.2 + 20 * 0.8) / 120)
    s2 = 0.16 * 10 / 9
    textbook = (100 / 120) ** 2 * 0.9 * s2 / 10 + (20 / 120) ** 2 * 0.5 * s2 / 10
    assert found.low is not None
    assert found.high is not None
    assert found.share is not None
    behind = variance_behind(found.share, found.low, found.high, 18)
    assert behind == pytest.approx(textbook, rel=1e-3)


def test_alike_photos_of_a_property_widen_the_interval() -> None:
    y = np.repeat([1.0, 0.0] * 10, 5)
    alone = estimate(sample_of(y, 0.01))
    together = estimate(sample_of(y, 0.01, properties=np.repeat(np.arange(20), 5)))
    assert together.share == alone.share == 0.5
    totals = np.where(np.arange(20) % 2 == 0, 5, -5) * 0.5 / 100
    expected = 0.99 * 20 / 19 * (totals**2).sum()
    assert together.low is not None
    assert together.high is not None
    behind = variance_behind(0.5, together.low, together.high, 19)
    assert behind == pytest.approx(expected, rel=1e-3)
    assert alone.low is not None
    assert together.low < alone.low


def test_missing_labels_a_census_and_nothing() -> None:
    # All drawn, half without a label: not a census.
    half = estimate(sample_of([1, 0, 1, 0, np.nan, np.nan, np.nan, np.nan], 1.0))
    assert (half.share, half.drawn, half.labelled, half.positives) == (0.5, 8, 4, 2)
    assert half.low is not None
    assert half.low < 0.3
    census = estimate(sample_of([1, 0, 0, 0], 1.0))
    assert (census.share, census.low, census.high) == (0.25, 0.25, 0.25)
    nothing = estimate(sample_of([np.nan, np.nan], 0.5))
    assert (nothing.share, nothing.low, nothing.labelled) == (None, None, 0)
    # A stratum that nobody answered is out of the population.
    two = estimate(sample_of([1, 0, np.nan], 0.1, strata=np.array([0, 0, 1])))
    assert two.reached.tolist() == [True, False]
    # Labels that agree say no more than their number allows.
    zero = estimate(sample_of(np.zeros(100), 1e-9))
    assert zero.share == zero.low == 0
    t = stats.t.ppf(0.975, 99)
    assert zero.high == pytest.approx(t**2 / 100 / (1 + t**2 / 100))


def test_wilson_is_the_published_one() -> None:
    reference = stats.binomtest(13, 70).proportion_ci(0.95, "wilson")
    found = wilson(13 / 70, 70.0, 10**9)
    assert found == pytest.approx((reference.low, reference.high), abs=1e-6)
    assert variance_of_totals(np.zeros(0), np.zeros(0, int), np.zeros(0, int)) == 0


def population(seed: int) -> pd.DataFrame:
    """2,000 images of 300 properties; what they show depends on the property."""
    rng = np.random.default_rng(seed)
    owner = rng.integers(0, 300, 2000)
    chance = rng.beta(0.5, 3, 300)[owner]
    return pd.DataFrame(
        {
            "image_id": [f"{number:04d}" for number in range(2000)],
            "property_id": [f"p{number}" for number in owner],
            "kind": np.where(owner < 60, "hotel", "flat"),
            "label": (rng.random(2000) < chance).astype(float),
        }
    )


def round_of(images: pd.DataFrame, before: pd.DataFrame, draw: Draw) -> Round:
    frame = images[~images["image_id"].isin(before["image_id"])].reset_index(drop=True)
    mined = mine_stratified(frame, frame["kind"], "equal", draw)
    pools = empty(POOLS).reindex(before.index).assign(image_id=before["image_id"])
    drawn_from = [{"name": name, "population": mined.population[name]} for name in mined.population]
    settings = {"max_per_property": draw.max_per_property}
    summary = {"round": draw.round, "strategy": "stratified", "settings": settings}
    return Round(mined.candidates, pools, summary | {"drawn_from": drawn_from})


@pytest.mark.parametrize("cap", [0, 2])
def test_no_bias_and_full_coverage_after_a_round_for_positives(cap: int) -> None:
    images = population(3)
    truth = images["label"].mean()
    # Earlier rounds took 60 % positives: without them, the rest would seem poorer than it is.
    rng = np.random.default_rng(4)
    weights = np.where(images["label"] == 1, 6.0, 1.0)
    before = images.iloc[rng.choice(2000, 150, replace=False, p=weights / weights.sum())]
    assert before["label"].mean() > 2 * truth
    known = Known(
        {"pets": images.set_index("image_id")["label"]},
        images.set_index("image_id")["property_id"],
        {},
    )
    shares, covered = [], 0
    runs = 150
    for seed in range(runs):
        draw = Draw(n=240, top=1, seed=seed, round=2, max_per_property=cap)
        line = estimates(round_of(images, before, draw), known)[0]
        assert line["population_images"] == 2000
        assert (line["drawn"], line["unlabelled"]) == (390, 0)
        shares.append(line["prevalence"])
        covered += line["low"] <= truth <= line["high"]
    error = np.std(shares) / np.sqrt(runs)
    assert abs(np.mean(shares) - truth) < 4 * error
    assert covered >= 0.95 * runs - 3.5 * np.sqrt(runs * 0.95 * 0.05)


def test_a_pool_counts_all_its_drawn_images_and_asks_for_answers() -> None:
    pools = pd.DataFrame(
        {"class_id": ["a"] * 4 + ["b"] * 4, "image_id": list("1234") + list("3456")}
    )
    receipts = pd.DataFrame(
        {
            "image_id": ["1", "3", "3", "5"],
            "class_id": ["a", "a", "b", "b"],
            "inclusion_probability": [0.5, 0.75, 0.75, 0.5],
        }
    )
    rows = [("1", "a", 1, 5), ("3", "a", 0, 5), ("5", "b", None, 2), ("3", "b", 1, 0)]
    labels = pd.DataFrame(rows, columns=["image_id", "class_id", "label", "yes"])
    how = ["voted", "voted", "unknown", "propagated"]
    labels = labels.assign(no=0, unsure=0, rate=0.0, decided=how)[list(LABELS.columns)]
    catalogue = pd.DataFrame(
        {"image_id": ["1", "3"], "property_id": None, "content_hash": ["c1", "c3"]}
    )
    summary = {"round": 1, "strategy": "similarity"}
    taxonomy = Taxonomy("t", "1", (), (TaxonomyClass("a", "A", "c"), TaxonomyClass("b", "B", "c")))
    known = known_labels(labels, catalogue, taxonomy)
    a, b = estimates(Round(receipts, pools, summary), known)
    assert (a["population_images"], a["drawn"], a["labelled"]) == (4, 2, 2)
    assert a["prevalence"] == pytest.approx(2 / (2 + 4 / 3))
    # Image 3 was drawn for a, too; its label of b is propagated, nobody was asked.
    assert (b["drawn"], b["labelled"], b["prevalence"]) == (2, 0, None)
    assert [line["class_id"] for line in estimates(Round(receipts, pools, summary), known, ["b"])]


POOL = TaxonomyClass("pool", "Pool", "c")
INDOOR = TaxonomyClass("indoor", "Indoor pool", "c", parents=("pool",))
TUB = TaxonomyClass("tub", "Indoor hot tub", "c", parents=("indoor",))


def parents_first(pool: Sequence[float | None], indoor: Sequence[float | None]) -> dict[str, Any]:
    """Each class's estimate of a simple random sample of 200 images from 1,000."""
    ids = [f"{number:03d}" for number in range(200)]
    rows = [
        (image, name, value)
        for name, values in (("pool", pool), ("indoor", indoor))
        for image, value in zip(ids, values, strict=True)
        if value is not None
    ]
    labels = pd.DataFrame(rows, columns=["image_id", "class_id", "label"])
    labels = labels.assign(yes=5, no=0, unsure=0, rate=1.0, decided="voted")
    catalogue = pd.DataFrame({"image_id": ids, "property_id": None, "content_hash": ids})
    receipts = pd.DataFrame({"image_id": ids, "stratum": "s", "inclusion_probability": 0.2})
    drawn_from = [{"name": "s", "population": 1000}]
    summary = {"round": 1, "strategy": "stratified", "settings": {"max_per_property": 0}}
    entry = Round(receipts, empty(POOLS), summary | {"drawn_from": drawn_from})
    known = known_labels(labels, catalogue, Taxonomy("t", "1", (), (POOL, INDOOR, TUB)))
    lines = estimates(entry, known, ["pool", "indoor", "tub"])
    return {line["class_id"]: line for line in lines}


def test_a_class_asked_only_where_its_parent_is_a_yes() -> None:
    """40 of 200 show a pool; of these alone the class below is asked, and 10 show it."""
    pool = [1.0] * 40 + [0.0] * 160
    found = parents_first(pool, [1.0] * 10 + [0.0] * 30 + [None] * 160)
    assert found["pool"]["prevalence"] == pytest.approx(40 / 200)
    assert found["indoor"]["prevalence"] == pytest.approx(10 / 200)
    assert found["indoor"]["labelled"] == 200
    # Wilson's interval of 10 of 200 with the finite population correction: variance (1 - f) s2 / n.
    variance = 0.8 * np.var([1.0] * 10 + [0.0] * 190, ddof=1) / 200
    behind = variance_behind(0.05, found["indoor"]["low"], found["indoor"]["high"], 199)
    assert behind == pytest.approx(variance, rel=1e-3)
    # Asked of nobody, where it may be: nothing is known.
    assert found["tub"]["prevalence"] is None
    assert found["tub"]["unreached_images"] == 1000


def test_labels_that_lack_below_a_yes_count_among_the_yeses_only() -> None:
    # 100 of 200 images are answered, 20 show a pool, 8 of these are decided below it, 2 are a yes.
    pool = [1.0] * 20 + [0.0] * 80 + [None] * 100
    found = parents_first(pool, [1.0] * 2 + [0.0] * 6 + [None] * 192)
    assert found["pool"]["prevalence"] == pytest.approx(20 / 100)
    assert found["indoor"]["prevalence"] == pytest.approx(20 / 100 * 2 / 8)
    assert found["indoor"]["labelled"] == 88
