"""Imports of CSV and JSON Lines, in the shapes that people use."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from annotate.tables import CATALOG, read
from tests.annotate.dataset.imported import labels, photos, take


@pytest.mark.parametrize(
    "text",
    [
        "path,dog,cat\n000.png,1,0\n001.jpg,0,\n002.jpg,,1\n",
        "file_name,class,value\n000.png,dog,1\n000.png,cat,0\n001.jpg,dog,0\n002.jpg,cat,yes\n",
        'image,labels,negatives\n000.png,dog,"[""cat""]"\n001.jpg,,dog\n002.jpg,cat,\n',
    ],
    ids=["a column per class", "a row per class", "lists"],
)
def test_csv_in_three_shapes(root: Path, text: str) -> None:
    source = root / "source/photos/labels.csv"
    source.write_text(text)
    assert take(source)["absent"] == "unknown"
    assert labels(root) == {
        "000.png": {"dog": 1, "cat": 0},
        "001.jpg": {"dog": 0, "cat": None},
        "002.jpg": {"dog": None, "cat": 1},
    }


KNOWN = """\
version: 1
name: T
categories: [{id: a, name: A}]
classes:
  - {id: washer, name: "Washer, dryer", category: a}
  - {id: sofa, name: Sofa, category: a, aliases: ["Couch, sofa"]}
  - {id: pool, name: Pool, category: a}
"""


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("labels", ("Washer, dryer|Pool", "Couch, Sofa", "Pool|")),
        ("labels", ("Washer, dryer; Pool", "Couch,  Sofa", "Pool;")),
        ("labels", ("Pool, Washer, dryer", "Sofa", "pool")),
        ("labels", ("pool,washer", "couch, sofa", "Pool")),
        ("labels", ('["Washer, dryer", "Pool"]', "[Sofa]", '["Pool"]')),
        ("label", ("Washer, dryer|Pool", "Couch, Sofa", "Pool")),
    ],
)
def test_lists_are_cut_between_classes_only(
    root: Path, column: str, cells: tuple[str, ...]
) -> None:
    (root / "w/classes.yaml").write_text(KNOWN)
    source = root / "source/photos/labels.csv"
    rows = [{"path": name, column: cell} for name, cell in zip(photos(root), cells, strict=False)]
    pd.DataFrame(rows).to_csv(source, index=False)
    take(source)
    assert labels(root) == {
        "000.png": {"washer": 1, "sofa": 0, "pool": 1},
        "001.jpg": {"washer": 0, "sofa": 1, "pool": 0},
        "002.jpg": {"washer": 0, "sofa": 0, "pool": 1},
    }


def test_a_comma_in_one_label_is_part_of_its_name(root: Path) -> None:
    source = root / "source/photos/labels.csv"
    source.write_text('path,label\n000.png,"Washer, dryer"\n000.png,Pool\n001.jpg,Pool\n')
    take(source)  # a label list is made of them
    assert labels(root) == {
        "000.png": {"washer_dryer": 1, "pool": 1},
        "001.jpg": {"washer_dryer": 0, "pool": 1},
    }
    lines = root / "source/photos/one.jsonl"
    lines.write_text('{"image": "002.jpg", "label": "Washer, dryer"}\n')
    take(lines)
    assert labels(root)["002.jpg"]["washer_dryer"] == 1


def test_a_label_a_row_may_say_no(root: Path) -> None:
    source = root / "source/photos/labels.csv"
    source.write_text("path,label,value\n000.png,dog,1\n000.png,cat,0\n001.jpg,dog,0\n")
    assert take(source)["absent"] == "unknown"
    assert labels(root) == {"000.png": {"dog": 1, "cat": 0}, "001.jpg": {"dog": 0, "cat": None}}


def test_csv_with_positive_lists_only(root: Path) -> None:
    source = root / "source/photos/labels.csv"
    source.write_text(
        "path,labels,split,property_id\n000.png,dog|cat,train,p\n001.jpg,cat,train,p\n"
    )
    summary = take(source)
    assert (summary["absent"], summary["splits"]) == (
        "no",
        "made anew: the source has no validation and no test",
    )
    assert labels(root)["001.jpg"] == {"cat": 1, "dog": 0}
    assert read(CATALOG, root / "w/data/catalog/images.parquet")["property_id"].tolist() == [
        "p",
        "p",
    ]
    assert take(source, "--absent", "unknown")["labels"] == {"1": 3, "0": 0}


def test_json_lines(root: Path) -> None:
    source = root / "source/photos.jsonl"
    lines = [
        '{"image": "000.png", "labels": ["dog"]}',
        "nonsense",
        '{"image": "001.jpg", "labels": []}',
    ]
    source.write_text("\n".join(lines))
    summary = take(source, "--images", str(root / "source/photos"))
    assert (summary["images"], summary["rejected"]) == (2, 1)
    assert labels(root) == {"000.png": {"dog": 1}, "001.jpg": {"dog": 0}}
