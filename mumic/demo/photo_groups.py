"""The photos of the demo's page: candidates, and what the run says of test images and new ones."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from annotate import tables
from annotate.mining.round_files import load_candidates
from annotate.pages import data_uri
from annotate.workspace import Workspace
from mumic.data import load_dataset
from mumic.demo.run import NEW_PHOTOS
from mumic.prediction.picking import prediction_file
from mumic.report.examples import costs, image_labels
from mumic.run import open_run
from mumic.scores import read_scores

SHOWN_CLASSES = ("pets", "winter", "outdoor_swimming_pool", "historical_structure", "fireplace")
PER_CLASS = 8
PER_GROUP = 8
THUMBNAIL = (224, 168)

Values = dict[str, Any]


def thumbnail(path: Path) -> str:
    """A small JPEG of an image as a data URI."""
    with Image.open(path) as image:
        small = image.convert("RGB")
    small.thumbnail(THUMBNAIL)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return data_uri(buffer.getvalue(), "jpeg")


def candidate_rows(
    workspace: Workspace, uris: dict[str, str], per_class: list[Values]
) -> list[Values]:
    """The best candidates of a few classes."""
    receipts = load_candidates(workspace.candidates)
    names = {row["class_id"]: row["name"] for row in per_class}
    return [
        {
            "name": names[class_id],
            "images": [
                {
                    "src": thumbnail(workspace.resolve(uris[str(row.image_id)])),
                    "rank": row.rank,
                    "score": row.score,
                }
                for row in receipts[receipts["class_id"] == class_id]
                .nsmallest(PER_CLASS, "rank")
                .itertuples()
            ],
        }
        for class_id in SHOWN_CLASSES
        if class_id in names
    ]


def judged_images(workspace: Workspace, run_id: str, uris: dict[str, str]) -> list[Values]:
    """Test images that the run gets most right and most wrong."""
    run = open_run(workspace, run_id)
    scores = read_scores(run.path, "test")
    dataset = load_dataset(workspace).of_classes(run.class_ids).split("test")
    said = scores.logits >= run.thresholds().logits
    ranked = np.argsort(costs(scores.logits, dataset.cells), kind="stable")
    shows = ((dataset.cells.labels == 1) & dataset.cells.mask).sum(axis=1)
    rich = [at for at in ranked if shows[at] >= 3]

    def group(title: str, text: str, rows: Iterable[int]) -> Values:
        images = [
            {
                "src": thumbnail(workspace.resolve(uris[scores.image_ids[at]])),
                "labels": [
                    label
                    for label in image_labels(dataset, at, said[at])
                    if label["kind"] != "unknown"
                ],
            }
            for at in rows
        ]
        return {"title": title, "text": text, "images": images}

    text = "Green: found. Red: said, and not a label. Struck through: a label that was missed."
    return [
        group("Best predictions", text, rich[:PER_GROUP]),
        group("Worst predictions", text, list(ranked[::-1][:PER_GROUP])),
    ]


def new_images(workspace: Workspace, figures: Values) -> Values:
    """Predictions of photos that no stage has seen."""
    file = prediction_file(workspace, figures["run"], [NEW_PHOTOS])
    rows = tables.read(tables.PREDICTIONS, file).sort_values(
        "logit", ascending=False, kind="stable"
    )
    names = {row["class_id"]: row["name"] for row in figures["measures"]["per_class"]}
    images = []
    for uri in sorted(rows["uri"].unique())[:PER_GROUP]:
        top = rows[rows["uri"] == uri].head(5)
        labels = [
            {
                "name": f"{names[row.class_id]} {1 / (1 + np.exp(-row.logit)):.2f}",
                "kind": "plain",
            }
            for row in top.itertuples()
        ]
        images.append({"src": thumbnail(workspace.resolve(uri)), "labels": labels})
    return {
        "title": "New photos",
        "text": "Photos that no stage has seen, with their five most probable classes.",
        "images": images,
    }
