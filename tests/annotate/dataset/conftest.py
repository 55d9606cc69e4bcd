"""A workspace with real files, a dataset of yes, no and unknown, and everything decided by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from annotate.catalog.scan import save_scan, scan
from annotate.catalog.sources import plan_scan
from annotate.dataset.files import write_dataset
from annotate.files import write_json
from annotate.settings import CatalogSettings, DatasetSettings
from annotate.tables import LABELS, write
from annotate.workspace import Workspace
from tests.annotate.dataset.exported import Truth, truth_of

CLASSES = """\
version: 3
name: Test
categories: [{id: all, name: All}]
classes:
  - {id: water, name: "Water, any", category: all, description: water, queries: [a, b]}
  - {id: text, name: Text, category: all, description: text, queries: [a, b]}
  - {id: snow, name: Snow, category: all, description: snow, queries: [a, b]}
"""
COUNT = 30
IMPORTED = 12  # photos beside a workspace that imports


def draw(folder: Path, count: int) -> None:
    """Noise of which no two are alike, some as PNG."""
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (24, 32, 3), np.uint8)
        suffix = "png" if number % 5 == 0 else "jpg"
        Image.fromarray(pixels).save(folder / f"{number:03d}.{suffix}")


@pytest.fixture
def exportable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    root = tmp_path / "w"
    draw(root / "photos", COUNT)
    (root / "mumic.toml").write_text('[project]\ntaxonomy = "classes.yaml"\n')
    (root / "classes.yaml").write_text(CLASSES)
    files = sorted(file.name for file in (root / "photos").iterdir())
    rows = [f"{n},{'' if at == 3 else f'hotel {at // 2}'},a photo" for at, n in enumerate(files)]
    (root / "photos" / "p.csv").write_text("\n".join(["path,property_id,text", *rows]) + "\n")
    workspace = Workspace.find(root)
    plan = plan_scan((), [str(root / "photos/p.csv")], root, CatalogSettings())
    found = scan(plan, workspace.catalog, root, CatalogSettings())
    save_scan(found, plan, CatalogSettings(), workspace.catalog)
    write(
        LABELS, hand_labels(found.images["image_id"].tolist()), workspace.labels / "labels.parquet"
    )
    write_json(
        workspace.labels / "summary.json",
        {"thresholds": {"water": 0.6}, "settings": {"consolidate": {"min_votes": 3}}},
    )
    write_dataset(workspace, DatasetSettings(missing="allow"))
    monkeypatch.chdir(root)
    return workspace


def hand_labels(image_ids: list[str]) -> pd.DataFrame:
    """By number: water yes to even ones; text unknown to every third; snow only asked of some."""
    rows: list[tuple[object, ...]] = []
    for number, image_id in enumerate(image_ids):
        rows.append((image_id, "water", 1 - number % 2, 4 - 3 * (number % 2), 1 + number % 2))
        rows.append((image_id, "text", None if number % 3 == 0 else number % 2, 1, 1))
        if number % 4:
            rows.append((image_id, "snow", int(number % 4 == 1), 5, 0))
    frame = pd.DataFrame(rows, columns=["image_id", "class_id", "label", "yes", "no"])
    return frame.assign(
        label=frame["label"].astype("Int8"),
        unsure=0,
        rate=frame["yes"] / (frame["yes"] + frame["no"]),
        decided=["unknown" if pd.isna(value) else "voted" for value in frame["label"]],
    )


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace beside a folder of photos 000.png to 011.jpg."""
    draw(tmp_path / "source/photos", IMPORTED)
    (tmp_path / "w").mkdir()
    (tmp_path / "w/mumic.toml").write_text('[project]\ntaxonomy = "classes.yaml"\n')
    monkeypatch.chdir(tmp_path / "w")
    return tmp_path


@pytest.fixture
def truth(exportable: Workspace) -> Truth:
    """What an export must hold."""
    return truth_of(exportable)
