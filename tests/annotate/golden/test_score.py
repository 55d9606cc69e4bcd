"""Scores of labels against golden ones: scikit-learn, scipy, and weights by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_fscore_support

from annotate.golden.cells import make_cells, truth_cells
from annotate.golden.paper import check_paper
from annotate.golden.rates import resample
from annotate.golden.sample import draw_sample
from annotate.golden.score import GRID, score_golden
from annotate.labels.consolidate import decide, propagate
from annotate.labels.truth import Truth
from annotate.labels.votes import Votes
from annotate.questions.planning import Question, QuestionPlan
from annotate.settings import ConsolidateSettings, GoldenSettings
from tests.annotate.golden.simulated import World, taxonomy_of

SETTINGS = ConsolidateSettings()
TAXONOMY = taxonomy_of(4, parents={1: 0, 3: 0})
WORLD = World(300, TAXONOMY, 3, prevalence=0.2, sees=(0.8,), errs=(0.1,))


def test_every_threshold_equals_scikit_learn() -> None:
    score = score_golden(WORLD.cells(), [0.6, 0.4, 0.6, 0.8], TAXONOMY, SETTINGS, resamples=100)
    own = [[0.6, 0.4, 0.6, 0.8], *([limit] * 4 for limit in GRID)]
    for at, limits in enumerate(own):
        labels = decide(WORLD.votes.yes, WORLD.votes.no, limits, SETTINGS) == 1
        labels = propagate(labels, TAXONOMY.ids, TAXONOMY)
        precision, recall, f1, support = precision_recall_fscore_support(
            WORLD.truth, labels, average=None, zero_division=0
        )
        points = [(entry.own, *entry.curve)[at] for entry in score.classes]
        np.testing.assert_allclose([point.precision.value or 0 for point in points], precision)
        np.testing.assert_allclose([point.recall.value or 0 for point in points], recall)
        np.testing.assert_allclose([point.f1 or 0 for point in points], f1)
        assert [entry.positives for entry in score.classes] == support.tolist()
        macro = (score.own, *score.curve)[at]
        assert macro.precision.value == pytest.approx(precision.mean())
        assert macro.recall.value == pytest.approx(recall.mean())
        assert macro.f1 == pytest.approx(f1.mean())


def test_weights_undo_the_choice_of_images() -> None:
    """Images near the threshold are drawn more often; weighted figures are those of all images."""
    plan = QuestionPlan("none", "binary", tuple(Question(n, n, (n,)) for n in TAXONOMY.ids))
    world = World(3000, TAXONOMY, 1, prevalence=0.1, sees=(0.75,), errs=(0.08,))
    everything = score_golden(world.cells(), [0.6] * 4, TAXONOMY, SETTINGS, resamples=100)
    weighted: list[list[float]] = []
    plain: list[list[float]] = []
    for seed in range(12):
        settings = GoldenSettings(near=150, clear=5, random=100)
        sample = draw_sample(world.votes, plan, [0.6] * 4, settings, seed=seed)
        golden = world.golden()
        known = golden.merge(sample[["image_id", "class_id"]])
        for target, drawn in ((weighted, sample), (plain, None)):
            cells = make_cells(world.votes, known, drawn, world.properties, TAXONOMY)
            score = score_golden(cells, [0.6] * 4, TAXONOMY, SETTINGS, resamples=100)
            target.append([score.own.precision.value or 0, score.curve[-1].recall.value or 0])
    truth = np.array([everything.own.precision.value or 0, everything.curve[-1].recall.value or 0])
    assert abs(np.mean(weighted, axis=0) - truth).max() < 0.03
    assert abs(np.mean(plain, axis=0) - truth).max() > 0.05


def test_intervals_of_a_simple_random_sample_are_wilson_s() -> None:
    world = World(200, TAXONOMY, 2, prevalence=0.3, sees=(0.8,), errs=(0.1,), per_property=1)
    score = score_golden(world.cells(), [0.6] * 4, TAXONOMY, SETTINGS, resamples=100)
    for entry in score.classes:
        assert entry.interval == "wilson"
        for rate, total in (
            (entry.own.precision, entry.own.found),
            (entry.own.recall, entry.positives),
        ):
            expected = binomtest(entry.own.hits, total).proportion_ci(0.95, method="wilson")
            assert (rate.low, rate.high) == pytest.approx((expected.low, expected.high))


def test_intervals_resample_whole_properties() -> None:
    cells = WORLD.cells()
    score = score_golden(cells, [0.6] * 4, TAXONOMY, SETTINGS, resamples=400, seed=5)
    labels = cells.labels_at([0.6] * 4, TAXONOMY, SETTINGS)
    drawn = resample(cells.groups, 400, 5)
    assert (drawn.sum(axis=1) == 75).all()
    found = []
    for row in drawn:  # repeat every image as often as its property was drawn
        images = np.repeat(np.arange(300), row[cells.groups].astype(int))
        truth, said = cells.truth[images, 0] == 1, labels[images, 0] == 1
        found.append([(truth & said).sum() / said.sum(), (truth & said).sum() / truth.sum()])
    low, high = np.quantile(found, [0.025, 0.975], axis=0)
    own = score.classes[0].own
    assert score.classes[0].interval == "bootstrap"
    assert (own.precision.low, own.recall.low) == pytest.approx(tuple(low))
    assert (own.precision.high, own.recall.high) == pytest.approx(tuple(high))


def test_all_right_is_not_sure() -> None:
    world = World(40, TAXONOMY, 2, prevalence=0.3, sees=(1.0,), errs=(0.0,))
    for entry in score_golden(world.cells(), [0.6] * 4, TAXONOMY, SETTINGS).classes:
        assert entry.own.recall.value == 1
        assert entry.own.recall.high == pytest.approx(1)
        assert 0.3 < (entry.own.recall.low or 0) < 0.95


def test_unknown_labels_unsampled_ones_and_unasked_classes_are_left_out() -> None:
    yes = np.array([[5, 0], [5, 0], [2, 0], [0, 0]], np.int16)
    no = np.array([[0, 0], [0, 0], [0, 0], [5, 0]], np.int16)
    votes = Votes(("a", "b", "c", "d"), ("c02", "c01"), yes, no, np.zeros_like(yes))
    golden = pd.DataFrame(
        {"image_id": [*"abcd", "a"], "class_id": ["c02"] * 4 + ["c01"], "label": [1, 0, 1, 1, 1]}
    )
    sample = pd.DataFrame(
        {
            "image_id": [*"abc", "a"],
            "class_id": ["c02"] * 3 + ["c01"],
            "probability": [0.5, 1, 1, 1],
        }
    )
    properties = pd.Series([None] * 4, index=[*"abcd"])
    cells = make_cells(votes, golden, sample, properties, TAXONOMY)
    score = score_golden(cells, [0.6] * len(cells.class_ids), TAXONOMY, SETTINGS, resamples=100)
    (entry,) = score.classes
    # a is a hit that counts twice, b a false one; c has two votes, d was not drawn, c01 not asked.
    assert (entry.class_id, entry.images, entry.positives) == ("c02", 2, 1)
    assert entry.own.precision.value == pytest.approx(2 / 3)
    assert (score.unknown, score.outside) == (1, 1)


def test_a_csv_of_true_labels_knows_every_class() -> None:
    truth = Truth(WORLD.votes.image_ids[:50], TAXONOMY.ids, WORLD.truth[:50])
    cells = truth_cells(WORLD.votes, truth, WORLD.properties, TAXONOMY)
    some = WORLD.cells(np.arange(50))
    np.testing.assert_array_equal(cells.truth, some.truth)
    np.testing.assert_array_equal(cells.groups, some.groups)


def test_the_paper_s_statement() -> None:
    good = World(600, TAXONOMY, 0, prevalence=0.2, sees=(0.98,), errs=(0.02,))
    score = score_golden(good.cells(), [0.6] * 4, TAXONOMY, SETTINGS, resamples=100)
    found = check_paper(score, TAXONOMY)
    assert (found["classes"], found["good"], found["most"]) == (4, 4, True)
    assert found["most_difficult"] is None
    poor = World(600, TAXONOMY, 0, prevalence=0.2, sees=(0.5,), errs=(0.3,))
    score = score_golden(poor.cells(), [0.6] * 4, TAXONOMY, SETTINGS, resamples=100)
    assert check_paper(score, TAXONOMY)["most"] is False


@pytest.mark.parametrize(("found", "more", "most"), [([0, 2], 1, False), ([0, 1, 2], 2, True)])
def test_difficult_classes_have_more_recall_by_hand(
    found: list[int], more: int, most: bool
) -> None:
    """At 0.6, that is three of five votes; all other images have two, which is not enough."""
    plain = taxonomy_of(6)
    classes = tuple(
        replace(entry, difficulty="medium" if entry.id == "c03" else "hard")
        for entry in plain.classes
    )
    taxonomy = replace(plain, classes=classes)
    positives = [[0, 1], [0, 1, 2, 3], [0, 1], [0], [], [0]]
    labelled = [
        [0, 1, 2],  # precision 2/3, recall 1: more recall
        [0, 1],  # precision 1, recall 1/2: less
        found,  # 1/2 and 1/2: equal, which is not more; with one more found 2/3 and 1
        [0, 1],  # precision 1/2, recall 1, but not difficult
        [0],  # no golden positive: no say
        [],  # nothing found: no say
    ]
    truth, yes = np.zeros((5, 6), bool), np.full((5, 6), 2, np.int16)
    for at in range(6):
        truth[positives[at], at] = True
        yes[labelled[at], at] = 3
    images = tuple("abcde")
    votes = Votes(images, taxonomy.ids, yes, (5 - yes).astype(np.int16), np.zeros_like(yes))
    properties = pd.Series([None] * 5, index=[*images])
    cells = truth_cells(votes, Truth(images, taxonomy.ids, truth), properties, taxonomy)
    # The thresholds in force are others: the statement is about 0.6.
    score = score_golden(cells, [0.4] * 6, taxonomy, SETTINGS, resamples=100)
    paper = check_paper(score, taxonomy)
    assert (paper["classes"], paper["good"], paper["most"]) == (4, 0, False)
    assert (paper["difficult"], paper["more_recall"], paper["most_difficult"]) == (3, more, most)
    if not most:
        assert paper["median_precision"] == pytest.approx((1 / 2 + 2 / 3) / 2)
        assert paper["median_recall"] == pytest.approx((1 / 2 + 1) / 2)
