"""Differences of two taxonomies, each against a table by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from annotate.taxonomy.diff import Change, Source, diff
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass


def classes(*entries: TaxonomyClass) -> Taxonomy:
    return Taxonomy("t", "1", (Category("c", "C"), Category("d", "D")), entries)


def entry(class_id: str, /, **more: object) -> TaxonomyClass:
    return replace(TaxonomyClass(class_id, class_id.capitalize(), "c"), **more)  # type: ignore[arg-type]


def kinds(changes: tuple[Change, ...]) -> set[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return {(change.kind, change.old, change.new) for change in changes}


OLD = classes(entry("pool"), entry("dog"), entry("cat"), entry("lamp", vote_threshold=0.4))


def test_equal_taxonomies_do_not_differ(travel: Taxonomy) -> None:
    found = diff(travel, travel)
    assert found.changes == ()
    assert found.moved == {}
    assert set(found.sources) == set(travel.ids)


@pytest.mark.parametrize(
    ("new", "expected", "moved"),
    [
        (
            [entry("pool", name="Swimming pool"), *OLD.classes[1:]],
            {("renamed", ("pool",), ("pool",))},
            {},
        ),
        (
            [entry("swimming_pool", aliases=("pool",)), *OLD.classes[1:]],
            {("new id", ("pool",), ("swimming_pool",))},
            {"swimming_pool": (Source("pool", True),)},
        ),
        (  # the same name under another id
            [entry("bath", name="Pool"), *OLD.classes[1:]],
            {("new id", ("pool",), ("bath",))},
            {"bath": (Source("pool", True),)},
        ),
        (
            [OLD.classes[0], entry("pets", aliases=("dog", "cat")), OLD.classes[3]],
            {("merged", ("dog", "cat"), ("pets",))},
            {"pets": (Source("dog", True), Source("cat", True))},
        ),
        (  # into one that was there
            [OLD.classes[0], entry("dog"), entry("cat", replaced_by=("dog",)), OLD.classes[3]],
            {("merged", ("dog", "cat"), ("dog",))},
            {"dog": (Source("dog", True), Source("cat", True))},
        ),
        (
            [
                entry("pool", replaced_by=("indoor", "outdoor")),
                *OLD.classes[1:],
                entry("indoor"),
                entry("outdoor"),
            ],
            {("split", ("pool",), ("indoor", "outdoor"))},
            {"indoor": (Source("pool", False),), "outdoor": (Source("pool", False),)},
        ),
        (  # the class stays, its parts are new
            [*OLD.classes, entry("indoor", parents=("pool",))],
            {("added", (), ("indoor",)), ("refined", ("pool",), ("indoor",))},
            {"indoor": ()},
        ),
        (OLD.classes[1:], {("removed", ("pool",), ())}, {}),
        ([*OLD.classes, entry("sea")], {("added", (), ("sea",))}, {"sea": ()}),
        (
            [*OLD.classes[:3], entry("lamp", vote_threshold=0.6)],
            {("threshold", ("lamp",), ("lamp",))},
            {},
        ),
        (
            [entry("pool", parents=("lamp",), category="d", description="x"), *OLD.classes[1:]],
            {(kind, ("pool",), ("pool",)) for kind in ("parents", "category", "reworded")},
            {},
        ),
        (
            [
                OLD.classes[0],
                entry("dog", exclusive_with=("cat",)),
                entry("cat", exclusive_with=("dog",), difficulty="hard"),
                OLD.classes[3],
            ],
            {
                ("exclusive", ("dog",), ("dog",)),
                ("exclusive", ("cat",), ("cat",)),
                ("details", ("cat",), ("cat",)),
            },
            {},
        ),
    ],
)
def test_each_kind_of_change(
    new: list[TaxonomyClass], expected: object, moved: dict[str, object]
) -> None:
    found = diff(OLD, classes(*new))
    assert kinds(found.changes) == expected
    assert found.moved == moved


def test_a_chain_of_successors_ends_at_the_class_in_use() -> None:
    new = classes(
        entry("pool", replaced_by=("bath",)),
        *OLD.classes[1:],
        entry("bath", replaced_by=("water", "spa")),
        entry("water"),
        entry("spa"),
    )
    assert kinds(diff(OLD, new).changes) == {("split", ("pool",), ("water", "spa"))}


def test_what_was_retired_before_is_past() -> None:
    old = classes(*OLD.classes, entry("puppy", replaced_by=("dog",)))
    assert diff(old, old).changes == ()
    assert diff(old, old).moved == {}
    assert diff(old, OLD).changes == ()  # its entry may go


def test_what_touches_votes_comes_first_and_says_what_to_do() -> None:
    new = classes(entry("dog", name="Hound"), entry("cat"), entry("lamp", vote_threshold=0.4))
    found = diff(OLD, new).changes
    assert [change.kind for change in found] == ["removed", "renamed"]
    assert "aliases" in found[0].text
    assert "replaced_by" in found[0].text
