from __future__ import annotations

import pytest

from annotate.taxonomy.model import Taxonomy, TaxonomyClass
from annotate.taxonomy.prompts import prompt_name, prompt_text, search_queries

POOL = TaxonomyClass("pool", "Swimming pool", "c", description="swimming pool, a basin of water")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Swimming pool", "swimming pool"),
        ("TV/Multimedia", "TV/Multimedia"),
        ("BBQ", "BBQ"),
        ("EV charging", "EV charging"),
        ("iPad", "iPad"),
        ("Art/decor", "art/decor"),
        ("Animal (not pets)", "animal (not pets)"),
        ("Étage", "étage"),
        ("4K screen", "4K screen"),
        ("", ""),
    ],
)
def test_names_are_written_as_within_a_sentence(name: str, expected: str) -> None:
    assert prompt_name(name) == expected


def test_the_prompt_is_the_name_or_the_description() -> None:
    assert prompt_text(POOL) == "a photo with swimming pool"
    described = TaxonomyClass("a", "A", "c", description="a thing", prompt="description")
    assert prompt_text(described) == "a photo with a thing"


def test_queries_fall_back_to_name_and_description(travel: Taxonomy) -> None:
    assert search_queries(travel.resolve("Pets")) == ("a photo with dog", "a photo with cat")
    assert search_queries(POOL) == (
        "a photo with swimming pool",
        "a photo with swimming pool, a basin of water",
    )
    assert search_queries(TaxonomyClass("a", "Boat", "c")) == ("a photo with boat",)
