"""Imports: labels by hand in each format, and our own exports back again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from annotate.dataset.build import STORED_SPLITS
from annotate.tables import CATALOG, DATASET, LABELS, read
from annotate.taxonomy.load import load_taxonomy
from annotate.workspace import Workspace
from tests.annotate.dataset.command import run
from tests.annotate.dataset.conftest import CLASSES, IMPORTED, draw
from tests.annotate.dataset.imported import coco, labels, photos, take, voc


def test_coco_makes_catalogue_label_list_and_dataset(root: Path) -> None:
    summary = take(coco(root), "--images", str(root / "source/photos"))
    assert (summary["images"], summary["absent"], summary["rejected"]) == (IMPORTED, "no", 0)
    found = labels(root)
    assert len(found) == IMPORTED
    assert found["000.png"] == {"traffic_light": 1, "dog": 0}
    assert found["001.jpg"] == {"traffic_light": 1, "dog": 1}
    assert found["002.jpg"] == {"traffic_light": 0, "dog": 0}
    taxonomy = load_taxonomy(root / "w/classes.yaml")
    assert [(entry.id, entry.name, entry.category) for entry in taxonomy.classes] == [
        ("traffic_light", "Traffic light", "outdoor"),
        ("dog", "dog", "animal"),
    ]
    catalog = read(CATALOG, root / "w/data/catalog/images.parquet")
    assert len(catalog) == IMPORTED
    again = take(coco(root), "--images", str(root / "source/photos"))
    assert again["stats"]["images"] == summary["stats"]["images"]
    assert labels(root) == found


def test_coco_with_negatives_leaves_the_rest_unknown(root: Path) -> None:
    images = [
        {"id": at, "file_name": name, "neg_category_ids": [9] if at == 0 else []}
        for at, name in enumerate(photos(root))
    ]
    summary = take(coco(root, images=images), "--images", str(root / "source/photos"))
    assert summary["absent"] == "unknown"
    assert labels(root)["000.png"] == {"traffic_light": 1, "dog": 0}
    assert "002.jpg" not in labels(root)  # nothing is known of it


def test_coco_s_own_folders_tell_splits(root: Path) -> None:
    source = root / "coco"
    (source / "annotations").mkdir(parents=True)
    for at, split in enumerate(("train", "val", "test")):
        draw(source / f"{split}2017", 4)
        for file in list((source / f"{split}2017").iterdir()):
            file.write_bytes(file.read_bytes() + bytes([at]))  # other bytes, the same picture
        names = sorted(file.name for file in (source / f"{split}2017").iterdir())
        content = {
            "images": [{"id": n, "file_name": name} for n, name in enumerate(names)],
            "categories": [{"id": 1, "name": "dog"}],
            "annotations": [{"id": 1, "image_id": 0, "category_id": 1}],
        }
        (source / f"annotations/instances_{split}2017.json").write_text(json.dumps(content))
    summary = take(source)
    assert summary["splits"] == "kept"
    assert summary["stats"]["images"] == {"train": 4, "validation": 4, "test": 4}
    # Equal pictures on several sides are what the source gave; they are reported.
    assert summary["stats"]["groups_in_several_splits"] == 4


def test_coco_s_own_folder_holds_files_without_labels(root: Path) -> None:
    folder = root / "source/annotations"
    folder.mkdir()
    coco(root).rename(folder / "instances_train2017.json")
    images = [{"id": at, "file_name": name} for at, name in enumerate(photos(root))]
    captions = {"images": images, "annotations": [{"id": 1, "image_id": 0, "caption": "a dog"}]}
    (folder / "captions_train2017.json").write_text(json.dumps(captions))
    listed = {"images": images, "categories": [{"id": 9, "name": "dog"}]}
    (folder / "image_info_test2017.json").write_text(json.dumps(listed))
    (root / "source/photos").rename(root / "source/train2017")
    summary = take(root / "source")
    assert (summary["images"], summary["rejected"]) == (IMPORTED, 2)
    rejects = (root / "w/data/imports/source/rejects.csv").read_text().splitlines()[1:]
    assert rejects == [
        "captions_train2017.json,no categories",
        "image_info_test2017.json,no annotations",
    ]
    assert labels(root)["001.jpg"] == {"traffic_light": 1, "dog": 1}


def test_coco_with_whole_paths(root: Path) -> None:
    source = root / "source"
    for place in ("images/train", "images"):  # where files are looked for by their names
        (source / place).mkdir(parents=True, exist_ok=True)
    names = photos(root)
    images = [{"id": at, "file_name": str(source / "photos" / n)} for at, n in enumerate(names)]
    summary = take(coco(root, images=images))
    assert (summary["images"], summary["rejected"]) == (IMPORTED, 0)
    assert labels(root)["001.jpg"] == {"traffic_light": 1, "dog": 1}


def test_voc_with_spaces_in_names(root: Path) -> None:
    source = voc(root)
    for at, name in enumerate(("my photo 1", "my", "other 2")):
        (source / f"JPEGImages/{at + 1:03d}.jpg").rename(source / f"JPEGImages/{name}.jpg")
        file = source / f"Annotations/{at + 1:03d}.xml"
        text = file.read_text().replace(f"{at + 1:03d}.jpg", f"{name}.jpg")
        file.unlink()
        (source / f"Annotations/{name}.xml").write_text(text)
    (source / "ImageSets/Main").mkdir(parents=True)
    (source / "ImageSets/Main/train.txt").write_text("my photo 1\nother 2 \n")
    (source / "ImageSets/Main/val.txt").write_text("\ufeffmy\n")
    (source / "ImageSets/Main/test.txt").write_text("004 1\n")
    summary = take(source)
    assert summary["splits"] == "kept"
    stored = read(STORED_SPLITS, root / "w/data/imports/voc/splits.parquet")
    catalog = read(CATALOG, root / "w/data/catalog/images.parquet").set_index("image_id")
    found = zip(stored["image_id"].map(catalog["uri"]), stored["split"], strict=True)
    assert {Path(uri).stem: split for uri, split in found} == {
        "my photo 1": "train",
        "other 2": "train",
        "my": "validation",
        "004": "test",
    }


def test_voc(root: Path) -> None:
    source = voc(root)
    (source / "ImageSets/Main").mkdir(parents=True)
    for split, numbers in (("train", range(6)), ("val", range(6, 9)), ("test", range(9, 12))):
        lines = "".join(f"{number:03d}\n" for number in numbers)
        (source / f"ImageSets/Main/{split}.txt").write_text(lines)
    (source / "ImageSets/Main/dog_train.txt").write_text("000 -1\n")
    summary = take(source)
    assert summary["splits"] == "kept"
    assert summary["stats"]["images"] == {"train": 6, "validation": 3, "test": 3}
    found = labels(root)
    assert found["001.jpg"] == {"dog": 1, "cat": 0}
    assert found["002.jpg"] == {"dog": 0, "cat": None}  # difficult: neither
    assert found["003.jpg"] == {"dog": 1, "cat": 1}


def test_folders_as_classes(root: Path) -> None:
    for at, name in enumerate(photos(root)):
        target = root / "source/photos" / ("dog" if at % 2 else "cat")
        target.mkdir(exist_ok=True)
        (root / "source/photos" / name).rename(target / name)
    take(root / "source/photos")
    assert labels(root)["000.png"] == {"cat": 1, "dog": 0}


@pytest.mark.parametrize(
    ("name", "way"),
    [
        *(("huggingface", "copy"), ("coco", "copy"), ("coco", "uri")),
        *(("csv", "copy"), ("csv", "link"), ("csv", "uri")),
    ],
)
def test_our_own_exports_come_back(
    exportable: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, way: str
) -> None:
    """Labels, splits and properties of a dataset, through a format, in a new workspace."""
    run("dataset", "export", "--to", name, "--folder", str(tmp_path / "x"), "--images", way)
    before = _by_content(exportable)
    new = tmp_path / "new"
    new.mkdir()
    (new / "mumic.toml").write_text('[project]\ntaxonomy = "classes.yaml"\n')
    (new / "classes.yaml").write_text(CLASSES)
    monkeypatch.chdir(new)
    source = tmp_path / "x" / ("images.csv" if name == "csv" else "")
    images = ["--images", str(exportable.root)] if way == "uri" else []
    summary = take(source, *images)
    assert (summary["splits"], summary["absent"]) == ("kept", "unknown")
    after = _by_content(Workspace.find(new))
    assert after == before


def _by_content(workspace: Workspace) -> dict[str, Any]:
    table = read(DATASET, workspace.dataset / "images.parquet")
    return {
        row["content_hash"]: (
            row["split"],
            row["property_id"] if isinstance(row["property_id"], str) else None,
            [None if pd.isna(value) else int(value) for value in row["labels"]],
        )
        for row in table.to_dict("records")
    }


def test_unknown_classes_stop_with_ways_on(root: Path) -> None:
    (root / "w/classes.yaml").write_text(CLASSES)
    source = root / "source/photos/labels.csv"
    source.write_text("path,labels\n000.png,Snow|Watr\n001.jpg,text\n")
    said = run("dataset", "import", str(source), expect=1)
    assert "Watr; did you mean" in said
    assert "--new-taxonomy" in said
    assert [file.name for file in (root / "w/data").rglob("*") if file.is_file()] == [".lock"]
    assert take(source, "--skip-unknown")["classes_skipped"] == ["Watr"]
    assert labels(root) == {"000.png": {"text": 0, "snow": 1}, "001.jpg": {"text": 1, "snow": 0}}


def test_a_new_label_list_beside_the_one_of_init(root: Path) -> None:
    toml = '# mine\n[project]\ntaxonomy = "classes.yaml"  # the label list\nseed = 3\n'
    (root / "w/mumic.toml").write_text(toml)
    (root / "w/classes.yaml").write_text(CLASSES)
    source = root / "source/photos/labels.csv"
    source.write_text("path,labels\n000.png,Café au lait\n001.jpg,2 beds\n")
    summary = take(source, "--new-taxonomy")
    assert summary["taxonomy_written"] == "label_taxonomy/labels.yaml"
    changed = toml.replace("classes.yaml", "label_taxonomy/labels.yaml")
    assert (root / "w/mumic.toml").read_text() == changed
    assert labels(root)["000.png"] == {"c_2_beds": 0, "cafe_au_lait": 1}
    assert take(source, "--new-taxonomy")["taxonomy_written"] is None  # made by the first call


def test_a_yes_makes_the_classes_above_it_yes(root: Path) -> None:
    (root / "w/classes.yaml").write_text(
        """\
version: 1
name: T
categories: [{id: a, name: A}]
classes:
  - {id: water, name: Water, category: a}
  - {id: pool, name: Pool, category: a, parents: [water]}
  - {id: indoor, name: Indoor pool, category: a, parents: [pool]}
"""
    )
    source = root / "source/photos/labels.csv"
    source.write_text(
        "path,class,value\n000.png,indoor,1\n000.png,pool,0\n001.jpg,pool,1\n001.jpg,pool,0\n002.jpg,indoor,0\n"
    )
    take(source)
    assert labels(root) == {
        "000.png": {"water": 1, "pool": 1, "indoor": 1},
        "002.jpg": {"water": None, "pool": None, "indoor": 0},
    }  # 001.jpg is said both ways: nothing is known of it
    decided = read(LABELS, root / "w/data/imports/labels/labels.parquet")
    assert decided.set_index("class_id")["decided"].to_dict()["water"] == "propagated"
