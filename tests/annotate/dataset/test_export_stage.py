"""Exports that were killed, are out of date, or are refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from annotate.tables import LABELS, read, write
from annotate.workspace import Workspace
from tests.annotate.dataset.command import run
from tests.annotate.dataset.exported import Truth, export
from tests.annotate.killing import run_and_kill


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
    # As SIGKILL leaves it: not finished, some images missing, halves of files beside.
    about = json.loads((folder / "export.json").read_text())
    (folder / "export.json").write_text(json.dumps({**about, "finished": False}))
    gone = sorted(folder.rglob("*.jpg"))[:5] + sorted(folder.glob("*.tar"))[:1]
    for file in gone:
        file.unlink()
        file.with_name(f".{file.name}.x.tmp").write_bytes(b"half")
    (folder / ".images.csv.x.tmp").write_bytes(b"half")
    export(name)
    assert dict(files(folder)) == whole


def other_state(workspace: Workspace) -> None:
    """Every label turned, and one class another one."""
    file = workspace.labels / "labels.parquet"
    labels = read(LABELS, file)
    renamed = labels["class_id"].replace("snow", "ice")
    write(LABELS, labels.assign(label=1 - labels["label"], class_id=renamed), file)
    classes = workspace.root / "classes.yaml"
    classes.write_text(classes.read_text().replace("id: snow, name: Snow", "id: ice, name: Ice"))
    run("dataset", "build", "--missing", "allow")


@pytest.mark.parametrize("name", ["webdataset", "csv"])
def test_an_update_killed_at_any_moment_ends_as_a_new_export(
    exportable: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with (exportable.root / "mumic.toml").open("a") as settings:
        settings.write("[dataset]\nimages_per_shard = 12\n")
    export(name)
    other_state(exportable)
    new = dict(files(export(name, "--folder", str(tmp_path / "new"))))
    copies = [tmp_path / f"killed{at}" for at in range(50)]
    for copy in copies:
        shutil.copytree(exportable.root, copy)
    calls = run_and_kill(f"dataset export --to {name}", copies)
    assert dict(files(copies[0] / f"data/exports/{name}")) == new
    for copy in copies[1 : calls + 1]:
        monkeypatch.chdir(copy)
        assert dict(files(export(name))) == new


def test_shards_follow_votes_and_class_ids(exportable: Workspace) -> None:
    folder = export("webdataset")
    file = exportable.labels / "labels.parquet"
    labels = read(LABELS, file)
    more = labels.assign(yes=2 * labels["yes"], no=2 * labels["no"])  # the rates stay
    write(LABELS, more, file)
    run("dataset", "build", "--missing", "allow")
    before = votes_in(folder)
    export("webdataset")
    doubled = {key: [label, 2 * yes, 2 * no, how] for key, (label, yes, no, how) in before.items()}
    assert votes_in(folder) == doubled
    write(LABELS, more.assign(class_id=more["class_id"].replace("snow", "ice")), file)
    classes = exportable.root / "classes.yaml"
    classes.write_text(classes.read_text().replace("id: snow", "id: ice"))
    run("dataset", "build", "--missing", "allow")
    export("webdataset")
    names = {"snow": "ice"}
    assert votes_in(folder) == {
        (image_id, names.get(name, name)): entry for (image_id, name), entry in doubled.items()
    }


def votes_in(folder: Path) -> dict[tuple[str, str], list[Any]]:
    """What the samples of all shards say, by image and class."""
    found = {}
    for file in folder.glob("*.tar"):
        with tarfile.open(file) as shard:
            for entry in shard:
                if entry.name.endswith(".json") and (content := shard.extractfile(entry)):
                    sample = json.load(content)
                    for name, votes in sample["votes"].items():
                        found[sample["image_id"], name] = votes
    return found


def test_a_shard_that_lacks_an_image_is_tried_again(truth: Truth, exportable: Workspace) -> None:
    image = exportable.root / next(iter(truth.values()))["uri"]
    image.rename(image.with_suffix(".away"))
    folder = export("webdataset")
    assert "no such file" in (folder / "rejects.csv").read_text()
    image.with_suffix(".away").rename(image)
    export("webdataset")
    assert not (folder / "rejects.csv").exists()
    assert {image_id for image_id, _ in votes_in(folder)} == set(truth)


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
    said = run("dataset", "export", "--to", "csv", "--image-prefix", "s3://bucket/", expect=2)
    assert "--image-prefix goes with --to groundtruth" in said
