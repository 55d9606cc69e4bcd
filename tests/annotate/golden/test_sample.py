"""The golden sample: its strata by hand, its probabilities by drawing it again and again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from annotate.errors import InputError
from annotate.golden.cells import make_cells
from annotate.golden.sample import CLEAR, NEAR, OTHER, draw_sample, vote_strata
from annotate.labels.votes import Votes
from annotate.questions.planning import Question, QuestionPlan
from annotate.settings import GoldenSettings
from tests.annotate.golden.simulated import World, taxonomy_of

PLAN = QuestionPlan(
    "none", "grouped", (Question("q1", "One", ("c00", "c01")), Question("q2", "Two", ("c02",)))
)
SMALL = GoldenSettings(near=5, clear=4, random=20)


def world() -> World:
    return World(400, taxonomy_of(3), 0, prevalence=0.1)


def draw(world: World, settings: GoldenSettings, seed: int) -> pd.DataFrame:
    return draw_sample(world.votes, PLAN, [0.6, 0.6, 0.4], settings, seed=seed)


def test_strata_by_hand() -> None:
    yes = np.array([[0], [1], [2], [3], [4], [5], [2], [9]], np.int16)
    no = np.array([[5], [4], [3], [2], [1], [0], [0], [0]], np.int16)
    votes = Votes(tuple("abcdefgh"), ("c",), yes, no, np.zeros_like(yes))
    strata = vote_strata(votes, [0.6], 0.3, 3)[:, 0].tolist()
    # A rate of 0.2 is 0.4 below the threshold; two votes are too few for a rate.
    assert strata == [OTHER, OTHER, NEAR, NEAR, NEAR, CLEAR, OTHER, CLEAR]
    assert vote_strata(votes, [0.4], 0.2, 3)[:4, 0].tolist() == [OTHER, NEAR, NEAR, NEAR]


def test_probabilities_are_those_of_the_draw() -> None:
    population = world()
    times: dict[tuple[str, str], int] = {}
    chances: dict[tuple[str, str], float] = {}
    draws = 600
    for seed in range(draws):
        sample = draw(population, SMALL, seed)
        for image, name, chance in sample[["image_id", "class_id", "probability"]].itertuples(
            index=False
        ):
            times[image, name] = times.get((image, name), 0) + 1
            assert chances.setdefault((image, name), chance) == chance
    expected = np.array([chances[key] for key in times])
    share = np.array([times[key] for key in times]) / draws
    # Standardised, the shares of all pairs of image and class spread as binomials do.
    z = (share - expected) / np.sqrt(np.maximum(expected * (1 - expected), 1e-12) / draws)
    z = z[expected < 1]
    assert abs(z.mean()) < 0.2
    assert z.std() == pytest.approx(1.0, abs=0.15)
    assert (share[expected == 1] == 1).all()


def test_weights_make_totals_unbiased() -> None:
    population = world()
    totals = []
    for seed in range(300):
        sample = draw(population, SMALL, seed)
        cells = make_cells(
            population.votes,
            population.golden(),
            sample,
            population.properties,
            population.taxonomy,
        )
        totals.append(((cells.truth == 1) * cells.weight).sum(axis=0))
    error = np.std(totals, axis=0) / np.sqrt(len(totals))
    assert (abs(np.mean(totals, axis=0) - population.truth.sum(axis=0)) < 4 * error).all()


def test_more_images_are_the_same_and_others() -> None:
    population = world()
    small = draw(population, SMALL, 7)
    large = draw(population, GoldenSettings(near=9, clear=8, random=40), 7)
    pairs = [set(zip(each["image_id"], each["class_id"], strict=True)) for each in (small, large)]
    assert pairs[0] < pairs[1]
    assert draw(population, SMALL, 7).equals(small)


def test_a_question_is_asked_whole_and_of_random_images_every_one() -> None:
    sample = draw(world(), SMALL, 1)
    for _, rows in sample[sample["question_id"] == "q1"].groupby("image_id"):
        assert rows["class_id"].tolist() == ["c00", "c01"]
        assert rows["probability"].nunique() == 1
    counts = sample["drawn_for"].value_counts()
    assert counts["near"] <= 15
    assert counts["clear"] <= 12
    per_image = sample.groupby("image_id")["class_id"].nunique()
    assert (per_image == 3).sum() >= 20


def test_nothing_sensible_to_draw() -> None:
    with pytest.raises(InputError, match="no image is drawn"):
        draw(world(), GoldenSettings(near=0, clear=0, random=0), 0)
    with pytest.raises(InputError, match="margin"):
        draw(world(), GoldenSettings(margin=2.0), 0)
    nobody = Votes((), ("c00",), *(np.zeros((0, 1), np.int16) for _ in range(3)))
    with pytest.raises(InputError, match="no image has votes"):
        draw_sample(nobody, PLAN, [0.6], SMALL)
