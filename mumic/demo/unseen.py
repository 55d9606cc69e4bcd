"""The concepts that no label, prompt or tuning of the demo names: does training forget them?

The demo world draws them and keeps their truth in a file of its own, ``demo/unseen_truth.csv``,
which is read here and nowhere else. They are ranked by the cosine with "a photo with {name}", on
photos that were never annotated, by the small CLIP as it came, by the trained run, and by the
weights half way between them (``mumic blend --alpha 0.5``).
"""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate import tables
from annotate.clip.encoder import encode_images, encode_texts
from annotate.clip.loading import Clip
from annotate.taxonomy.prompts import TEMPLATE
from annotate.workspace import Workspace
from mumic.blend import load_ends
from mumic.demo.concepts import UNSEEN
from mumic.metrics import average_precision
from mumic.pixels import pixel_rows
from mumic.run import Run

ALPHAS = {"start": 0.0, "run": 1.0, "half_way": 0.5}
MAX_IMAGES = 3_000
BATCH = 256


def measure_unseen(workspace: Workspace, run: Run) -> dict[str, Any]:
    """Average precision per unseen concept, before training, after it, and half way between.

    Returns:
        ``images``, ``positives`` per concept, and for each of :data:`ALPHAS` the average precision
        of each concept that occurs and their ``mean``.
    """
    images = _never_annotated(workspace)
    shown = _truth(workspace)
    truth = {
        concept: np.array([concept in shown.get(uri, ()) for uri in images["uri"]])
        for concept in UNSEEN
    }
    ends = load_ends(workspace, run, "cpu", allow_demo_model=True)
    measured = {}
    for name, alpha in ALPHAS.items():
        ends.set(alpha)
        measured[name] = _precisions(_scores(workspace, ends.clip, images), truth)
    return {
        "images": len(images),
        "positives": {name: int(found.sum()) for name, found in truth.items()},
        **measured,
    }


def _never_annotated(workspace: Workspace) -> pd.DataFrame:
    catalog = tables.read(tables.CATALOG, workspace.catalog / "images.parquet")
    labelled = tables.read(tables.DATASET, workspace.dataset / "images.parquet", ["image_id"])
    others = catalog[~catalog["image_id"].isin(labelled["image_id"])]
    return others.head(MAX_IMAGES).reset_index(drop=True)


def _truth(workspace: Workspace) -> dict[str, set[str]]:
    file = workspace.root / "demo" / "unseen_truth.csv"
    shown: dict[str, set[str]] = {}
    with file.open(encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened):
            shown.setdefault(f"demo/{row['path']}", set()).add(row["class_id"])
    return shown


def _scores(workspace: Workspace, clip: Clip, images: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Cosines, float32 (images, concepts)."""
    texts = encode_texts(clip, [TEMPLATE.format(name.lower()) for name in UNSEEN.values()])
    pixels = pixel_rows(workspace, images, clip.image_size)
    hashes = list(images["content_hash"])
    rows = [
        encode_images(clip, pixels.gather(hashes[start : start + BATCH]))
        for start in range(0, len(hashes), BATCH)
    ]
    cosines: npt.NDArray[np.float32] = np.concatenate(rows) @ texts.T
    return cosines


def _precisions(
    scores: npt.NDArray[np.float32], truth: dict[str, npt.NDArray[np.bool_]]
) -> dict[str, float]:
    found = {
        name: average_precision(scores[:, at], positive)
        for at, (name, positive) in enumerate(truth.items())
        if positive.any()
    }
    return found | {"mean": float(np.mean(list(found.values())))}
