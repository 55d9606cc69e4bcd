"""The photos of the demo's page: candidates, and what the run says of test images and new ones."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from annotate import tables
from annotate.files import read_json
from annotate.mining.round_files import load_candidates
from annotate.pages import data_uri
from annotate.workspace import Workspace
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
    frame = tables.read(tables.DATASET, workspace.dataset / "images.parquet").set_index("image_id")
    content = read_json(workspace.dataset / "classes.json", "mumic-annotate dataset")
    column = {entry["id"]: at for at, entry in enumerate(content["classes"])}
    order = [column[entry.id] for entry in run.classes]
    labels = np.array(
        [[-1 if row[at] is None else int(row[at]) for at in order] for row in _lists(frame, scores)]
    )
    logits = scores.logits
    cost = np.where(labels == 1, np.logaddexp(0, -logits), np.logaddexp(0, logits))
    cost = np.where(labels < 0, 0, cost).sum(axis=1)
    ranked = np.argsort(cost, kind="stable")
    said = logits >= run.thresholds().logits
    rich = [at for at in ranked if (labels[at] == 1).sum() >= 3]

    def group(title: str, text: str, rows: Iterable[int]) -> Values:
        images = [
            {
                "src": thumbnail(workspace.resolve(uris[scores.image_ids[at]])),
                "labels": _compared([entry.name for entry in run.classes], labels[at], said[at]),
            }
            for at in rows
        ]
        return {"title": title, "text": text, "images": images}

    text = "Green: found. Red: said, and not a label. Struck through: a label that was missed."
    return [
        group("Best predictions", text, rich[:PER_GROUP]),
        group("Worst predictions", text, list(ranked[::-1][:PER_GROUP])),
    ]


def _lists(frame: pd.DataFrame, scores: Any) -> list[Any]:
    return [list(frame.loc[image_id, "labels"]) for image_id in scores.image_ids]


def _compared(names: list[str], labels: Any, said: Any) -> list[Values]:
    found = []
    for name, label, yes in zip(names, labels, said, strict=True):
        if label == 1:
            found.append({"name": name, "kind": "yes" if yes else "missed", "probability": ""})
        elif label == 0 and yes:
            found.append({"name": name, "kind": "no", "probability": ""})
    return found


def new_images(workspace: Workspace, figures: Values) -> Values:
    """Predictions of photos that no stage has seen."""
    rows = tables.read(
        tables.PREDICTIONS, workspace.predictions / f"{figures['run']}.parquet"
    ).sort_values("logit", ascending=False, kind="stable")
    names = {row["class_id"]: row["name"] for row in figures["measures"]["per_class"]}
    images = []
    for uri in sorted(rows["uri"].unique())[:PER_GROUP]:
        top = rows[rows["uri"] == uri].head(5)
        labels = [
            {
                "name": names[row.class_id],
                "kind": "plain",
                "probability": f"{1 / (1 + np.exp(-row.logit)):.2f}",
            }
            for row in top.itertuples()
        ]
        images.append({"src": thumbnail(workspace.resolve(uri)), "labels": labels})
    return {
        "title": "New photos",
        "text": "Photos that no stage has seen, with their five most probable classes.",
        "images": images,
    }
