"""A run, figures and images by hand, which a report's page is made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from annotate.files import write_json
from annotate.settings import Settings
from annotate.taxonomy.model import TaxonomyClass
from annotate.workspace import Workspace
from mumic.baselines.frozen import TWO_PROMPTS
from mumic.data import Dataset
from mumic.evaluation.methods import MUMIC
from mumic.metrics.ranking import Cells
from mumic.report import page as pages
from mumic.report.material import Material
from mumic.report.separation import Separation
from mumic.run import Run

NAMES = ("Bed & breakfast", "<b>Pool</b>", "Pets")
#                  three labels            one label            none           middle one unknown
LABELS = np.array([[1, 1, 1], [1, 1, 1], [1, 0, 0], [0, 0, 0], [0, 0, 1]], np.int8)
LOGITS = np.array([[8, 8, 8], [8, -2, 8], [9, -9, -9], [4, -9, -9], [-9, 0.5, 9]], np.float32)
ALL, MISSED, CHEAP, WRONG, UNSURE = (f"photos/{name}.png" for name in "abcde")


def _measures(value: float, **intervals: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"macro_map": value, "weighted_map": 0.6666, "gap": 0.5, "gap_at_2": 0.25}
    row |= {"f1_micro": None, "brier": 0.12344, "classes": 2, "classes_left_out": 1}
    bare = {"gap": {"value": 0.5, "low": None, "high": None}}
    return row | {"intervals": bare | intervals}


METHODS = {
    MUMIC: _measures(0.8124, macro_map={"value": 0.8124, "low": 0.7004, "high": 0.9006}),
    TWO_PROMPTS: _measures(0.3996, macro_map={"value": 0.3996, "low": None, "high": None}),
}
AHEAD = {
    "macro_map": {"value": 0.41284, "low": -0.0104, "high": 0.6},
    "gap": {"value": 0.1, "low": None, "high": None},
}

SLICES = [
    {
        "kind": kind,
        "name": name,
        "classes": 2,
        "positives": 1234,
        "methods": {
            MUMIC: {
                "gap": 0.25,
                "intervals": {"macro_map": {"value": 0.3333, "low": 0.2, "high": 0.4}},
            },
            TWO_PROMPTS: {"gap": 0.9},
        },
    }
    for kind, name in (("category", "at_home"), ("frequency", "rare"), ("majority", "2 most"))
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, Settings())


@pytest.fixture
def material(workspace: Workspace) -> Material:
    mask = np.ones(LABELS.shape, bool)
    mask[4, 1] = False
    classes = tuple(TaxonomyClass(name.lower(), name, "Inside") for name in NAMES)
    uris = [ALL, MISSED, CHEAP, WRONG, UNSURE]
    images = pd.DataFrame({"uri": uris, "image_id": list("abcde")})
    rates = LABELS.astype(np.float32)
    dataset = Dataset(images, classes, Cells(LABELS, mask), rates, "feed", "f00d")
    folder = workspace.runs / "one"
    thresholds = [{"logit": 0.0, "chosen": "tuned"} for _ in NAMES]
    write_json(folder / "thresholds.json", {"thresholds": thresholds})
    record = {"start_model": {"name": "ViT-<small>"}, "logit_scale": 2.0, "logit_bias": 0.0}
    return Material(
        run=Run(folder, record, classes, NAMES),
        dataset=dataset,
        measures={
            "split": "test",
            "settings": {"k": 2},
            "methods": METHODS,
            "differences": {TWO_PROMPTS: AHEAD},
            "slices": SLICES,
            "catalogue": None,
        },
        train_positives=np.array([3, 2, 1]),
        logits=LOGITS,
        zero_shot=-LOGITS,
        rows=np.eye(5, 4, dtype=np.float32),
        start_rows=np.eye(5, 4, dtype=np.float32),
        separation=Separation(images=5, trained=30),
    )


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures have tests of their own, and take seconds."""
    monkeypatch.setattr(pages, "_drawings", lambda workspace, material: {})
