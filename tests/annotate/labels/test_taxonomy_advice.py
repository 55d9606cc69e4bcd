"""Advice from votes, on tables whose faults were planted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from annotate.labels.agreement import nominal_alpha
from annotate.labels.taxonomy_advice import alpha_interval, lint_votes
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

TAXONOMY = Taxonomy(
    "t",
    "1",
    (Category("c", "C"),),
    tuple(
        TaxonomyClass(name, name, "c", exclusive_with=other, line=line)
        for line, (name, other) in enumerate(
            [("indoor", ("outdoor",)), ("outdoor", ("indoor",)), ("dog", ()), ("mood", ())], 5
        )
    ),
)
IMAGES = 200


def votes(yes: Mapping[str, object]) -> pd.DataFrame:
    """Five votes an image; ``yes`` gives how many of them are yes, per class."""
    parts = [
        pd.DataFrame(
            {
                "image_id": [f"i{at:03}" for at in range(IMAGES)],
                "class_id": name,
                "yes": pd.array(np.broadcast_to(np.asarray(count), IMAGES), "Int16"),
            }
        )
        for name, count in yes.items()
    ]
    rows = pd.concat(parts, ignore_index=True)
    return rows.assign(no=5 - rows["yes"])


def clear(seed: int) -> np.ndarray:
    return np.where(np.random.default_rng(seed).random(IMAGES) < 0.3, 5, 0)


def test_nothing_is_said_of_what_is_well() -> None:
    indoor = clear(1)
    good = {"indoor": indoor, "outdoor": 5 - indoor, "dog": clear(2), "mood": clear(3)}
    assert lint_votes(TAXONOMY, votes(good)) == []


def test_planted_faults_are_named_and_nothing_else() -> None:
    chance = np.random.default_rng(0).binomial(5, 0.3, IMAGES)  # five people who toss coins
    found = lint_votes(
        TAXONOMY, votes({"indoor": clear(1), "outdoor": clear(1), "dog": 0, "mood": chance})
    )
    assert [(each.class_id, each.line) for each in found] == [
        ("indoor", 5),
        ("dog", 7),
        ("mood", 8),
    ]
    assert "exclusive with outdoor" in found[0].message
    assert f"{(clear(1) == 5).sum()} images" in found[0].message
    assert "nobody ever ticked" in found[1].message
    assert "by chance" in found[2].message


def test_few_ticks_are_no_proof_of_disagreement() -> None:
    """People see a rare dog with 0.6, and hardly ever one that is not there.

    Over all such images alpha is 0.357: between them the chance of a tick varies by
    0.01 * 0.99 * 0.596 ** 2, and a tick's own variance is 0.00996 * 0.99004.
    """
    wide, named = 0, 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        dog = rng.random(IMAGES) < 0.01
        rows = votes({"dog": rng.binomial(5, np.where(dog, 0.6, 0.004))})
        wide += alpha_interval(rows[["yes", "no"]].to_numpy(np.int64))[0] <= 0
        named += any("by chance" in each.message for each in lint_votes(TAXONOMY, rows))
    assert wide > 10  # the interval often holds 0 all the same
    assert named <= 2  # of 40 intervals of 95 % two may well end below the truth


def test_few_images_say_nothing() -> None:
    rows = votes({"dog": 0})
    assert lint_votes(TAXONOMY, rows.head(20)) == []


def test_the_interval_is_that_of_a_plain_bootstrap() -> None:
    counts = np.stack([np.random.default_rng(4).binomial(5, 0.3, 80)] * 2, axis=1)
    counts[:, 1] = 5 - counts[:, 0]
    counts[:20] = [5, 0]
    rng = np.random.default_rng(9)
    plain = [float(nominal_alpha(counts[rng.integers(0, 80, 80)])) for _ in range(2000)]
    assert alpha_interval(counts) == pytest.approx(np.quantile(plain, [0.025, 0.975]), abs=0.03)


def test_without_two_votes_there_is_no_interval() -> None:
    assert np.isnan(alpha_interval(np.array([[1, 0], [0, 1]]))).all()
