"""Thresholds chosen on golden sets, small and large, against the flat default on everything."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from annotate.golden.score import GRID
from annotate.golden.thresholds import choose_thresholds
from annotate.labels.consolidate import decide, propagate
from annotate.settings import ConsolidateSettings, GoldenSettings
from tests.annotate.golden.simulated import World, taxonomy_of

SETTINGS = ConsolidateSettings()

GOLDEN = GoldenSettings(resamples=200)
# Some classes are best at 0.6, some are overlooked by people, some seen everywhere.
SEES = (0.9, 0.9, 0.55, 0.95)
ERRS = (0.01, 0.01, 0.004, 0.10)


Gains = tuple[np.typing.NDArray[np.float64], np.typing.NDArray[np.float64]]


def macro_f1(world: World, limits: list[float]) -> float:
    """F1 over all images, by scikit-learn."""
    votes = world.votes
    labels = decide(votes.yes, votes.no, limits, SETTINGS) == 1
    labels = propagate(labels, world.taxonomy.ids, world.taxonomy)
    return float(f1_score(world.truth, labels, average="macro", zero_division=0))


def naive(world: World, rows: np.typing.NDArray[np.int64]) -> list[float]:
    """The best threshold of each class on its golden labels, however few."""
    votes = world.votes
    scores = []
    for limit in GRID:
        limits = [limit] * len(votes.class_ids)
        voted = decide(votes.yes[rows], votes.no[rows], limits, SETTINGS) == 1
        labels = propagate(voted, world.taxonomy.ids, world.taxonomy)
        scores.append(f1_score(world.truth[rows], labels, average=None, zero_division=0))
    return [GRID[at] for at in np.argmax(scores, axis=0)]


def gains_over_flat(
    images: int, seeds: int, sees: tuple[float, ...], errs: tuple[float, ...]
) -> Gains:
    """Macro F1 above the flat default, by the rule and by tuning on whatever there is."""
    taxonomy = taxonomy_of(12, parents={4: 0, 5: 0, 10: 1})
    limits = [0.6] * 12
    rule, tuned = [], []
    for seed in range(seeds):
        world = World(6000, taxonomy, seed, sees=sees, errs=errs)
        rows = np.sort(np.random.default_rng(seed).choice(6000, images, replace=False))
        choices = choose_thresholds(world.cells(rows), limits, taxonomy, SETTINGS, GOLDEN)
        assert [choice.class_id for choice in choices] == list(taxonomy.ids)
        flat = macro_f1(world, limits)
        rule.append(macro_f1(world, [choice.threshold for choice in choices]) - flat)
        tuned.append(macro_f1(world, naive(world, rows)) - flat)
    return np.array(rule), np.array(tuned)


@pytest.mark.parametrize("images", [150, 400, 2000])
def test_the_rule_does_not_lose_f1_where_the_default_is_best(images: int) -> None:
    """About 6, 16 and 80 golden positives a class."""
    rule, tuned = gains_over_flat(images, 3, sees=(0.9,), errs=(0.02,))
    assert rule.mean() >= 0
    assert rule.min() > -0.001  # no single golden set does noticeable harm, either
    if images < 500:  # what the rule protects from is there
        assert tuned.mean() < -0.005


@pytest.mark.parametrize(("images", "gain"), [(150, 0.0), (400, 0.01), (2000, 0.04)])
def test_the_rule_gains_where_the_golden_positives_carry_it(images: int, gain: float) -> None:
    rule, _ = gains_over_flat(images, 3, sees=SEES, errs=ERRS)
    assert rule.mean() >= gain
    assert rule.min() >= 0
