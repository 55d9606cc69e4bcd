"""``dataset`` in a workspace: reads labels and catalogue, writes ``data/dataset/``."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from annotate.dataset.build import MADE_BY, STORED_SPLITS, build_dataset
from annotate.dataset.splits import SPLITS
from annotate.settings import DatasetSettings
from annotate.tables import (
    CATALOG,
    DATASET,
    LABELS,
    empty,
    read,
    read_json,
    remove_stale,
    write,
    write_json,
)
from annotate.taxonomy.load import load_taxonomy
from annotate.workspace import Workspace


def write_dataset(workspace: Workspace, settings: DatasetSettings) -> dict[str, Any]:
    """Build the dataset from ``data/labels/``.

    The splits are written first: a build that was killed is finished with the same ones. The lock
    is written last.

    Returns:
        What ``stats.json`` holds.

    Raises:
        MissingError: no labels or no catalogue.
        InputError: settings that make no sense, or nothing is left.
    """
    folder, seed = workspace.dataset, workspace.settings.project.seed
    taxonomy = load_taxonomy(workspace.taxonomy, workspace.settings.project.classes)
    labels_file = workspace.labels / "labels.parquet"
    labels = read(LABELS, labels_file)
    catalog = read(CATALOG, workspace.catalog / "images.parquet")
    splits_file = folder / "splits.parquet"
    stored = read(STORED_SPLITS, splits_file) if splits_file.is_file() else empty(STORED_SPLITS)
    summary = read_json(workspace.labels / "summary.json", "mumic-annotate consolidate")
    dataset = build_dataset(labels, catalog, stored, taxonomy, settings, seed=seed)
    stats = {**dataset.stats, "settings": {"dataset": asdict(settings)}, "seed": seed}
    remove_stale(folder)
    write(STORED_SPLITS, dataset.splits, splits_file)
    write(DATASET, dataset.images, folder / "images.parquet")
    listed = {"taxonomy_hash": taxonomy.hash, "classes": dataset.classes}
    write_json(folder / "classes.json", listed)
    write_json(folder / "stats.json", stats)
    ids = [entry["id"] for entry in dataset.classes]
    lock = {
        "taxonomy_hash": taxonomy.hash,
        "labels_hash": _sha256(labels_file),
        "thresholds": {key: value for key, value in summary["thresholds"].items() if key in ids},
        "seed": seed,
        "shares": {name: getattr(settings, name) for name in SPLITS},
        "near_duplicate_bits": settings.near_duplicate_bits,
        "splits_hash": _sha256(splits_file),
        "classes_hash": _sha256(folder / "classes.json"),
        "images_hash": _sha256(folder / "images.parquet"),
        "pyarrow": pa.__version__,
    }
    write_json(folder / "lock.json", lock)
    return stats


def read_stats(workspace: Workspace) -> dict[str, Any]:
    """What the last build counted.

    Raises:
        MissingError: there is no dataset.
    """
    stats: dict[str, Any] = read_json(workspace.dataset / "stats.json", MADE_BY)
    return stats


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
