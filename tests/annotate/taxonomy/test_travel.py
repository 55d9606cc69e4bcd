"""What issue 2 demands of label_taxonomy/travel.yaml."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from annotate.taxonomy.lint import lint
from annotate.taxonomy.model import Taxonomy

PAPER = """
Historical structure; Swimming pool; Indoor swimming pool; Outdoor swimming pool; Pets;
Animal (not pets); Mirror; Kitchen; Winter; Sunset; Fireplace; Ceiling fan; Air conditioner;
TV/Multimedia; Coffee facilities; Shower; Bathtub; Parking; Art/decor; Golf; Bed; Food; Lobby;
Toaster; Patio; Natural landscape; Street; Sightseeing; Building; Room; Bathroom; Dining area
"""
DRAWN = """
room bedroom living_room kitchen bathroom dining_area lobby staircase bed bunk_bed sofa desk
wardrobe tv_multimedia mirror fireplace ceiling_fan air_conditioner art_decor refrigerator toaster
coffee_facilities bathtub shower toilet swimming_pool indoor_swimming_pool outdoor_swimming_pool
hot_tub building historical_structure street parking patio balcony garden natural_landscape beach
mountain lake forest golf playground bicycle boat winter sunset night pets animal_not_pets people
food
"""
DRAWN_PARENTS = {
    "bedroom": ("room",),
    "living_room": ("room",),
    "bunk_bed": ("bed",),
    "indoor_swimming_pool": ("swimming_pool",),
    "outdoor_swimming_pool": ("swimming_pool",),
    "beach": ("natural_landscape",),
    "mountain": ("natural_landscape",),
    "lake": ("natural_landscape",),
    "forest": ("natural_landscape",),
    "historical_structure": ("building",),
}


def test_it_has_120_classes_in_8_categories(travel: Taxonomy) -> None:
    assert len(travel.classes) == 120
    assert len(travel.categories) == 8
    assert all(8 <= count <= 20 for count in Counter(c.category for c in travel.classes).values())


@pytest.mark.parametrize("name", [" ".join(name.split()) for name in PAPER.split(";")])
def test_it_has_the_names_of_the_paper(travel: Taxonomy, name: str) -> None:
    assert travel.resolve(name).name == name


def test_historical_structure_is_that_of_the_paper(travel: Taxonomy) -> None:
    entry = travel.resolve("Historical structure")
    assert {c.id: c.name for c in travel.categories}[entry.category] == "Outside"
    assert (
        entry.description == "historical structure, a building or structure with historical value"
    )


def test_pets_are_searched_as_in_the_paper(travel: Taxonomy) -> None:
    assert travel.resolve("Pets").queries == ("a photo with dog", "a photo with cat")


def test_the_demo_world_finds_its_ids_and_their_hierarchy(travel: Taxonomy) -> None:
    drawn = DRAWN.split()
    assert set(drawn) <= set(travel.ids)
    assert {i: travel.by_id[i].parents for i in drawn if travel.by_id[i].parents} == DRAWN_PARENTS
    pairs = travel.subset(drawn).exclusive_pairs()
    assert set(pairs) == {("indoor_swimming_pool", "outdoor_swimming_pool"), ("sunset", "night")}


def test_the_unseen_classes_of_zero_shot_occur_nowhere(travel: Taxonomy) -> None:
    unseen = re.compile(r"\b(museums?|mountain[ -]climb\w*|shop\w*|doors?)\b", re.IGNORECASE)
    for entry in travel.classes:
        texts = (entry.id.replace("_", " "), entry.name, entry.description)
        for text in (*texts, *entry.queries, *entry.aliases):
            assert not unseen.search(text), (entry.id, text)


def test_every_class_is_complete(travel: Taxonomy) -> None:
    for entry in travel.classes:
        assert len(entry.queries) >= 2, entry.id
        assert entry.description
        assert entry.scenario != entry.category, "a scenario of its own"
        assert all(query.startswith("a photo with ") for query in entry.queries), entry.id


def test_descriptions_begin_with_the_thing_and_explain_it(travel: Taxonomy) -> None:
    for entry in travel.classes:
        assert re.match(r"[\w' -]+, \S.*[^.]$", entry.description), entry.description


def can_be_asked(taxonomy: Taxonomy, ids: list[str], groups: tuple[tuple[str, ...], ...]) -> bool:
    """Whether ids can be split into questions as the design wants them, by trying all ways.

    4 to 6 classes each, no class beside its ancestor, exclusive classes together, two hard at most.
    """
    if not ids:
        whole = all(
            any({a, b} <= set(group) for group in groups) for a, b in exclusive(taxonomy, groups)
        )
        return whole and all(4 <= len(group) <= 6 for group in groups)
    first, rest = ids[0], ids[1:]
    fits = [at for at, group in enumerate(groups) if may_join(taxonomy, first, group)]
    joined = (
        tuple((*g, first) if at == here else g for at, g in enumerate(groups)) for here in fits
    )
    return any(can_be_asked(taxonomy, rest, split) for split in joined)


def exclusive(taxonomy: Taxonomy, groups: tuple[tuple[str, ...], ...]) -> list[tuple[str, str]]:
    asked = {class_id for group in groups for class_id in group}
    return [pair for pair in taxonomy.exclusive_pairs() if set(pair) <= asked]


def may_join(taxonomy: Taxonomy, class_id: str, group: tuple[str, ...]) -> bool:
    family = {*taxonomy.ancestors(class_id), *taxonomy.descendants(class_id)}
    hard = [one for one in (*group, class_id) if taxonomy.by_id[one].difficulty == "hard"]
    return len(group) < 6 and len(hard) <= 2 and not family & set(group)


def test_questions_of_one_scenario_can_be_formed(travel: Taxonomy) -> None:
    for scenario in {entry.scenario for entry in travel.classes}:
        members = [entry for entry in travel.classes if entry.scenario == scenario]
        assert len({entry.category for entry in members}) == 1
        ids = [entry.id for entry in members]
        groups = range(-(-len(ids) // 6), len(ids) // 4 + 1)
        assert any(can_be_asked(travel, ids, ((),) * count) for count in groups), scenario


def test_hard_classes_can_be_spread(travel: Taxonomy) -> None:
    levels = Counter(entry.difficulty for entry in travel.classes)
    assert set(levels) == {"easy", "medium", "hard"}
    assert 10 <= levels["hard"] <= len(travel.classes) / 4
    hard = {entry.difficulty for entry in travel.classes if entry.vote_threshold is not None}
    assert hard == {"hard"}, "thresholds of their own are for hard classes"


def test_some_classes_have_several_parents(travel: Taxonomy) -> None:
    several = {entry.id: entry.parents for entry in travel.classes if len(entry.parents) > 1}
    assert several["ski_slope"] == ("mountain", "winter")
    assert several["sofa_bed"] == ("sofa", "bed")
    assert travel.ancestors("old_town") == ("street", "historical_structure", "building")


def test_lint_has_nothing_to_say(travel: Taxonomy) -> None:
    assert lint(travel) == []
