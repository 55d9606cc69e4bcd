"""A workspace with answers whose label list has changed, and what follows, by hand."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
from click.testing import CliRunner, Result

from annotate.cli import main
from annotate.dataset.files import write_dataset
from annotate.labels.stage import label_images
from annotate.tables import CATALOG, DATASET, LABELS, read, write
from annotate.workspace import Workspace

HEAD = """\
version: {version}
name: test
categories:
  - {{id: all, name: All}}
classes:
"""
BEFORE = """\
  - id: dog
    name: Dog
    category: all
    vote_threshold: 0.4  # easily overlooked
  - {id: cat, name: Cat, category: all}
  - {id: lamp, name: Lamp, category: all, vote_threshold: 0.8}
  - {id: pool, name: Pool, category: all}
  - {id: sea, name: Sea, category: all}
"""
AFTER = """\
  # what was a dog is a hound
  - id: hound
    name: Hound
    category: all
    aliases: [dog]
  - {id: light, name: Light, category: all, aliases: [cat, lamp]}
  - {id: pool, name: Pool, category: all, replaced_by: [indoor, outdoor]}
  - {id: indoor, name: Indoor pool, category: all}
  - {id: outdoor, name: Outdoor pool, category: all}
  - {id: sea, name: Sea, category: all}
  - {id: bay, name: Bay, category: all, parents: [sea]}
"""
QUESTIONS = """\
taxonomy: {hash}
strategy: grouped
questions:
  - id: q01
    title: Things
    classes: [dog, cat, lamp]
  - id: q02
    title: Water
    classes: [pool, sea]
"""
PEOPLE = ("ann", "bob", "cy", "di", "ed")
# Images, and what each of the five people ticked on them.
TICKS: dict[str, list[list[str]]] = {
    "i0": [["dog", "pool"]] * 5,
    "i1": [["cat"], ["cat"], ["lamp"], [], []],
    "i2": [["pool", "sea"], ["pool"], [], [], []],
    "i3": [["sea"]] * 5,
}


def make_workspace(root: Path) -> None:
    """Labels and dataset of the first label list; the file holds the second."""
    (root / "label_taxonomy").mkdir(parents=True)
    (root / "mumic.toml").write_text(
        '[project]\nclasses = ["dog", "cat", "lamp", "pool", "sea"]  # all\n'
        '[dataset]\nmissing = "allow"\n',
        "utf-8",
    )
    taxonomy = root / "label_taxonomy" / "travel.yaml"
    taxonomy.write_text(HEAD.format(version=1) + BEFORE, "utf-8")
    (root / "questions.yaml").write_text(QUESTIONS.format(hash="abcdef"), "utf-8")
    ids = list(TICKS)
    catalog = pd.DataFrame(
        {
            "image_id": ids,
            "uri": [f"{name}.jpg" for name in ids],
            "bytes": 1,
            "width": 8,
            "height": 8,
            "orientation": 1,
            "content_hash": ids,
            "perceptual_hash": [digit * 16 for digit in "0369"],
            "property_id": ids,
            "text": None,
            "present": True,
        }
    )
    write(CATALOG, catalog, root / "data" / "catalog" / "images.parquet")
    answers = root / "data" / "answers" / "all.jsonl"
    answers.parent.mkdir(parents=True)
    answers.write_text("".join(map(line, ids)), "utf-8")
    opened = Workspace.find(root)
    label_images(opened, opened.settings.consolidate)
    write_dataset(opened, opened.settings.dataset)
    taxonomy.write_text(HEAD.format(version=2) + AFTER, "utf-8")


def response(person: str, ticked: list[str], questions: dict[str, list[str]]) -> dict[str, Any]:
    content = {}
    for question, classes in questions.items():
        boxes = {name: name in ticked for name in classes}
        content[question] = {**boxes, "__none__": not any(boxes.values()), "__unsure__": False}
    return {
        "workerId": person,
        "submissionTime": "2026-01-01T00:00:00Z",
        "answerContent": content,
    }


def line(image: str) -> str:
    shown = {"q01": ["dog", "cat", "lamp"], "q02": ["pool", "sea"]}
    answers = [
        response(person, ticked, shown) for person, ticked in zip(PEOPLE, TICKS[image], strict=True)
    ]
    return json.dumps({"image-id": image, "answers": answers}) + "\n"


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args)


def labels(root: Path) -> dict[tuple[str, str], int | None]:
    rows = read(LABELS, root / "data" / "labels" / "labels.parquet")
    return {
        (image, name): None if pd.isna(label) else int(label)
        for image, name, label in zip(
            rows["image_id"], rows["class_id"], rows["label"], strict=True
        )
    }


# By hand from TICKS: hound at 0.4 as the dog was; light is cat or lamp of each person, at 0.6;
# pool is a yes in i0, in i2 two of five, which is a no; bay is new.
EXPECTED = {
    ("i0", "hound"): 1,
    ("i0", "light"): 0,
    ("i0", "sea"): 0,
    ("i1", "hound"): 0,
    ("i1", "light"): 1,
    ("i1", "sea"): 0,
    ("i1", "indoor"): 0,
    ("i1", "outdoor"): 0,
    ("i2", "hound"): 0,
    ("i2", "light"): 0,
    ("i2", "sea"): 0,
    ("i2", "indoor"): 0,
    ("i2", "outdoor"): 0,
    ("i3", "hound"): 0,
    ("i3", "light"): 0,
    ("i3", "sea"): 1,
    ("i3", "indoor"): 0,
    ("i3", "outdoor"): 0,
}
# Where the pool was seen, which one; and the bay wherever there may be sea.
TO_ASK = {("i0", "indoor"), ("i0", "outdoor"), ("i3", "bay")}


def tree(root: Path) -> dict[str, str]:
    """Every file by its hash; without times, what says how a command was run, and caches."""
    return {
        str(file.relative_to(root)): hashlib.sha256(
            file.read_bytes().replace(str(root).encode(), b"")
        ).hexdigest()
        for file in sorted(root.rglob("*"))
        if file.is_file() and not file.name.startswith(".") and "cache" not in file.parts
    }


def split_of(root: Path) -> dict[str, str]:
    rows = read(DATASET, root / "data" / "dataset" / "images.parquet")
    return dict(zip(rows["image_id"], rows["split"], strict=True))
