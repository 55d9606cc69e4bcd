"""Exports, each opened by the library that others read it with, images and labels equal."""

from __future__ import annotations

import gc
import hashlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from annotate.tables import DATASET, LABELS, read, write
from annotate.workspace import Workspace
from tests.annotate.dataset.test_dataset import run

Truth = dict[str, dict[str, Any]]
IDS = ["water", "text", "snow"]
NAMES = ["Water, any", "Text", "Snow"]


@pytest.fixture
def truth(exportable: Workspace) -> Truth:
    """By image id, straight from the dataset's table: split, lists of classes, and the bytes."""
    table = read(DATASET, exportable.dataset / "images.parquet")
    found = {}
    for row in table.to_dict("records"):
        labels = [None if pd.isna(value) else int(value) for value in row["labels"]]
        found[row["image_id"]] = {
            "split": row["split"],
            "uri": row["uri"],
            "bytes": (exportable.root / row["uri"]).read_bytes(),
            "property": row["property_id"] if isinstance(row["property_id"], str) else None,
            "yes": [name for name, label in zip(IDS, labels, strict=True) if label == 1],
            "no": [name for name, label in zip(IDS, labels, strict=True) if label == 0],
            "unknown": [name for name, label in zip(IDS, labels, strict=True) if label is None],
        }
    assert len(found) == 30
    assert {entry["split"] for entry in found.values()} == {"train", "validation", "test"}
    return found


def export(name: str, *options: str) -> Path:
    return Path(json.loads(run("dataset", "export", "--to", name, *options, "--json"))["folder"])


def pixels(picture: Image.Image) -> bytes:
    return picture.convert("RGB").tobytes()


def original(entry: dict[str, Any]) -> bytes:
    return pixels(Image.open(io.BytesIO(entry["bytes"])))


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
    folder = export("fiftyone")
    for split in ("train", "validation", "test"):
        dataset = fiftyone.Dataset.from_dir(
            str(folder / split), fiftyone.types.FiftyOneImageClassificationDataset
        )
        for sample in dataset:
            entry = truth[Path(sample.filepath).stem]
            found = [] if sample.ground_truth is None else sample.ground_truth.classifications
            expected = [NAMES[IDS.index(name)] for name in entry["yes"]]
            assert [label.label for label in found] == expected
        dataset.delete()


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


def test_card(truth: Truth) -> None:
    text = (export("card") / "README.md").read_text()
    water = sum("water" in entry["yes"] for entry in truth.values())
    assert "30 photos of" in text
    assert f"| Water, any | water | {water} | {30 - water} | 0 |" in text
    assert "Unknown is not no" in text
    assert text.startswith("---\n{")
    json.loads(text.split("---\n")[1])


def files(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name != ".lock":
            name = file.relative_to(folder).as_posix()
            yield name, hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["huggingface", "coco", "webdataset", "croissant", "csv"])
def test_a_killed_export_ends_with_the_same_files(truth: Truth, name: str) -> None:
    folder = export(name)
    whole = dict(files(folder))
    export(name)
    assert dict(files(folder)) == whole
    # As SIGKILL leaves it: not finished, some images missing, half a file beside.
    about = json.loads((folder / "export.json").read_text())
    (folder / "export.json").write_text(json.dumps({**about, "finished": False}))
    gone = sorted(folder.rglob("*.jpg"))[:5] + sorted(folder.glob("*.tar"))[:1]
    for file in gone:
        file.unlink()
    (folder / ".images.csv.x.tmp").write_bytes(b"half")
    export(name)
    assert dict(files(folder)) == whole


def test_links_are_links(truth: Truth) -> None:
    folder = export("coco", "--images", "link")
    file = next(folder.rglob("*.jpg"))
    assert os.path.samefile(file, truth[file.stem]["uri"])


def test_what_changed_or_is_gone_is_left_out_with_its_reason(
    truth: Truth, exportable: Workspace
) -> None:
    one, other = list(truth)[:2]
    (exportable.root / truth[one]["uri"]).unlink()
    (exportable.root / truth[other]["uri"]).write_bytes(b"something else")
    folder = export("huggingface")
    rejects = pd.read_csv(folder / "rejects.csv").set_index("image_id")["reason"]
    assert set(rejects.index) == {one, other}
    assert "no such file" in rejects[one]
    assert "changed since" in rejects[other]
    text = "".join(file.read_text() for file in folder.rglob("metadata.jsonl"))
    assert one not in text
    assert other not in text


def test_an_older_export_is_brought_up_to_date_and_nothing_else_touched(
    truth: Truth, exportable: Workspace
) -> None:
    folder = export("coco")
    (folder / "notes.txt").write_text("mine")
    labels = exportable.labels / "labels.parquet"
    gone = next(iter(truth))
    kept = read(LABELS, labels)
    write(LABELS, kept[kept["image_id"] != gone], labels)
    run("dataset", "build", "--missing", "allow")
    export("coco")
    assert not list(folder.rglob(f"{gone}.*"))
    assert len(list(folder.rglob("images/*/*.*"))) == 29
    assert (folder / "notes.txt").read_text() == "mine"


def test_messages(truth: Truth, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    place = ["--folder", str(other)]
    assert "holds other things" in run("dataset", "export", "--to", "csv", *place, expect=1)
    assert "takes uri" in run(
        "dataset", "export", "--to", "groundtruth", "--images", "copy", expect=1
    )
    export("csv", "--folder", str(tmp_path / "x"))
    message = run("dataset", "export", "--to", "coco", "--folder", str(tmp_path / "x"), expect=1)
    assert "an export to csv" in message
    assert "must name a bucket" in run(
        "dataset", "export", "--to", "groundtruth", "--image-prefix", "/photos", expect=1
    )
    assert run("dataset", "export", "--to", "nothing", expect=2)
