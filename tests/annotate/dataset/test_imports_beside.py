"""Several imports in a workspace, and images that a source lists more than once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from annotate.dataset.imports.huggingface import read_huggingface
from annotate.locks import exclusive
from annotate.tables import DATASET, read
from tests.annotate.dataset.command import run
from tests.annotate.dataset.conftest import draw
from tests.annotate.dataset.imported import labels, photos, take


@pytest.fixture
def days(root: Path) -> tuple[Path, Path]:
    """Photos of two days, each with a ``labels.csv``: dogs on the first, cats on the second."""
    shutil.rmtree(root / "source")
    (root / "w/classes.yaml").write_text(
        "version: 1\nname: T\ncategories: [{id: a, name: A}]\nclasses:\n"
        "  - {id: dog, name: Dog, category: a}\n  - {id: cat, name: Cat, category: a}\n"
    )
    sources = []
    for day, animal in (("monday", "dog"), ("tuesday", "cat")):
        draw(root / day, 4)
        for file in list((root / day).iterdir()):
            file.rename(file.with_name(f"{day}-{file.name}"))
        names = sorted(file.name for file in (root / day).iterdir())
        sources.append(root / day / "labels.csv")
        sources[-1].write_text("path,labels\n" + "".join(f"{name},{animal}\n" for name in names))
    return sources[0], sources[1]


def test_two_sources_of_one_name_are_both_kept(root: Path, days: tuple[Path, Path]) -> None:
    monday, tuesday = days
    assert take(monday)["folder"].endswith("data/imports/labels")
    assert take(tuesday)["folder"].endswith("data/imports/labels-2")
    found = labels(root)
    assert len(found) == 8
    assert found["monday-001.jpg"] == {"dog": 1, "cat": None}
    assert found["tuesday-001.jpg"] == {"dog": None, "cat": 1}
    # The same source again replaces what it brought, and nothing else.
    monday.write_text("path,labels\nmonday-001.jpg,cat\n")
    assert take(monday)["folder"].endswith("data/imports/labels")
    found = labels(root)
    assert sorted(found) == ["monday-001.jpg", *(f"tuesday-{n}" for n in TUESDAY)]
    assert found["monday-001.jpg"] == {"cat": 1}


TUESDAY = ("000.png", "001.jpg", "002.jpg", "003.jpg")


def test_names_without_latin_letters_are_both_kept(root: Path, days: tuple[Path, Path]) -> None:
    for file, name in zip(days, ("понедельник", "вторник"), strict=True):
        take(file.rename(file.with_name(f"{name}.csv")))
    assert len(labels(root)) == 8
    assert sorted(path.name for path in (root / "w/data/imports").glob("*/")) == ["csv", "csv-2"]


def test_the_import_made_last_counts_where_two_know_a_label(
    root: Path, days: tuple[Path, Path]
) -> None:
    first, _ = days
    second = first.with_name("a review.csv")  # its name comes first, it does not
    second.write_text("path,class,value\nmonday-000.png,dog,0\nmonday-001.jpg,dog,\n")
    take(first)
    take(second)
    found = labels(root)
    assert found["monday-000.png"] == {"dog": 0}
    assert found["monday-001.jpg"] == {"dog": 1}  # unknown takes nothing away
    lock = json.loads((root / "w/data/dataset/lock.json").read_bytes())
    assert lock["import_order"] == ["labels", "a-review"]
    assert json.loads(run("dataset", "verify", "--json"))["whole"] is True
    take(first)
    assert labels(root)["monday-000.png"] == {"dog": 1}
    (root / "w/data/dataset/lock.json").write_text(json.dumps(lock))
    assert "the order of the imports changed" in run("dataset", "verify", expect=1)


def test_an_import_that_was_killed_before_its_labels_counts_for_nothing(
    root: Path, days: tuple[Path, Path]
) -> None:
    monday, tuesday = days
    take(monday)
    (root / "w/data/imports/labels/labels.parquet").unlink()
    assert take(tuesday)["folder"].endswith("labels-2")
    assert len(labels(root)) == 4
    assert take(monday)["folder"].endswith("data/imports/labels")
    assert len(labels(root)) == 8


def test_one_import_at_a_time(root: Path, days: tuple[Path, Path]) -> None:
    with exclusive(root / "w/data/imports/.lock"):
        assert "another process imports" in run("dataset", "import", str(days[0]), expect=1)


@pytest.mark.parametrize("other", ["./{0}", "./../photos//{0}", "{1}/{0}"])
@pytest.mark.parametrize("lists", [True, False])
def test_spellings_of_one_image_are_one(root: Path, other: str, lists: bool) -> None:
    source = root / "source/photos/mixed.csv"
    again = other.format("000.png", source.parent)
    rows = [("000.png", "dog", "train", "p"), (again, "cat", "", ""), ("001.jpg", "dog", "", "")]
    column = "labels" if lists else "class"
    lines = [f"path,{column},split,property_id", *(",".join(row) for row in rows)]
    source.write_text("\n".join(lines) + "\n")
    summary = take(source)
    assert (summary["images"], summary["rejected"]) == (2, 0)
    assert labels(root) == {"000.png": {"dog": 1, "cat": 1}, "001.jpg": {"dog": 1, "cat": 0}}
    table = (root / "w/data/imports/mixed/images.csv").read_text().splitlines()
    assert len(table) == 3
    assert table[1].split(",")[1] == "p"


def test_what_one_row_leaves_open_another_may_say(root: Path) -> None:
    source = root / "source/photos/hot.csv"
    source.write_text("path,dog,cat,bird\n000.png,1,,0\n./000.png,,0,1\n001.jpg,0,,1\n")
    take(source)
    assert labels(root) == {
        "000.png": {"dog": 1, "cat": 0, "bird": None},  # bird is said both ways
        "001.jpg": {"dog": 0, "cat": None, "bird": 1},
    }


def test_resplit_says_whose_splits_are_final_and_how_they_end(root: Path) -> None:
    source = root / "source/photos/split.csv"
    parts = {name: ("train", "validation", "test")[at % 3] for at, name in enumerate(photos(root))}

    def write(parts: dict[str, str]) -> None:
        rows = (f"{name},dog,{split}\n" for name, split in parts.items())
        source.write_text("path,labels,split\n" + "".join(rows))

    def stored() -> dict[str, str]:
        table = read(DATASET, root / "w/data/dataset/images.parquet")
        named = (Path(uri).name for uri in table["uri"])
        return dict(zip(named, table["split"], strict=True))

    some = dict(list(parts.items())[:9])
    write(some)
    assert take(source)["splits"] == "kept"
    assert take(source)["splits"] == "kept", "it asks for those that are there"
    assert stored() == some
    write(parts)
    said = take(source, "--resplit")["splits"]
    assert said.startswith("made anew; but 9 of 12 images keep the split that they had")
    assert "delete data/dataset/splits.parquet" in said
    assert some.items() <= stored().items()
    others = {name: "test" if split == "train" else "train" for name, split in parts.items()}
    write(others | {"000.png": "validation"})
    before = stored()
    wanted = others | {"000.png": "validation"}
    differ = sum(before[name] != wanted[name] for name in wanted)
    assert take(source)["splits"].startswith(f"kept; but {differ} of 12 images")
    assert stored() == before
    (root / "w/data/dataset/splits.parquet").unlink()
    assert take(source)["splits"] == "kept"
    assert stored() == wanted
    (root / "w/data/dataset/splits.parquet").unlink()
    assert take(source, "--resplit")["splits"] == "made anew"


def test_metadata_at_two_places_of_a_folder_add_up(root: Path) -> None:
    source = root / "source"
    (source / "photos").rename(source / "train")
    write_lines(source / "metadata.jsonl", [{"file_name": "train/000.png", "labels": ["dog"]}])
    write_lines(
        source / "train/metadata.jsonl",
        [{"file_name": "000.png", "labels": ["cat"], "property_id": "p"}],
    )
    image = read_huggingface(source, None).images["train/000.png"]
    assert (image.yes, image.split, image.property_id) == ({"dog", "cat"}, "train", "p")


def write_lines(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
