"""Exports, each opened by the library that others read it with, images and labels equal."""

from __future__ import annotations

import gc
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from annotate.settings import EvaluateSettings
from annotate.tables import DATASET, read
from annotate.workspace import Workspace
from mumic.evaluation.evaluate_files import Files, evaluate_files
from tests.annotate.dataset.exported import IDS, NAMES, Truth, export, original, pixels


def test_hugging_face(truth: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    folder = export("huggingface")
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    seen = set()
    for split, rows in loaded.items():
        for row in rows:
            entry = truth[row["image_id"]]
            assert split == entry["split"]
            assert row["labels"] == entry["yes"]
            assert row["negatives"] == entry["no"]
            assert row["unknown"] == entry["unknown"]
            assert row["property_id"] == entry["property"]
            assert row["text"] == "a photo"
            assert pixels(row["image"]) == original(entry)
            seen.add(row["image_id"])
    assert seen == set(truth)


def test_coco(truth: Truth) -> None:
    coco_module = pytest.importorskip("pycocotools.coco")
    folder = export("coco")
    seen = set()
    annotation_ids: set[int] = set()
    for split in ("train", "validation", "test"):
        coco = coco_module.COCO(str(folder / f"annotations/labels_{split}.json"))
        ids = {cat["id"]: cat["class_id"] for cat in coco.loadCats(coco.getCatIds())}
        assert [cat["name"] for cat in coco.loadCats(coco.getCatIds())] == NAMES
        for image in coco.loadImgs(coco.getImgIds()):
            entry = truth[image["image_id"]]
            found = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
            assert [ids[each["category_id"]] for each in found] == entry["yes"]
            assert [ids[each] for each in image["neg_category_ids"]] == entry["no"]
            assert (folder / "images" / split / image["file_name"]).read_bytes() == entry["bytes"]
            assert (image["width"], image["height"]) == (32, 24)
            assert split == entry["split"]
            assert not annotation_ids & {each["id"] for each in found}
            annotation_ids |= {each["id"] for each in found}
            seen.add(image["image_id"])
    assert seen == set(truth)
    assert 0 not in annotation_ids


# The library leaves the files of its shards to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_webdataset(truth: Truth, exportable: Workspace) -> None:
    (exportable.root / "mumic.toml").write_text(
        '[project]\ntaxonomy = "classes.yaml"\n[dataset]\nimages_per_shard = 10\n'
    )
    webdataset = pytest.importorskip("webdataset")
    folder = export("webdataset")
    seen = set()
    for split in ("train", "validation", "test"):
        shards = sorted(str(file) for file in folder.glob(f"{split}-*.tar"))
        for sample in webdataset.WebDataset(shards, shardshuffle=False):
            entry = truth[sample["__key__"]]
            about = json.loads(sample["json"])
            assert (sample.get("jpg") or sample.get("png")) == entry["bytes"]
            assert split == about["split"] == entry["split"]
            assert about["labels"] == entry["yes"]
            assert about["negatives"] == entry["no"]
            assert about["unknown"] == entry["unknown"]
            seen.add(sample["__key__"])
    gc.collect()  # here, where the warning that follows is expected
    assert seen == set(truth)
    assert len(list(folder.glob("train-*.tar"))) == 3
    before = {file: file.stat().st_mtime_ns for file in folder.glob("*.tar")}
    export("webdataset")
    assert {file: file.stat().st_mtime_ns for file in folder.glob("*.tar")} == before


@pytest.mark.parametrize("images", ["copy", "link", "uri"])
def test_fiftyone_s_rules_without_its_database(truth: Truth, images: str) -> None:
    """Targets index ``classes``; keys are files of data/ without ending, or keys of data.json."""
    folder = export("fiftyone", "--images", images)
    seen = set()
    for split in ("train", "validation", "test"):
        content = json.loads((folder / split / "labels.json").read_text())
        if images == "uri":
            paths = json.loads((folder / split / "data.json").read_text())
        else:
            paths = {file.stem: file for file in (folder / split / "data").iterdir()}
        assert set(paths) == set(content["labels"])
        for key, targets in content["labels"].items():
            entry = truth[key]
            assert split == entry["split"]
            expected = [NAMES[IDS.index(name)] for name in entry["yes"]]
            assert [content["classes"][target] for target in targets] == expected
            assert Path(paths[key]).read_bytes() == entry["bytes"]
            seen.add(key)
    assert seen == set(truth)


def test_fiftyone_itself(truth: Truth) -> None:
    if not os.environ.get("FIFTYONE_DATABASE_URI"):
        pytest.skip("FIFTYONE_DATABASE_URI names no MongoDB")
    fiftyone = pytest.importorskip("fiftyone")
    folder, seen = export("fiftyone"), list[str]()
    for split in ("train", "validation", "test"):
        dataset = fiftyone.Dataset.from_dir(
            str(folder / split), fiftyone.types.FiftyOneImageClassificationDataset
        )
        for sample in dataset:
            entry = truth[Path(sample.filepath).stem]
            found = [] if sample.ground_truth is None else sample.ground_truth.classifications
            expected = [NAMES[IDS.index(name)] for name in entry["yes"]]
            assert [label.label for label in found] == expected
            assert Path(sample.filepath).read_bytes() == entry["bytes"]
            seen.append(Path(sample.filepath).stem)
        dataset.delete()
    assert sorted(seen) == sorted(truth)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of rdflib, below the library
def test_croissant(truth: Truth) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    folder = export("croissant")
    dataset = mlcroissant.Dataset(str(folder / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    seen = set()
    for row in dataset.records("images"):
        entry = truth[row["images/image_id"].decode()]
        assert row["images/split"].decode() == entry["split"]
        assert pixels(row["images/image"]) == original(entry)
        seen.add(row["images/image_id"].decode())
    assert seen == set(truth)
    said: dict[str, dict[str, list[str]]] = {
        name: {"yes": [], "no": [], "unknown": []} for name in truth
    }
    for row in dataset.records("labels"):
        label = row["labels/label"].decode()
        said[row["labels/image_id"].decode()][label].append(row["labels/class_id"].decode())
    for name, entry in truth.items():
        assert said[name]["yes"] == entry["yes"]
        assert said[name]["no"] == entry["no"]
        assert set(said[name]["unknown"]) <= set(entry["unknown"])


def _rows(folder: Path, kind: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    if kind == "parquet":
        return pd.read_parquet(folder / "images.parquet"), pd.read_parquet(folder / "votes.parquet")
    return pd.read_csv(folder / "images.csv"), pd.read_csv(folder / "votes.csv")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_csv_and_parquet(truth: Truth, kind: str) -> None:
    images, votes = _rows(export(kind), kind)
    # A class may be called as a column is.
    columns = {"water": "water", "text": "class:text", "snow": "snow"}
    assert set(images["image_id"]) == set(truth)
    for _, row in images.iterrows():
        entry = truth[row["image_id"]]
        assert (row["split"], row["uri"]) == (entry["split"], entry["uri"])
        for name, column in columns.items():
            value = row[column]
            kept = "unknown" if pd.isna(value) else {1: "yes", 0: "no"}[int(value)]
            assert name in entry[kept]
    water = votes[votes["class_id"] == "water"].set_index("image_id")
    assert all(
        (row["yes"], row["no"]) == ((4, 1) if "water" in truth[str(name)]["yes"] else (1, 2))
        for name, row in water.iterrows()
    )
    assert len(votes) == sum(
        1 for row in read(DATASET, Path("data/dataset/images.parquet"))["labels"] for _ in row
    ) - sum("snow" in entry["unknown"] for entry in truth.values())


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("images", ["uri", "copy"])
def test_tables_are_labels_that_scores_are_measured_by(
    truth: Truth, kind: str, images: str, tmp_path: Path
) -> None:
    folder = export(kind, "--images", images)
    rng = np.random.default_rng(0)
    rows = [(image, name, rng.normal()) for image in truth for name in IDS]
    scores = pd.DataFrame(rows, columns=["image_id", "class_id", "logit"])
    scores.to_parquet(tmp_path / "scores.parquet")
    files = Files((tmp_path / "scores.parquet",), folder / f"images.{kind}")
    found = evaluate_files(files, EvaluateSettings(bootstrap=5))
    assert {row["class_id"] for row in found["per_class"]} == set(IDS)
    for name, some in scores.groupby("class_id"):
        asked = some[[name not in truth[image]["unknown"] for image in some["image_id"]]]
        right = [name in truth[image]["yes"] for image in asked["image_id"]]
        (row,) = [row for row in found["per_class"] if row["class_id"] == name]
        expected = average_precision_score(right, asked["logit"])
        assert row["average_precision"]["scores.parquet"] == pytest.approx(expected, abs=1e-12)
    assert found["groups"] == len({entry["property"] or image for image, entry in truth.items()})


def test_csv_with_images(truth: Truth) -> None:
    folder = export("csv", "--images", "copy")
    images = pd.read_csv(folder / "images.csv")
    for row in images.itertuples():
        assert (folder / str(row.file_name)).read_bytes() == truth[str(row.image_id)]["bytes"]


def test_ground_truth(truth: Truth) -> None:
    folder = export("groundtruth", "--image-prefix", "s3://bucket/x/")
    seen = set()
    for split in ("train", "validation", "test"):
        for line in (folder / f"{split}.manifest").read_text().splitlines():
            assert len(line) < 100_000
            row = json.loads(line)
            entry = truth[row["image-id"]]
            assert split == row["split"] == entry["split"]
            assert row["source-ref"] == f"s3://bucket/x/{entry['uri']}"
            about = row["mumic-metadata"]
            assert about["type"] == "groundtruth/image-classification-multilabel"
            expected = [NAMES[IDS.index(name)] for name in entry["yes"]]
            assert [about["class-map"][str(at)] for at in row["mumic"]] == expected
            assert set(about["confidence-map"]) == set(about["class-map"])
            votes = row["mumic-votes"]
            assert [name for name in votes if votes[name][0] == 1] == entry["yes"]
            assert [name for name in votes if votes[name][0] == 0] == entry["no"]
            if "water" in entry["yes"]:
                assert votes["water"] == [1, 4, 1, "voted"]
                assert about["confidence-map"]["0"] == 0.8
            seen.add(row["image-id"])
    assert seen == set(truth)
