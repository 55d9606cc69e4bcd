"""Weights to the catalogue by hand, and the slices of classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from annotate.settings import EvaluateSettings
from annotate.taxonomy.model import TaxonomyClass
from mumic.design import design_weights
from mumic.slices import class_slices


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
