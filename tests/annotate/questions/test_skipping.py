from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.errors import InputError
from annotate.questions.file import read_plan, write_plan
from annotate.questions.planning import Question, QuestionPlan, plan_questions
from annotate.questions.rules import lint_plan
from annotate.questions.skipping import SkipRule, asked_mask, rounds
from annotate.resources import resource
from annotate.settings import QuestionSettings
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

SKIP = QuestionSettings(skip=True)


def taxonomy_of(**parents: str) -> Taxonomy:
    classes = tuple(
        TaxonomyClass(name, name.title(), "all", parents=tuple(above.split()))
        for name, above in parents.items()
    )
    return Taxonomy("test", "1", (Category("all", "All"),), classes)


POOLS = taxonomy_of(pool="", bed="", tv="", bar="", indoor="pool", heated="indoor", bunk="bed")
PLAN = QuestionPlan(
    "h",
    "grouped",
    (
        Question("q01", "First", ("pool", "bed", "tv", "bar")),
        Question("q02", "Later", ("indoor", "bunk"), ("pool", "bed")),
        Question("q03", "Last", ("heated",), ("indoor",)),
    ),
)


@pytest.mark.parametrize("strategy", ["grouped", "category", "binary"])
def test_parents_come_first_and_every_class_once(strategy: str) -> None:
    taxonomy = load_taxonomy(resource("label_taxonomy", "travel.yaml"))
    plan = plan_questions(taxonomy, replace(SKIP, strategy=strategy))
    placed = [class_id for question in plan.questions for class_id in question.classes]
    assert sorted(placed) == sorted(taxonomy.ids)
    for question in plan.questions:
        roots = [c for c in question.classes if not taxonomy.ancestors(c)]
        assert len(roots) in (0, len(question.classes))
        for class_id in question.classes:
            above = set(taxonomy.ancestors(class_id))
            assert bool(above & set(question.after)) == bool(above)
    assert sorted(rounds(plan)) == list(rounds(plan)), "the first round comes first"
    findings = [f for f in lint_plan(plan, taxonomy, SKIP) if not f.advice or f.rule == "gate"]
    # A category is asked at once, even where a class of it implies another.
    assert {f.rule for f in findings} <= ({"parent"} if strategy == "category" else set())
    assert plan == plan_questions(taxonomy, replace(SKIP, strategy=strategy))


def asked_at_last(rule: SkipRule, **votes: tuple[int, int]) -> list[str]:
    """Questions of an image with these votes; the classes not named have five that say no."""
    counts = np.array([[votes.get(name, (0, 5)) for name in POOLS.ids]], np.int16)
    [mask] = asked_mask(PLAN, POOLS.ids, counts[:, :, 0], counts[:, :, 1], rule)
    return [question.id for question, on in zip(PLAN.questions, mask, strict=True) if on]


def test_a_question_is_asked_only_after_a_class_that_is_not_voted_no() -> None:
    rule = SkipRule(below=0.4, min_votes=3)
    assert asked_at_last(rule, pool=(1, 4)) == ["q01"]
    assert asked_at_last(rule, pool=(2, 3)) == ["q01", "q02"], "2 of 5: open"
    assert asked_at_last(rule, pool=(0, 2)) == ["q01", "q02"], "too few votes"
    assert asked_at_last(rule, pool=(0, 0)) == ["q01", "q02"], "all unsure"
    assert asked_at_last(rule, pool=(5, 0), indoor=(4, 1)) == ["q01", "q02", "q03"]
    assert asked_at_last(rule, pool=(5, 0), indoor=(0, 5)) == ["q01", "q02"]
    assert asked_at_last(rule, pool=(0, 5), indoor=(5, 0)) == ["q01"], "indoor was not asked"
    one = SkipRule(min_votes=1)
    assert asked_at_last(one, pool=(0, 1), bed=(0, 1)) == ["q01"]
    assert asked_at_last(one, pool=(1, 0), bed=(0, 1)) == ["q01", "q02"]


def test_a_share_is_compared_exactly() -> None:
    assert not SkipRule(0.55, 1).voted_no(55, 45), "in floats 0.55 * 100 is above 55"
    assert SkipRule(0.55, 1).voted_no(54, 46)


def asked_so_far(votes: dict[str, tuple[int, int]], rule: SkipRule) -> list[str]:
    """The questions that one image is asked, given the votes that it has so far."""
    earlier: set[str] = set()
    asked = []
    for question in PLAN.questions:
        gates = [class_id for class_id in question.after if class_id in earlier]
        if not gates or any(g in votes and not rule.voted_no(*votes[g]) for g in gates):
            asked.append(question.id)
        earlier.update(question.classes)
    return asked


votes = st.tuples(st.integers(0, 5), st.integers(0, 5))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.lists(votes, min_size=7, max_size=7), min_size=1, max_size=5),
    st.sampled_from([0.0, 0.2, 0.4, 0.6, 1.0]),
    st.integers(1, 7),
)
def test_replay_of_all_images_equals_round_after_round_of_each(
    table: list[list[tuple[int, int]]], below: float, min_votes: int
) -> None:
    rule = SkipRule(below, min_votes)
    counts = np.array(table, np.int16)
    mask = asked_mask(PLAN, POOLS.ids, counts[:, :, 0], counts[:, :, 1], rule)
    for row, image in zip(mask, table, strict=True):
        everything = dict(zip(POOLS.ids, image, strict=True))
        known: dict[str, tuple[int, int]] = {}
        for _ in range(3):
            asked = asked_so_far(known, rule)
            known = {c: everything[c] for q in PLAN.questions if q.id in asked for c in q.classes}
        assert [q.id for q, on in zip(PLAN.questions, row, strict=True) if on] == asked


def test_lint_of_what_questions_wait_for() -> None:
    backwards = replace(PLAN, questions=(PLAN.questions[1], PLAN.questions[0], PLAN.questions[2]))
    broken = [f for f in lint_plan(backwards, POOLS, SKIP) if not f.advice]
    assert [(f.rule, f.question) for f in broken] == [("after", "q02")]
    assert "waits for Pool, Bed, which no earlier question asks" in broken[0].message
    odd = replace(PLAN.questions[1], after=("tv",))
    advice = lint_plan(replace(PLAN, questions=(PLAN.questions[0], odd)), POOLS, SKIP)
    assert [f.rule for f in advice if f.question == "q02"] == ["gate", "gate"]


def test_what_a_question_waits_for_is_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "questions.yaml"
    write_plan(replace(PLAN, similarity="small-clip-01234567"), path)
    assert read_plan(path, POOLS) == replace(PLAN, similarity="small-clip-01234567")
    path.write_text(
        path.read_text("utf-8")
        .replace("- bed\n      \n", "")
        .replace("after:\n      - pool", "after:\n      - pol"),
        "utf-8",
    )
    with pytest.raises(InputError, match=r"yaml:\d+: unknown class id 'pol'; did you mean pool"):
        read_plan(path, POOLS)
