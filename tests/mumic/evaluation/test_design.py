"""Weights to the catalogue by hand, and the slices of classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from annotate.mining.draw import Draw, Mined, receipts
from annotate.mining.round_files import save_round
from annotate.settings import EvaluateSettings
from annotate.tables import POOLS
from annotate.taxonomy.model import TaxonomyClass
from mumic.evaluation.design import design_weights, find_design
from mumic.evaluation.slices import class_slices


def test_weights_by_hand() -> None:
    """Hotels: 4 drawn of 40, 2 of them here, each for 20. Villas: 1 of 5, here. One was known."""
    images = pd.DataFrame(
        {
            "image_id": ["a", "b", "c", "d", "v", "k"],
            "stratum": ["hotel"] * 4 + ["villa", "before"],
            "chance": [0.1] * 4 + [0.2, 1.0],
        }
    )
    weights, reached = design_weights(images, ["b", "x", "d", "v"])
    assert weights == pytest.approx([20, 0, 20, 5])
    assert reached == {"hotel", "villa"}


def test_known_images_stand_for_those_of_their_round(tmp_path: Path) -> None:
    """Four were drawn for pets and two of them are here; of four drawn for a pool none has labels.

    The stratified round drew two of ten, and both are here.
    """
    rounds: list[tuple[str, str | None, str, int]] = [
        ("similarity", "pets", "a", 4),
        ("similarity", "pool", "b", 4),
        ("stratified", None, "d", 2),
    ]
    for number, (strategy, class_id, letter, count) in enumerate(rounds, 1):
        ids = [f"{letter}{at}" for at in range(count)]
        rows = pd.DataFrame({"image_id": ids, "class_id": class_id, "stratum": "s"})
        part = rows.assign(draw_probability=0.2, inclusion_probability=0.2)
        drawn = receipts([part], strategy, Draw(count, 1, 0, number))
        known = [f"{name}{at}" for name in "ab" for at in range(4)] if number == 3 else []
        pools = pd.DataFrame({"image_id": known}, dtype=object)
        pools = pools.reindex(columns=list(POOLS.columns)).astype({"rank": "Int32"})
        summary = {
            "round": number,
            "strategy": strategy,
            "settings": {"max_per_property": 0},
            "drawn_from": [{"name": "s", "population": 10}],
        }
        save_round(tmp_path, number, Mined(drawn, {}, {}, pool_rows=pools), summary)
    found = find_design(tmp_path, ["a0", "a3", "d0", "d1", "x"])
    assert found is not None
    assert found.weights == pytest.approx([2, 2, 5, 5, 0])
    assert (found.facts["population_images"], found.facts["unreached_images"]) == (14, 4)


def test_the_weighted_share_of_a_simulated_catalogue_is_the_true_one() -> None:
    rng = np.random.default_rng(0)
    strata = np.repeat(["hotel", "villa"], [9000, 1000])
    truth = rng.random(10_000) < np.where(strata == "hotel", 0.1, 0.6)
    estimates = []
    for _ in range(200):
        drawn = np.concatenate(
            [rng.choice(9000, 100, replace=False), 9000 + rng.choice(1000, 100, replace=False)]
        )
        images = pd.DataFrame(
            {
                "image_id": [str(at) for at in drawn],
                "stratum": strata[drawn],
                "chance": np.where(strata[drawn] == "hotel", 100 / 9000, 100 / 1000),
            }
        )
        split = rng.choice(drawn, 80, replace=False)
        weights, _reached = design_weights(images, [str(at) for at in split])
        estimates.append((weights * truth[split]).sum() / weights.sum())
    assert np.mean(estimates) == pytest.approx(truth.mean(), abs=0.01)


def test_slices_by_hand() -> None:
    classes = [
        TaxonomyClass(name, name, category)
        for name, category in (("a", "in"), ("b", "out"), ("c", "in"), ("d", "out"))
    ]
    settings = replace(EvaluateSettings(), majority=2, rare_at_most=10, common_at_most=100)
    found = class_slices(classes, np.array([5, 500, 10, 100]), settings)
    assert [(part.kind, part.columns.tolist()) for part in found] == [
        ("category", [0, 2]),
        ("category", [1, 3]),
        ("frequency", [0, 2]),
        ("frequency", [3]),
        ("frequency", [1]),
        ("majority", [1, 3]),
    ]
