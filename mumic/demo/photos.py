"""The whole path on real photos with labels: proof that the commands work on real files.

    python -m mumic.demo.photos SOURCE FOLDER

``SOURCE`` holds ``images/`` and ``labels.jsonl``, whose lines carry ``image`` (a file name),
``labels`` and ``captions``. Its labels become the taxonomy and the simulated annotators' truth.
With some 17 test photos no accuracy means anything, so none is quoted.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from annotate.errors import InputError, MumicError
from annotate.init import init_workspace
from annotate.settings import (
    MineSettings,
    ModelSettings,
    ProjectSettings,
    Settings,
    SimulateSettings,
    TrainSettings,
)
from mumic.demo.commands import Session

MIN_IMAGES = 8

COMMANDS = (
    "mumic-annotate catalog photos.csv",
    "mumic-annotate index --allow-demo-model",
    "mumic-annotate mine --all --allow-demo-model",
    "mumic-annotate mine --strategy stratified --by source",
    "mumic-annotate questions",
    "mumic-annotate tasks",
    "mumic-annotate simulate --truth truth.csv",
    "mumic-annotate consolidate",
    "mumic-annotate dataset",
    "mumic train --allow-demo-model",
    "mumic evaluate --allow-demo-model",
    "mumic predict --allow-demo-model",
)


@dataclass(frozen=True)
class Photo:
    """A real photo: its file, its labels and a caption."""

    path: Path
    labels: tuple[str, ...]
    caption: str


def read_photos(source: Path) -> list[Photo]:
    """Photos and labels of a folder with ``labels.jsonl``.

    Raises:
        InputError: the folder has no ``labels.jsonl``.
    """
    listing = source / "labels.jsonl"
    if not listing.is_file():
        raise InputError(f"no labels.jsonl in {source}; name the folder that holds it and images/.")
    photos = []
    for line in listing.read_text("utf-8").splitlines():
        entry = json.loads(line)
        caption = entry["captions"][0] if entry["captions"] else ""
        path = (source / "images" / entry["image"]).resolve()
        photos.append(Photo(path, tuple(sorted(set(entry["labels"]))), caption))
    return photos


def write_workspace(photos: list[Photo], folder: Path) -> tuple[str, ...]:
    """Make a workspace whose taxonomy is the photos' own labels; returns the classes' ids."""
    counts = Counter(label for photo in photos for label in photo.labels)
    names = sorted(name for name, count in counts.items() if count >= MIN_IMAGES)
    ids = {name: name.replace(" ", "_") for name in names}
    settings = Settings(
        project=ProjectSettings(taxonomy="label_taxonomy/photos.yaml"),
        model=ModelSettings(name="small-clip", pretrained=""),
        mine=MineSettings(n=30, top=60, stratified_n=60, near_cosine=0.995),
        simulate=SimulateSettings(truth="truth.csv"),
        train=TrainSettings(epochs=2, lr=3e-4),
    )
    init_workspace(folder, settings)
    taxonomy = {
        "version": 1,
        "name": "Labels of the photos",
        "categories": [{"id": "photo", "name": "Photo"}],
        "classes": [
            {
                "id": ids[name],
                "name": name.capitalize(),
                "description": name,
                "category": "photo",
                "queries": [f"a photo with {name}", f"a photo of {name}"],
                "difficulty": "easy",
                "scenario": "photo",
            }
            for name in names
        ],
    }
    # JSON is YAML, and needs no writer of its own.
    (folder / "label_taxonomy" / "photos.yaml").write_text(json.dumps(taxonomy, indent=2), "utf-8")
    _write_csv(
        folder / "photos.csv",
        ["path", "source", "text"],
        [
            [str(photo.path), f"part {number % 3}", photo.caption]
            for number, photo in enumerate(photos)
        ],
    )
    _write_csv(
        folder / "truth.csv",
        ["path", "class_id"],
        # A photo without any of the classes has one row with an empty class: it shows none.
        [[str(p.path), ids.get(label, "")] for p in photos for label in p.labels or ("",)],
    )
    return tuple(ids.values())


def _write_csv(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def main(arguments: list[str]) -> int:
    """Run the path on a folder of labelled photos; returns the exit code."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    source, folder = map(Path, arguments)
    try:
        photos = read_photos(source)
        classes = write_workspace(photos, folder)
        print(
            f"{len(photos)} photos, {len(classes)} classes that {MIN_IMAGES} or more of them show"
        )
        session = Session(folder.resolve(), sys.stdout)
        for line in COMMANDS:
            session.run(line)
    except MumicError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(f"\nDone. Go on with: cd {folder} && mumic-annotate")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
