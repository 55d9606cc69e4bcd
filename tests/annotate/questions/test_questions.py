from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.errors import InputError, MissingError
from annotate.questions.file import read_plan, render_plan, write_plan
from annotate.questions.grouping import APART, Grouping, solve
from annotate.questions.planning import Question, QuestionPlan, forecast, plan_questions
from annotate.questions.rules import lint_plan
from annotate.resources import resource
from annotate.settings import QuestionSettings, TaskSettings
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

SETTINGS = QuestionSettings()


def taxonomy_of(*classes: TaxonomyClass) -> Taxonomy:
    categories = tuple(
        Category(name, name.title()) for name in sorted({c.category for c in classes})
    )
    return Taxonomy("test", "1", categories, classes)


def plain(count: int, category: str = "rooms", **changes: str) -> list[TaxonomyClass]:
    return [
        replace(TaxonomyClass(f"{category}_{at}", f"{category.title()} {at}", category), **changes)  # type: ignore[arg-type]
        for at in range(count)
    ]


@st.composite
def taxonomies(draw: st.DrawFn) -> Taxonomy:
    classes: list[TaxonomyClass] = []
    for at in range(draw(st.integers(1, 16))):
        parents = draw(st.sets(st.sampled_from(classes), max_size=2)) if classes else set()
        classes.append(
            TaxonomyClass(
                f"c{at}",
                f"Class {at}",
                draw(st.sampled_from(["a", "b"])),
                parents=tuple(sorted(entry.id for entry in parents)),
                difficulty=draw(st.sampled_from(["easy", "hard"])),
                scenario=draw(st.sampled_from(["", "x", "y"])),
            )
        )
    return taxonomy_of(*classes)


@settings(max_examples=40, deadline=None)
@given(taxonomies(), st.integers(1, 3))
def test_no_rule_is_broken_whatever_the_taxonomy(taxonomy: Taxonomy, max_hard: int) -> None:
    plan = plan_questions(taxonomy, replace(SETTINGS, max_hard=max_hard))
    placed = [class_id for question in plan.questions for class_id in question.classes]
    assert sorted(placed) == sorted(taxonomy.ids)
    for question in plan.questions:
        members = set(question.classes)
        assert 1 <= len(members) <= 6
        assert sum(taxonomy.by_id[c].difficulty == "hard" for c in members) <= max_hard
        assert not any(members & set(taxonomy.ancestors(class_id)) for class_id in members)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 24), st.integers(2, 24), st.integers(0, 3))
def test_sizes_of_questions_without_conflicts(first: int, second: int, seed: int) -> None:
    taxonomy = taxonomy_of(*plain(first, "a"), *plain(second, "b"))
    plan = plan_questions(taxonomy, SETTINGS, seed=seed)
    for category, count in (("a", first), ("b", second)):
        sizes = [len(q.classes) for q in plan.questions if q.classes[0].startswith(category)]
        assert sum(sizes) == count, "categories do not mix where each has two classes or more"
        possible = any(4 * groups <= count <= 6 * groups for groups in range(1, 12))
        assert min(sizes) >= (4 if possible else 2)


def test_a_class_that_is_alone_in_its_category_joins_others() -> None:
    taxonomy = taxonomy_of(*plain(1, "alone"), *plain(4, "rooms"))
    plan = plan_questions(taxonomy, SETTINGS)
    assert [set(question.classes) for question in plan.questions] == [set(taxonomy.ids)]
    assert plan.questions[0].title == "Alone and Rooms"


def test_one_scenario_a_question_and_exclusive_classes_together() -> None:
    indoor = plain(5, scenario="indoor")
    garden = [
        replace(entry, id=f"g{at}", name=f"G{at}", scenario="garden")
        for at, entry in enumerate(plain(8))
    ]
    garden[0] = replace(garden[0], exclusive_with=("g7",))
    garden[7] = replace(garden[7], exclusive_with=("g0",))
    mixed = random.Random(1).sample([*indoor, *garden], 13)
    plan = plan_questions(taxonomy_of(*mixed), SETTINGS)
    groups = [set(question.classes) for question in plan.questions]
    assert {entry.id for entry in indoor} in groups
    assert any({"g0", "g7"} <= group for group in groups)
    assert sorted(map(len, groups)) == [4, 4, 5]
    titles = [question.title for question in plan.questions]
    assert sorted(titles) == ["Garden 1", "Garden 2", "Indoor"]


def partitions(items: list[int]) -> Iterator[list[list[int]]]:
    if not items:
        yield []
        return
    first, *rest = items
    for smaller in partitions(rest):
        for at, group in enumerate(smaller):
            yield [*smaller[:at], [first, *group], *smaller[at + 1 :]]
        yield [[first], *smaller]


def price(groups: list[list[int]], fit: list[list[int]], hard: list[bool]) -> int:
    """The objective, written down again: pairs, undersized and oversized groups, hard items."""
    total = 0
    for group in groups:
        total += sum(fit[a][b] for a in group for b in group if a < b)
        total -= 100_000 * max(0, 3 - len(group)) + (5_000_000 if len(group) == 1 else 0)
        total -= 100_000_000 * (max(0, len(group) - 4) + max(0, sum(hard[i] for i in group) - 1))
    return total


@pytest.mark.parametrize("seed", range(6))
def test_groups_equal_the_best_of_all_partitions(seed: int) -> None:
    rng = random.Random(seed)
    fit = [[0] * 8 for _ in range(8)]
    for a in range(8):
        for b in range(a):
            fit[a][b] = fit[b][a] = APART if rng.random() < 0.15 else rng.randint(-900, 900)
    hard = [rng.random() < 0.3 for _ in range(8)]
    groups = solve(Grouping(fit, hard, smallest=3, largest=4, max_hard=1), [list(range(8))])
    best = max(price(groups, fit, hard) for groups in partitions(list(range(8))))
    assert price(groups, fit, hard) == best


def test_travel_plan_is_deterministic_and_within_the_rules() -> None:
    taxonomy = load_taxonomy(resource("label_taxonomy", "travel.yaml"))
    plan = plan_questions(taxonomy, SETTINGS)
    assert plan == plan_questions(taxonomy, SETTINGS)
    assert [finding for finding in lint_plan(plan, taxonomy, SETTINGS) if not finding.advice] == []
    assert all(4 <= len(question.classes) <= 6 for question in plan.questions)
    same = {c: q.id for q in plan.questions for c in q.classes}
    assert same["indoor_swimming_pool"] == same["outdoor_swimming_pool"] != same["swimming_pool"]


def test_other_strategies() -> None:
    taxonomy = taxonomy_of(*plain(9, "a"), *plain(1, "b"))
    binary = plan_questions(taxonomy, replace(SETTINGS, strategy="binary"))
    assert [question.classes for question in binary.questions] == [(name,) for name in taxonomy.ids]
    category = plan_questions(taxonomy, replace(SETTINGS, strategy="category"))
    assert [len(question.classes) for question in category.questions] == [9, 1]


def test_replaced_classes_are_not_asked() -> None:
    old, *rest = plain(5)
    taxonomy = taxonomy_of(replace(old, replaced_by=(rest[0].id,)), *rest)
    plan = plan_questions(taxonomy, SETTINGS)
    assert plan.questions[0].classes == tuple(entry.id for entry in rest)
    assert lint_plan(plan, taxonomy, SETTINGS) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"strategy": "groupd"}, "did you mean grouped?"),
        ({"smallest": 7}, "smallest = 7 and largest = 6"),
        ({"smallest": 1}, "set 2 <= smallest"),
        ({"max_hard": 0}, "max_hard must be 1"),
    ],
)
def test_settings_that_make_no_sense(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said.replace("?", r"\?")):
        plan_questions(taxonomy_of(*plain(4)), replace(SETTINGS, **wrong))  # type: ignore[arg-type]


def test_lint_names_the_rule_that_a_question_breaks() -> None:
    pool = TaxonomyClass("pool", "Pool", "bath", difficulty="hard")
    indoor = replace(pool, id="indoor", name="Indoor pool", parents=("pool",), scenario="wet")
    outdoor = replace(indoor, id="outdoor", name="Outdoor pool", exclusive_with=("indoor",))
    indoor = replace(indoor, exclusive_with=("outdoor",))
    rest = plain(6, "bath", scenario="bath")
    taxonomy = taxonomy_of(pool, indoor, outdoor, *rest, replace(pool, id="new", name="New"))
    ids = tuple(entry.id for entry in rest)
    plan = QuestionPlan(
        "old",
        "grouped",
        (Question("q01", "A", ("pool", "indoor", *ids)), Question("q02", "B", ("outdoor",))),
    )
    findings = lint_plan(plan, taxonomy, replace(SETTINGS, max_hard=1))
    assert [(f.rule, f.question) for f in findings if not f.advice] == [
        ("size", "q01"),
        ("hard", "q01"),
        ("parent", "q01"),
        ("size", "q02"),
    ]
    assert {f.rule for f in findings if f.advice} == {
        "missing",
        "taxonomy",
        "scenario",
        "exclusive",
    }
    assert "Indoor pool stands beside Pool" in str(findings[2])


def test_forecast_by_hand() -> None:
    questions = tuple(Question(f"q{at:02}", "t", (f"c{at}",)) for at in range(1, 25))
    settings = TaskSettings(
        annotators=5, seconds_per_question=6.0, fee_per_object=0.08, pay_per_hour=15.0
    )
    cost = forecast(QuestionPlan("h", "grouped", questions), settings, images=60_000)
    assert (cost.objects, cost.answers, cost.questions) == (60_000, 300_000, 24)
    assert cost.hours == pytest.approx(12_000)  # 300,000 answers of 24 x 6 s
    assert cost.money == pytest.approx(4_800 + 180_000)


def planned(tmp_path: Path) -> tuple[Path, Taxonomy, QuestionPlan]:
    taxonomy = taxonomy_of(*plain(9))
    plan = plan_questions(taxonomy, SETTINGS)
    path = tmp_path / "questions.yaml"
    assert write_plan(plan, path)
    return path, taxonomy, plan


titles = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Z")),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(titles, st.sampled_from(["123", "1e5", "true", "null", "0123456789abcdef"]))
def test_a_written_plan_is_read_back_as_equal(title: str, taxonomy_hash: str) -> None:
    import tempfile

    plan = QuestionPlan(taxonomy_hash, "grouped", (Question("q01", title, ("rooms_0", "rooms_1")),))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "questions.yaml"
        write_plan(plan, path)
        assert read_plan(path, taxonomy_of(*plain(2))) == plan


def test_an_edited_file_is_never_lost_silently(tmp_path: Path) -> None:
    path, taxonomy, plan = planned(tmp_path)
    assert not write_plan(plan, path), "the same plan again changes nothing"
    other = plan_questions(taxonomy, replace(SETTINGS, strategy="binary"))
    assert write_plan(other, path), "an untouched file may be replaced"
    path.write_text(path.read_text("utf-8").replace("Rooms 3", "Hall"), "utf-8")
    edited = path.read_bytes()
    with pytest.raises(InputError, match=r"edited by hand.*--force"):
        write_plan(plan, path)
    assert path.read_bytes() == edited
    assert write_plan(plan, path, force=True)
    assert path.read_text("utf-8") == render_plan(plan)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("- rooms_1\n", "- romms_1\n", 12, "did you mean rooms_1"),
        ("- rooms_1\n", "- rooms_0\n", 12, "listed twice"),
        ("- rooms_8\n", "- rooms_0\n", 22, "class rooms_0 stands in line 11 too"),
        ("id: q02", "id: q01", 16, "question q01 stands in line 8 too"),
        ("title: Rooms 1", "titel: Rooms 1", 9, "did you mean title?"),
        ("strategy: grouped", "strategy: grouping", 6, "did you mean grouped?"),
    ],
)
def test_every_problem_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    path, taxonomy, _ = planned(tmp_path)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(InputError) as caught:
        read_plan(path, taxonomy)
    assert f"questions.yaml:{line}: " in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"just text",
        b"\xff\xfe",
        b"a: &x [*x]",
        b"questions: 7\n",
        b"taxonomy: [\n",
        b"- " * 5000,
    ],
)
def test_files_that_are_no_plan(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "questions.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"questions.yaml:\d"):
        read_plan(path, taxonomy_of(*plain(2)))


def test_no_plan_yet(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="mumic-annotate questions"):
        read_plan(tmp_path / "questions.yaml", taxonomy_of(*plain(2)))
