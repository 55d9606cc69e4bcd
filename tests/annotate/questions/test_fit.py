from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from annotate.questions.fit import make_blocks
from annotate.questions.likeness import make_likeness
from annotate.questions.planning import plan_questions
from annotate.questions.rules import lint_plan
from annotate.settings import QuestionSettings
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

SETTINGS = QuestionSettings()


def classes_of(category: str, count: int) -> list[TaxonomyClass]:
    return [TaxonomyClass(f"{category}_{at}", f"{category} {at}", category) for at in range(count)]


def taxonomy_of(classes: list[TaxonomyClass]) -> Taxonomy:
    names = dict.fromkeys(entry.category for entry in classes)
    return Taxonomy("test", "1", tuple(Category(n, n.title()) for n in names), tuple(classes))


def exclude(classes: list[TaxonomyClass], a: str, b: str) -> list[TaxonomyClass]:
    return [replace(c, exclusive_with=(*c.exclusive_with, b)) if c.id == a else c for c in classes]


def question_of(classes: list[TaxonomyClass]) -> dict[str, str]:
    plan = plan_questions(taxonomy_of(classes), SETTINGS)
    assert not [f for f in lint_plan(plan, taxonomy_of(classes), SETTINGS) if not f.advice]
    return {name: question.id for question in plan.questions for name in question.classes}


def test_exclusive_classes_of_two_categories_share_a_question() -> None:
    classes = [*classes_of("day", 8), *classes_of("night", 8), *classes_of("other", 5)]
    apart = question_of(classes)
    assert apart["day_2"] != apart["night_5"]
    classes = exclude(classes, "day_2", "night_5")
    together = question_of(classes)
    assert together["day_2"] == together["night_5"]
    strangers = {c for c, q in together.items() if q == together["day_2"]}
    assert len({name[:3] for name in strangers - {"day_2", "night_5"}}) == 1, "only one moved"
    assert len({together[f"other_{at}"] for at in range(5)}) == 1


def test_categories_are_linked_in_a_row() -> None:
    classes = [*classes_of("a", 2), *classes_of("b", 2), *classes_of("c", 2), *classes_of("d", 2)]
    classes = exclude(exclude(classes, "d_1", "a_0"), "b_0", "d_0")
    assert make_blocks(classes) == [[0, 1, 2, 3, 6, 7], [4, 5]]


def test_exclusive_classes_of_two_scenarios_share_a_question() -> None:
    classes = [
        replace(entry, scenario="sky" if at < 4 else "ground")
        for at, entry in enumerate(classes_of("nature", 8))
    ]
    together = question_of(exclude(classes, "nature_0", "nature_7"))
    assert together["nature_0"] == together["nature_7"]


def test_exclusive_classes_that_do_not_fit_are_named() -> None:
    classes = classes_of("season", 7)
    for a in classes[:-1]:
        classes = exclude(classes, a.id, "season_6")
    parent = replace(classes[0], parents=("season_6",), exclusive_with=())
    classes = [parent, *classes[1:]]
    plan = plan_questions(taxonomy_of(classes), SETTINGS)
    place = {name: question.id for question in plan.questions for name in question.classes}
    assert place["season_0"] != place["season_6"], "never a class with what it implies"
    findings = lint_plan(plan, taxonomy_of(classes), SETTINGS)
    assert {finding.rule for finding in findings} <= {"exclusive"}


def test_points_of_texts_by_hand() -> None:
    # Cosines of the three pairs: 1, 0, 0; mean 1/3, standard deviation sqrt(2)/3.
    vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    likeness = make_likeness("m", ["a", "b", "c"], vectors)
    assert likeness.of("a", "b") == likeness.of("b", "a") == round(50 * 2**0.5)
    assert likeness.of("a", "c") == likeness.of("b", "c") == round(-50 / 2**0.5)
    assert likeness.of("a", "a") == likeness.of("a", "unknown") == 0
    same = make_likeness("m", ["a", "b"], vectors[:2])
    assert same.of("a", "b") == 0, "one pair is as alike as pairs are"
    assert make_likeness("m", [], np.zeros((0, 2), np.float32)).of("a", "b") == 0


@pytest.mark.parametrize("strategy", ["grouped", "binary"])
def test_alike_classes_share_a_question_and_the_plan_names_the_model(strategy: str) -> None:
    classes = classes_of("rooms", 8)
    axis = np.array([0, 1, 1, 0, 1, 0, 0, 1])
    vectors = np.eye(2, dtype=np.float32)[axis]
    taxonomy = taxonomy_of(classes)
    likeness = make_likeness("clip-1", taxonomy.ids, vectors)
    plan = plan_questions(taxonomy, replace(SETTINGS, strategy=strategy), likeness=likeness)
    if strategy == "binary":
        assert plan.similarity == ""
        return
    assert plan.similarity == "clip-1"
    groups = [{int(name[-1]) for name in question.classes} for question in plan.questions]
    assert sorted(map(sorted, groups)) == [[0, 3, 5, 6], [1, 2, 4, 7]]
