"""Labels of several sources that disagree across the hierarchy."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from annotate.dataset.joining import join_labels
from annotate.tables import LABELS
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass
from tests.annotate.dataset.command import run
from tests.annotate.dataset.imported import labels, photos, take

PARENTS = {  # warm has two parents, and spa is a grandchild by two ways
    "water": (),
    "pool": ("water",),
    "heated": (),
    "warm": ("pool", "heated"),
    "spa": ("warm",),
    "snow": (),
}
TREE = Taxonomy(
    "t",
    "1",
    (Category("all", "All"),),
    tuple(TaxonomyClass(name, name, "all", parents=up) for name, up in PARENTS.items()),
)
Cells = dict[tuple[str, str], tuple[int | None, str]]  # (image, class): label, decided


def above(name: str) -> set[str]:
    found = set(PARENTS[name])
    return found.union(*(above(up) for up in found))


def table(cells: Cells) -> pa.Table:
    """As a file of labels is read."""
    texts = {
        "image_id": [image for image, _ in cells],
        "class_id": [name for _, name in cells],
        "decided": [how for _, how in cells.values()],
    }
    columns: dict[str, Any] = {
        name: pa.array(values, pa.string()).dictionary_encode() for name, values in texts.items()
    }
    columns["label"] = pa.array([label for label, _ in cells.values()], pa.int8())
    for name in ("yes", "no", "unsure"):
        columns[name] = pa.array([3] * len(cells), pa.int16())
    columns["rate"] = pa.array([0.5] * len(cells), pa.float64())
    return pa.table(columns).select(list(LABELS.columns))


def joined(*sources: Cells) -> tuple[Cells, int]:
    result = join_labels([table(cells) for cells in sources], TREE)
    frame: Any = result.labels.astype(object)
    rows: list[dict[str, Any]] = frame.to_dict("records")
    found: Cells = {
        (row["image_id"], row["class_id"]): (
            None if pd.isna(row["label"]) else int(row["label"]),
            row["decided"],
        )
        for row in rows
    }
    assert len(found) == len(rows)
    return found, result.overruled


def test_a_yes_overrules_a_no_above_it_whoever_said_it() -> None:
    votes: Cells = {("a", "pool"): (0, "voted"), ("b", "pool"): (None, "unknown")}
    first: Cells = {("a", "warm"): (1, "imported"), ("b", "warm"): (1, "imported")}
    last: Cells = {("a", "water"): (0, "imported"), ("b", "snow"): (0, "imported")}
    found, overruled = joined(votes, last, first)
    assert overruled == 2
    made = (1, "propagated")
    assert found == {
        **{("a", name): made for name in ("pool", "water", "heated")},
        **{("b", name): made for name in ("pool", "water", "heated")},
        ("a", "warm"): (1, "imported"),
        ("b", "warm"): (1, "imported"),
        ("b", "snow"): (0, "imported"),
    }


def test_experts_who_say_no_say_it_of_all_below() -> None:
    votes: Cells = {("a", "pool"): (0, "golden"), ("b", "pool"): (0, "voted")}
    other: Cells = {("a", "spa"): (1, "imported"), ("a", "warm"): (1, "propagated")}
    found, overruled = joined(votes, other)
    assert overruled == 2
    assert found == votes | {("a", "spa"): (0, "golden"), ("a", "warm"): (0, "golden")}


def test_what_agrees_stays_as_it_is() -> None:
    cells: Cells = {
        ("a", "spa"): (1, "voted"),
        **{("a", name): (1, "propagated") for name in sorted(above("spa"))},
        ("a", "snow"): (0, "voted"),
        ("b", "gone"): (1, "voted"),  # a class of an earlier label list
    }
    result = join_labels([table(cells)], TREE)
    assert joined(cells) == (cells, 0)
    assert result.labels["image_id"].tolist() == [image for image, _ in cells]
    assert joined({}) == ({}, 0)


@pytest.mark.parametrize("seed", range(8))
def test_random_sources_as_worked_out_cell_by_cell(seed: int) -> None:
    rng = random.Random(seed)

    def source() -> Cells:
        named = [(image, name) for image in "abcdef" for name in PARENTS if rng.random() < 0.5]
        rng.shuffle(named)
        return {cell: (rng.choice([0, 0, 1, None]), "imported") for cell in named}

    sources = [source() for _ in range(rng.randint(1, 3))]
    expected: Cells = {}
    for cells in sources:
        for cell, said in cells.items():
            if expected.get(cell, (None,))[0] is None and (
                cell not in expected or said[0] in (0, 1)
            ):
                expected[cell] = said
    overruled = 0
    for (image, name), (label, _) in list(expected.items()):
        for up in sorted(above(name)) if label == 1 else ():
            there = expected.get((image, up), (None, ""))[0]
            overruled += there == 0
            expected[image, up] = expected[image, up] if there == 1 else (1, "propagated")
    assert joined(*sources) == (expected, overruled)


def test_two_imports_make_a_dataset_that_obeys_the_hierarchy(root: Path) -> None:
    (root / "w/classes.yaml").write_text(
        "version: 1\nname: T\ncategories: [{id: a, name: A}]\nclasses:\n"
        "  - {id: pool, name: Pool, category: a}\n"
        "  - {id: indoor_pool, name: Indoor pool, category: a, parents: [pool]}\n"
    )
    names = photos(root)
    fine, coarse = (root / f"source/photos/{name}.csv" for name in ("fine", "coarse"))
    rows = (f"{name},{int(at % 2 == 0)}\n" for at, name in enumerate(names))
    fine.write_text("path,indoor_pool\n" + "".join(rows))
    take(fine)
    coarse.write_text("path,pool\n" + "".join(f"{name},0\n" for name in names))
    stats = take(coarse)["stats"]
    found = labels(root)
    for at, name in enumerate(names):
        yes = int(at % 2 == 0)
        assert found[name] == {"pool": yes, "indoor_pool": yes}
    assert stats["overruled"] == len(names) / 2
    assert any("gave way" in warning for warning in stats["warnings"])
    assert json.loads(run("dataset", "verify", "--json"))["whole"] is True
