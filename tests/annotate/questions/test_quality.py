from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score

from annotate.errors import InputError
from annotate.labels.consolidate import propagate
from annotate.labels.truth import Truth
from annotate.labels.votes import Votes
from annotate.questions.comparison import Evidence, compare_plans, plan_ways
from annotate.questions.planning import Question, QuestionPlan, forecast
from annotate.questions.quality import check_loss, measure_quality
from annotate.questions.skipping import SkipRule, asked_mask
from annotate.settings import QuestionSettings, Settings, TaskSettings
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

TAXONOMY = Taxonomy(
    "test",
    "1",
    (Category("all", "All"),),
    (
        TaxonomyClass("pool", "Pool", "all"),
        TaxonomyClass("bed", "Bed", "all"),
        TaxonomyClass("indoor", "Indoor pool", "all", parents=("pool",)),
        TaxonomyClass("outdoor", "Outdoor pool", "all", parents=("pool",)),
    ),
)
FIRST = Question("q01", "First", ("pool", "bed"))
SKIPPING = QuestionPlan(
    TAXONOMY.hash, "grouped", (FIRST, Question("q02", "Pools", ("indoor", "outdoor"), ("pool",)))
)
ALL = replace(SKIPPING, questions=(FIRST, replace(SKIPPING.questions[1], after=())))
TASKS = TaskSettings(annotators=5, seconds_per_question=6.0, fee_per_object=0.1, pay_per_hour=12.0)
SETTINGS = Settings(tasks=TASKS)


def votes_of(*yes_of_five: tuple[int, int, int, int]) -> Votes:
    yes = np.array(yes_of_five, np.int16)
    images = tuple(f"i{at}" for at in range(len(yes)))
    return Votes(images, TAXONOMY.ids, yes, (5 - yes).astype(np.int16), np.zeros_like(yes))


def truth_of(*present: tuple[int, int, int, int]) -> Truth:
    positive = np.array(present, bool)
    images = tuple(f"i{at}" for at in range(len(positive)))
    return Truth(images, TAXONOMY.ids, propagate(positive, TAXONOMY.ids, TAXONOMY))


# Of the pools below pool, i0 and i1 show one each, i2 too; of i2's pool only one person was sure.
VOTES = votes_of((5, 0, 4, 0), (4, 1, 0, 5), (1, 0, 5, 0), (0, 5, 0, 0), (0, 0, 0, 0))
TRUTH = truth_of((1, 0, 1, 0), (1, 0, 0, 1), (1, 0, 1, 0), (0, 1, 0, 0))


def test_cost_saving_and_loss_by_hand() -> None:
    known = Evidence(VOTES, TRUTH, {})
    plain, skipping = compare_plans([ALL, SKIPPING], known, TAXONOMY, SETTINGS, images=100)
    assert plain.saving is None
    assert plain.loss is None
    assert plain.cost == forecast(ALL, TASKS, images=100)
    # Two of five images are asked the second question, in a second round.
    assert skipping.saving is not None
    assert (skipping.saving.asked, skipping.saving.rounds) == (1.4, 1.4)
    assert (skipping.cost.objects, skipping.cost.answers) == (140, 700)
    assert skipping.cost.hours == pytest.approx(100 * 1.4 * 5 * 6 / 3600)
    assert skipping.cost.money == pytest.approx(140 * 0.1 + skipping.cost.hours * 12)
    assert skipping.loss is not None
    assert skipping.loss.positives == 3
    assert skipping.loss.asking_all == 1.0
    assert skipping.loss.lost == pytest.approx(1 / 3)


def test_recall_after_skipping_counts_what_was_not_asked_as_missed() -> None:
    known = Evidence(None, TRUTH, {"grouped": VOTES})
    plain, skipping = compare_plans([ALL, SKIPPING], known, TAXONOMY, SETTINGS, images=1)
    assert plain.quality is not None
    assert skipping.quality is not None
    # Seven true pairs. Asking all finds them, the pool of i2 through its child; skipping misses
    # both pairs of i2.
    assert (plain.quality.images, plain.quality.positives) == (4, 7)
    assert (plain.quality.precision, plain.quality.recall) == (1.0, 1.0)
    assert skipping.quality.precision == 1.0
    assert skipping.quality.recall == pytest.approx(5 / 7)


def test_without_votes_the_saving_is_that_of_people_who_do_not_err() -> None:
    skipping = compare_plans([SKIPPING], Evidence(None, TRUTH, {}), TAXONOMY, SETTINGS, images=4)[0]
    assert skipping.saving is not None
    assert skipping.saving.basis == "truth"
    assert skipping.saving.asked == 1.75, "three of four images show a pool"
    assert skipping.loss is None
    assert skipping.quality is None


def test_without_anything_the_cost_is_the_most_that_it_can_be() -> None:
    found = compare_plans([SKIPPING], Evidence(None, None, {}), TAXONOMY, SETTINGS, images=10)[0]
    assert [found.saving, found.loss, found.quality] == [None, None, None]
    assert found.cost.objects == 20
    assert found.cost.hours == pytest.approx(10 * 2 * 5 * 6 / 3600)
    assert found.as_dict()["recall"] is None


def test_images_that_lack_a_vote_play_no_part() -> None:
    partial = replace(VOTES, no=VOTES.no.copy())
    partial.no[4] = 0  # nobody was asked anything
    found = compare_plans([SKIPPING], Evidence(partial, None, {}), TAXONOMY, SETTINGS, images=1)[0]
    assert found.saving is not None
    assert (found.saving.images, found.saving.asked) == (4, 1.5)


def test_pay_for_each_answer() -> None:
    by_answer = replace(TASKS, pay_per_answer=0.5)
    assert forecast(ALL, by_answer, images=100).money == pytest.approx(100 * 0.1 + 500 * 0.5)


@pytest.mark.parametrize("seed", range(3))
def test_quality_equals_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    votes = votes_of(*map(tuple, rng.integers(0, 6, (40, 4))))
    truth = truth_of(*map(tuple, rng.integers(0, 2, (30, 4))))
    found = measure_quality(votes, truth, TAXONOMY.ids, TAXONOMY, SETTINGS.consolidate)
    said = propagate(votes.yes[:30] >= 3, TAXONOMY.ids, TAXONOMY)
    assert found is not None
    assert found.precision == pytest.approx(precision_score(truth.positive, said, average="micro"))
    assert found.recall == pytest.approx(recall_score(truth.positive, said, average="micro"))


def test_a_looser_rule_asks_more_and_loses_less() -> None:
    lost, asked = [], []
    for below in (0.6, 0.4, 0.2, 0.0):
        settings = replace(SETTINGS, questions=QuestionSettings(skip_below=below))
        known = Evidence(VOTES, TRUTH, {})
        found = compare_plans([SKIPPING], known, TAXONOMY, settings, images=1)[0]
        assert found.loss is not None
        lost.append(found.loss.lost)
        mask = asked_mask(SKIPPING, VOTES.class_ids, VOTES.yes, VOTES.no, SkipRule.of(settings))
        asked.append(mask.mean())
    assert lost == sorted(lost, reverse=True)
    assert asked == sorted(asked)
    assert lost[0] == pytest.approx(1 / 3)
    assert lost[-1] == 0


def test_the_guard_refuses_a_plan_that_loses_too_much() -> None:
    known = Evidence(VOTES, TRUTH, {})
    loss = compare_plans([SKIPPING], known, TAXONOMY, SETTINGS, images=1)[0].loss
    check_loss(None, 0.0)
    check_loss(loss, 0.34)
    with pytest.raises(InputError, match=r"would lose 33\.3% of recall .*of 3 positives"):
        check_loss(loss, 0.33)


def test_the_ways_to_ask() -> None:
    ways = plan_ways(ALL, TAXONOMY, SETTINGS, skip=True)
    assert [(way.strategy, any(q.after for q in way.questions)) for way in ways] == [
        ("grouped", False),
        ("category", False),
        ("binary", False),
        ("grouped", True),
    ]
    assert ways[0] is ALL, "the plan at hand stands as it was edited"
    flat = replace(TAXONOMY, classes=TAXONOMY.classes[:2])
    assert len(plan_ways(ALL, flat, SETTINGS, skip=True)) == 3, "no class has a parent"
