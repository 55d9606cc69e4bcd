"""The tree of a label list, and its page."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from annotate.cli import main
from annotate.tables import LABELS, write
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass
from annotate.taxonomy.tree import Counts, tree

TAXONOMY = Taxonomy(
    "t",
    "1",
    (Category("w", "Water"), Category("h", "House")),
    (
        TaxonomyClass("indoor", "Indoor", "w", parents=("pool", "room")),
        TaxonomyClass("pool", "Pool", "w"),
        TaxonomyClass("spa", "Spa", "w"),
        TaxonomyClass("whirlpool", "Whirlpool", "w", parents=("pool", "spa")),
        TaxonomyClass("room", "Room", "h", exclusive_with=("pool",)),
    ),
)


def test_children_stand_below_each_parent_and_are_marked_when_shown_again() -> None:
    found = tree(TAXONOMY, {"pool": Counts(positives=3)})
    rows = [[(row["id"], row["depth"], row["again"]) for row in each["rows"]] for each in found]
    assert rows == [
        [
            ("pool", 0, False),
            ("indoor", 1, False),
            ("whirlpool", 1, False),
            ("spa", 0, False),
            ("whirlpool", 1, True),
        ],
        [("room", 0, False)],
    ]
    assert found[0]["rows"][1]["elsewhere"] == ["Room"]
    assert found[0]["rows"][0]["counts"].positives == 3


def test_every_class_of_the_travel_list_is_in_its_tree(travel: Taxonomy) -> None:
    rows = [row for each in tree(travel, {}) for row in each["rows"]]
    assert {row["id"] for row in rows} == set(travel.ids)
    assert sum(not row["again"] for row in rows) == len(travel.ids)


def test_the_page_counts_labels_and_needs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mumic.toml").write_text("", "utf-8")
    (tmp_path / "label_taxonomy").mkdir()
    (tmp_path / "label_taxonomy" / "travel.yaml").write_text(
        "version: 1\nname: <t>\ncategories: [{id: c, name: C}]\n"
        "classes: [{id: dog, name: Dog <img>, category: c}, {id: cat, name: Cat, category: c}]\n",
        "utf-8",
    )
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.html"
    assert CliRunner().invoke(main, ["taxonomy", "graph", "--html", str(page)]).exit_code == 0
    assert "There are no labels yet" in page.read_text("utf-8")
    labels = pd.DataFrame(
        [("i", "dog", 1), ("j", "dog", 1), ("k", "dog", 0), ("l", "dog", None)],
        columns=["image_id", "class_id", "label"],
    ).assign(yes=0, no=0, unsure=0, rate=0.0, decided="voted")
    write(LABELS, labels, tmp_path / "data" / "labels" / "labels.parquet")
    assert CliRunner().invoke(main, ["taxonomy", "graph", "--html", str(page)]).exit_code == 0
    text = page.read_text("utf-8")
    assert "2 yes, 1 no, 1 unknown" in text
    assert "Dog &lt;img&gt;" in text
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
