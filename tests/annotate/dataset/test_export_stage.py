"""Exports that were killed, are out of date, or are refused."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from annotate.tables import LABELS, read, write
from annotate.workspace import Workspace
from tests.annotate.dataset.command import run
from tests.annotate.dataset.exported import Truth, export


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
