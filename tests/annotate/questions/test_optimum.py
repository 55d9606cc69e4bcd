"""The groups of each category reach the optimum that OR-Tools CP-SAT proves."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from annotate.questions.fit import make_blocks, make_grouping
from annotate.questions.grouping import APART, Grouping, solve
from annotate.questions.likeness import make_likeness
from annotate.questions.planning import asked_classes
from annotate.resources import resource
from annotate.settings import QuestionSettings
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

cp_model = pytest.importorskip("ortools.sat.python.cp_model", reason="needs OR-Tools")

MAX_HARD = 2
# A group's size costs 100,000 for each item that it is short of four, and 5 million if it is one.
SIZE_PRICE = {1: 5_300_000, 2: 200_000, 3: 100_000, 4: 0, 5: 0, 6: 0}
SCALE = 6  # so that the share of each item of a group is a whole number


def proven_best(grouping: Grouping, items: Sequence[int]) -> int:
    """Best score of any division of the items, proven by CP-SAT.

    A division is a set of pairs that are together such that what is together with the same is
    together (clique partitioning; Groetschel and Wakabayashi, 1989). Written down without any code
    of the search.
    """
    model = cp_model.CpModel()
    pair = {frozenset(two): model.new_bool_var("") for two in combinations(items, 2)}
    for three in combinations(items, 3):
        sides = [pair[frozenset(two)] for two in combinations(three, 2)]
        for side in sides:
            model.add(sum(sides) - 2 * side <= 1)
    terms = []
    for two, together in pair.items():
        a, b = sorted(two)
        if grouping.fit[a][b] == APART:
            model.add(together == 0)
        terms.append(SCALE * grouping.fit[a][b] * together)
    for item in items:
        others = [other for other in items if other != item]
        sizes = {size: model.new_bool_var("") for size in SIZE_PRICE}
        model.add_exactly_one(sizes.values())
        size = 1 + sum(pair[frozenset((item, other))] for other in others)
        model.add(size == sum(number * on for number, on in sizes.items()))
        terms += [-SCALE * SIZE_PRICE[number] // number * on for number, on in sizes.items()]
        if grouping.hard[item]:
            hard = [pair[frozenset((item, other))] for other in others if grouping.hard[other]]
            model.add(sum(hard) <= MAX_HARD - 1)
    model.maximize(sum(terms))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 2
    solver.parameters.max_deterministic_time = 60
    assert solver.solve(model) == cp_model.OPTIMAL
    best: int = round(solver.objective_value / SCALE)
    return best


def block_of(number: int) -> tuple[Grouping, list[int]]:
    taxonomy = load_taxonomy(resource("label_taxonomy", "travel.yaml"))
    classes = asked_classes(taxonomy)
    grouping = make_grouping(taxonomy, classes, QuestionSettings())
    return grouping, make_blocks(classes)[number]


@pytest.mark.parametrize("number", range(8))
def test_groups_of_a_category_are_proven_optimal(number: int) -> None:
    grouping, items = block_of(number)
    groups = solve(grouping, [items])
    assert sorted(item for group in groups for item in group) == items
    assert grouping.score(groups) == proven_best(grouping, items)


@pytest.mark.parametrize("seed", range(6))
def test_categories_that_exclusive_classes_link_are_proven_optimal(seed: int) -> None:
    rng = random.Random(seed)
    classes = [
        TaxonomyClass(
            f"c{at}",
            f"C{at}",
            "ab"[at % 2],
            scenario=rng.choice(["x", "y"]),
            difficulty=rng.choice(["easy", "easy", "hard"]),
        )
        for at in range(14)
    ]
    for a, b in ((0, 1), (3, 10)):  # one of each category
        classes[a] = replace(classes[a], exclusive_with=(f"c{b}",))
    categories = (Category("a", "A"), Category("b", "B"))
    taxonomy = Taxonomy("test", "1", categories, tuple(classes))
    vectors = np.random.default_rng(seed).normal(size=(14, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = make_likeness("model", taxonomy.ids, vectors)
    grouping = make_grouping(taxonomy, classes, QuestionSettings(), likeness)
    blocks = make_blocks(classes)
    assert blocks == [list(range(14))]
    groups = solve(grouping, blocks)
    assert grouping.score(groups) == proven_best(grouping, blocks[0])
    where = {item: number for number, group in enumerate(groups) for item in group}
    assert where[0] == where[1]
    assert where[3] == where[10]
