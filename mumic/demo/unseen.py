"""The concepts that no label, prompt or tuning of the demo names: does training forget them?

The demo world draws them and keeps their truth in a file of its own, ``demo/unseen_truth.csv``,
which is read here and nowhere else. They are ranked by the cosine with "a photo with {name}", on
photos that were never annotated, by the small CLIP as it came, by the trained run, and by weights
between them (``mumic blend --alpha 0.25`` and ``0.5``).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate import tables
from annotate.clip.encoder import encode_images, encode_texts
from annotate.clip.loading import Clip
from annotate.taxonomy.prompts import TEMPLATE
from annotate.workspace import Workspace
from mumic.demo.concepts import UNSEEN
from mumic.evaluation.measure import Method, Truth
from mumic.metrics.measures import Cells
from mumic.pixels import pixel_rows
from mumic.prediction.blend import load_ends
from mumic.run import Run
from mumic.series.compare import Seen, see

ALPHAS = {"start": 0.0, "quarter": 0.25, "half_way": 0.5, "run": 1.0}
MAX_IMAGES = 3_000
BATCH = 256


@dataclass(frozen=True)
class Unseen:
    """The concepts on photos that were never annotated, and how each of :data:`ALPHAS` does."""

    concepts: tuple[str, ...]
    cells: Cells
    seen: list[Seen]

    def to_json(self) -> dict[str, Any]:
        """What is stored of a run.

        Returns:
            ``images``, ``positives`` per concept, and for each of :data:`ALPHAS` the average
            precision of each concept that occurs and their ``mean``.
        """
        positives = (self.cells.labels == 1).sum(axis=0)
        return {
            "images": len(self.cells.labels),
            "positives": dict(zip(self.concepts, positives.tolist(), strict=True)),
            **{entry.arm: self._precisions(entry) for entry in self.seen},
        }

    def _precisions(self, entry: Seen) -> dict[str, float]:
        known = {
            name: float(value)
            for name, value in zip(self.concepts, entry.precisions, strict=True)
            if not np.isnan(value)
        }
        return known | {"mean": float(np.mean(list(known.values())))}


def see_unseen(workspace: Workspace, run: Run) -> Unseen:
    """Rank the concepts before training, after it, and between.

    All runs of a workspace are measured under the same resamples of whole properties.
    """
    images = _never_annotated(workspace)
    shown = _truth(workspace)
    labels = np.array(
        [[concept in shown.get(uri, ()) for concept in UNSEEN] for uri in images["uri"]], np.int8
    )
    cells = Cells(labels, np.ones(labels.shape, bool))
    groups = list(images["property_id"].fillna(images["image_id"]))
    truth = Truth((), cells, groups, np.zeros(len(UNSEEN), np.int64))
    settings = workspace.settings.evaluate
    resamples = truth.resamples(settings, seed=0)
    ends = load_ends(workspace, run, "cpu", allow_demo_model=True)
    seen = []
    for name, alpha in ALPHAS.items():
        ends.set(alpha)
        method = Method(name, _scores(workspace, ends.clip, images), None)
        seen.append(see(method, int(run.record["seed"]), truth, resamples, settings))
    return Unseen(tuple(UNSEEN), cells, seen)


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
