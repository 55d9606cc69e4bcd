from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.errors import InputError
from annotate.taxonomy.fields import CATEGORY_FIELDS, CLASS_FIELDS
from annotate.taxonomy.load import parse_taxonomy
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass
from annotate.taxonomy.problems import Problems

Load = Callable[[str | bytes], Taxonomy]

# A diamond with a tail, by hand:  thing <- boat <- canoe -> sport;  canoe <- kayak;  rock alone.
PARENTS = {
    "thing": (),
    "boat": ("thing",),
    "sport": (),
    "canoe": ("boat", "sport"),
    "kayak": ("canoe",),
    "rock": (),
}
ANCESTORS = {
    "thing": (),
    "boat": ("thing",),
    "sport": (),
    "canoe": ("boat", "sport", "thing"),
    "kayak": ("canoe", "boat", "sport", "thing"),
    "rock": (),
}
DESCENDANTS = {
    "thing": ("boat", "canoe", "kayak"),
    "boat": ("canoe", "kayak"),
    "sport": ("canoe", "kayak"),
    "canoe": ("kayak",),
    "kayak": (),
    "rock": (),
}


def build(parents: dict[str, tuple[str, ...]], **more: object) -> Taxonomy:
    classes = tuple(
        TaxonomyClass(id=name, name=name.title(), category="c", scenario="c", parents=above)
        for name, above in parents.items()
    )
    return Taxonomy(name="t", version="1", categories=(Category("c", "C"),), classes=classes)


@pytest.fixture
def boats() -> Taxonomy:
    return build(PARENTS)


def test_the_hierarchy_equals_a_table_made_by_hand(boats: Taxonomy) -> None:
    assert dict(boats.ancestor_table) == ANCESTORS
    assert dict(boats.descendant_table) == DESCENDANTS
    assert {name: boats.ancestors(name) for name in boats.ids} == ANCESTORS
    assert {name: boats.descendants(name) for name in boats.ids} == DESCENDANTS
    assert boats.children("boat") == ("canoe",)
    assert boats.children("rock") == ()


def test_closure_rows_hold_each_class_and_its_ancestors(boats: Taxonomy) -> None:
    rows = boats.closure_rows()
    #            thing  boat   sport  canoe  kayak  rock
    assert rows[3] == [True, True, True, True, False, False]
    assert rows[5] == [False, False, False, False, False, True]


def test_keys_of_the_file_are_the_fields_of_the_model() -> None:
    for model, table in ((Category, CATEGORY_FIELDS), (TaxonomyClass, CLASS_FIELDS)):
        assert {f.name for f in fields(model)} - {"line"} == {field.key for field in table}


def test_it_is_frozen(boats: Taxonomy) -> None:
    with pytest.raises(FrozenInstanceError):
        boats.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        boats.by_id["new"] = boats.classes[0]  # type: ignore[index]


@pytest.mark.parametrize(
    "name", ["tv_multimedia", "TV/Multimedia", "tv/multimedia", "  TV ", "TELEVISION"]
)
def test_a_class_is_found_by_id_name_or_alias_in_any_case(travel: Taxonomy, name: str) -> None:
    assert travel.resolve(name).id == "tv_multimedia"


def test_an_unknown_class_gets_the_closest_names(travel: Taxonomy) -> None:
    with pytest.raises(InputError, match="unknown class 'Kitchn'; did you mean Kitchen"):
        travel.resolve("Kitchn")
    with pytest.raises(InputError, match="taxonomy show"):
        travel.resolve("qqqqqq")


def test_exclusions_hold_both_ways_whichever_side_the_file_names(load: Load) -> None:
    head = "version: 1\nname: t\ncategories: [{id: c, name: C}]\nclasses:\n"
    one = "- {id: a, name: A, category: c, exclusive_with: [b]}\n- {id: b, name: B, category: c}\n"
    both = one.replace("name: B, category: c", "name: B, category: c, exclusive_with: [a]")
    taxonomy = load(head + one)
    assert taxonomy.by_id["b"].exclusive_with == ("a",)
    assert taxonomy.exclusive_pairs() == (("a", "b"),)
    assert load(head + both) == taxonomy


def test_a_subset_keeps_the_hierarchy_that_is_left(boats: Taxonomy) -> None:
    part = boats.subset(["kayak", "thing", "sport"])
    assert part.ids == ("thing", "sport", "kayak")
    assert part.by_id["kayak"].parents == ("sport", "thing")
    assert boats.subset(["kayak", "boat", "thing"]).by_id["kayak"].parents == ("boat",)


def test_a_subset_drops_exclusions_and_categories_that_are_left_out(travel: Taxonomy) -> None:
    part = travel.subset(["sunset", "winter"])
    assert part.exclusive_pairs() == ()
    assert [category.id for category in part.categories] == ["people_and_atmosphere"]
    assert part.subset(part.ids) == part
    with pytest.raises(InputError, match="unknown class id 'sunst'; did you mean sunset"):
        travel.subset(["sunst"])


def test_the_hash_changes_with_content_only(load: Load, travel: Taxonomy) -> None:
    text = travel.to_json()
    shuffled = json.dumps(json.loads(text), sort_keys=True, indent=1)
    assert load("# a comment\n" + shuffled).hash == load(text).hash == travel.hash
    assert load(text.replace('"Pets"', '"Pet animals"')).hash != travel.hash
    assert len(travel.hash) == 16
    assert int(travel.hash, 16) >= 0


def test_defaults_and_their_absence_are_the_same_content(load: Load) -> None:
    head = "version: 1\nname: t\ncategories: [{id: c, name: C}]\nclasses:\n"
    stated = "- {id: a, name: A, category: c, prompt: name, difficulty: medium, parents: []}\n"
    assert load(head + stated).hash == load(head + "- {id: a, name: A, category: c}\n").hash


def test_entries_know_their_lines(load: Load) -> None:
    taxonomy = load(
        "version: 1\nname: t\ncategories:\n- {id: c, name: C}\nclasses:\n- id: a\n  name: A\n"
        "  category: c\n# a comment\n- {id: b, name: B, category: c}\n"
    )
    assert [entry.line for entry in taxonomy.classes] == [6, 10]
    assert taxonomy.file.endswith("list.yaml")


TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), min_size=1, max_size=12).map(
    lambda text: " ".join(text.split())
)


@st.composite
def taxonomies(draw: st.DrawFn) -> Taxonomy:
    """Any taxonomy that keeps the rules; parents come before their children."""
    count = draw(st.integers(1, 7))
    classes = tuple(
        TaxonomyClass(
            id=f"c{i}",
            name=f"C{i}: {draw(TEXTS)}",
            category=draw(st.sampled_from(["k1", "k2"])),
            description=draw(TEXTS),
            parents=tuple(draw(st.lists(st.sampled_from([f"c{j}" for j in range(i)]), unique=True)))
            if i
            else (),
            queries=tuple(draw(st.lists(TEXTS.filter(bool), unique=True, max_size=3))),
            vote_threshold=draw(st.none() | st.floats(0.01, 1)),
            difficulty=draw(st.sampled_from(["easy", "medium", "hard"])),
            scenario="any",
            since=draw(st.none() | st.just("2")),
        )
        for i in range(count)
    )
    categories = (Category("k1", "K 1"), Category("k2", "K 2", "more"))
    return Taxonomy(name="any", version="1", categories=categories, classes=classes)


@given(taxonomy=taxonomies())
@settings(max_examples=100, deadline=None)
def test_what_is_dumped_loads_as_equal(taxonomy: Taxonomy) -> None:
    problems = Problems("dump.yaml")
    loaded = parse_taxonomy(taxonomy.to_json(), problems)
    problems.raise_if_any()
    assert loaded == taxonomy
    assert loaded.hash == taxonomy.hash


@given(taxonomy=taxonomies(), data=st.data())
@settings(max_examples=100, deadline=None)
def test_laws_of_the_hierarchy(taxonomy: Taxonomy, data: st.DataObject) -> None:
    for name in taxonomy.ids:
        above = set(taxonomy.ancestors(name))
        assert name not in above
        assert above == set().union(
            *({parent, *taxonomy.ancestors(parent)} for parent in taxonomy.by_id[name].parents)
        )
        assert all(name in taxonomy.descendants(other) for other in above)
    kept = data.draw(st.sets(st.sampled_from(taxonomy.ids)))
    part = taxonomy.subset(kept)
    for name in part.ids:
        assert set(part.ancestors(name)) == set(taxonomy.ancestors(name)) & kept
