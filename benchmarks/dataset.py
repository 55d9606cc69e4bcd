"""``dataset build`` on 60,000 images and 120 classes, and its splits beside a library's.

The whole build runs in a process of its own, whose peak memory is reported. Splits are measured by
the error of a class's share of a split's positives, as in the papers on stratification.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from iterstrat.ml_stratifiers import IterativeStratification

from annotate.dataset.files import write_dataset
from annotate.dataset.splits import FREE, METHODS, SplitCounts, assign_splits
from annotate.dataset.verify import verify_dataset
from annotate.files import write_json
from annotate.settings import DatasetSettings
from annotate.tables import CATALOG, LABELS, write
from annotate.workspace import Workspace
from benchmarks.report import QUICK, fastest, publish

IMAGES, CLASSES, PROPERTIES = (6_000, 40, 1_500) if QUICK else (60_000, 120, 15_000)
SHARES = (0.8, 0.1, 0.1)

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


def positives() -> Mask:
    """Classes of very different frequency, 2.3 labels an image in the mean."""
    rng = np.random.default_rng(0)
    frequency = np.exp(rng.uniform(np.log(42), np.log(IMAGES / 10), CLASSES))
    frequency *= 2.3 * IMAGES / frequency.sum()
    return rng.random((IMAGES, CLASSES)) < np.minimum(frequency / IMAGES, 0.5)


def errors(positive: Mask, split: Indices) -> dict[str, float]:
    counts = SplitCounts.of(positive, split).positives
    error = np.abs(counts / counts.sum(axis=1, keepdims=True) - SHARES)[:, 1:]
    return {
        "mean_error": round(float(error.mean()), 5),
        "largest_error": round(float(error.max()), 5),
        "fewest": int(counts[:, 1:].min()),
    }


def make_workspace(root: Path, positive: Mask) -> None:
    """Labels of every image and class, and a catalogue with properties."""
    rng = np.random.default_rng(1)
    ids = np.array([f"{at:020x}" for at in range(IMAGES)], object)
    names = [f"class_{at}" for at in range(CLASSES)]
    listed = "".join(f"  - {{id: {n}, name: {n}, category: a}}\n" for n in names)
    (root / "mumic.toml").write_text('[project]\ntaxonomy = "classes.yaml"\n')
    (root / "classes.yaml").write_text(
        f"version: 1\nname: Bench\ncategories: [{{id: a, name: A}}]\nclasses:\n{listed}"
    )
    yes = np.where(positive, 4, 1).ravel()
    labels = pd.DataFrame(
        {
            "image_id": np.repeat(ids, CLASSES),
            "class_id": np.tile(np.array(names, object), IMAGES),
            "label": positive.ravel().astype(np.int8),
            "yes": yes,
            "no": 5 - yes,
            "unsure": 0,
            "rate": yes / 5,
            "decided": "voted",
        }
    )
    write(LABELS, labels, root / "data/labels/labels.parquet")
    write_json(root / "data/labels/summary.json", {"thresholds": dict.fromkeys(names, 0.6)})
    catalog = pd.DataFrame(
        {
            "image_id": ids,
            "uri": "photos/" + pd.Series(ids) + ".jpg",
            "bytes": 1,
            "width": 1,
            "height": 1,
            "orientation": 1,
            "content_hash": ids,
            "perceptual_hash": [f"{v:016x}" for v in rng.integers(0, 2**63, IMAGES).tolist()],
            "property_id": [f"p{v}" for v in rng.integers(0, PROPERTIES, IMAGES).tolist()],
            "text": None,
            "present": True,
        }
    )
    write(CATALOG, catalog, root / "data/catalog/images.parquet")


def child(root: Path) -> None:
    """Build and verify; print seconds and the peak of memory."""
    workspace = Workspace.find(root)
    started = time.perf_counter()
    write_dataset(workspace, DatasetSettings(missing="allow"))
    built = time.perf_counter()
    whole = verify_dataset(workspace).whole
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        json.dumps(
            {
                "build_seconds": built - started,
                "verify_seconds": time.perf_counter() - built,
                "reproduced": whole,
                "peak_gb": peak,
            }
        )
    )


def main() -> None:
    positive = positives()
    free = np.full(IMAGES, FREE)
    single = np.arange(IMAGES)
    by_property = np.random.default_rng(1).integers(0, PROPERTIES, IMAGES)
    found: dict[str, Indices] = {}

    def library() -> None:
        random = np.random.RandomState(0)
        found["iterative-stratification"] = IterativeStratification(
            positive, np.array(SHARES), random
        )

    def own(name: str, groups: Indices, method: str) -> None:
        found[name] = assign_splits(positive, groups, free, SHARES, seed=0, method=method)

    measured = {
        "split single images": fastest(
            {
                "ours, iterative": lambda: own("ours, iterative", single, METHODS[1]),
                "ours, lowest-frequency": lambda: own("ours, lowest-frequency", single, METHODS[0]),
                "iterative-stratification": library,
            },
            turns=1 if QUICK else 2,
        ),
        "split whole properties": fastest(
            {
                "ours, iterative": lambda: own("properties, iterative", by_property, METHODS[1]),
                "ours, lowest-frequency": lambda: own(
                    "properties, lowest-frequency", by_property, METHODS[0]
                ),
            },
            turns=1,
        ),
    }
    with tempfile.TemporaryDirectory() as folder:
        make_workspace(Path(folder), positive)
        line = [sys.executable, "-m", "benchmarks.dataset", folder]
        whole = json.loads(subprocess.run(line, check=True, capture_output=True).stdout)
    facts = {
        "errors": {name: errors(positive, split) for name, split in found.items()},
        "command": whole,
    }
    publish("dataset", f"{IMAGES:,} images x {CLASSES} classes", measured, facts)


if __name__ == "__main__":
    child(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
