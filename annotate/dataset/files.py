"""``dataset`` in a workspace: reads labels and catalogue, writes ``data/dataset/``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from annotate.dataset.build import (
    DATASET_VOTES,
    MADE_BY,
    NUMBERED,
    STORED_SPLITS,
    Dataset,
    build_dataset,
)
from annotate.dataset.imported import imported_labels, imported_splits
from annotate.dataset.joining import join_labels
from annotate.dataset.lock import LOCK_FILE, make_lock
from annotate.errors import MissingError
from annotate.files import read_json, remove_stale, write_json
from annotate.locks import exclusive
from annotate.settings import DatasetSettings
from annotate.tables import CATALOG, DATASET, LABELS, read, read_arrow, write
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Taxonomy
from annotate.together import finish, together
from annotate.workspace import Workspace


@dataclass(frozen=True)
class Inputs:
    """What a dataset is made from.

    Attributes:
        labels: ``tables.LABELS``, of votes and of imports.
        catalog: ``tables.CATALOG``.
        taxonomy: of the workspace.
        consolidation: ``summary.json`` of ``consolidate``; empty where all labels were imported.
        overruled: labels that gave way to another source's of a class above or below.
    """

    labels: pd.DataFrame
    catalog: pd.DataFrame
    taxonomy: Taxonomy
    consolidation: dict[str, Any]
    overruled: int = 0


def read_inputs(workspace: Workspace) -> Inputs:
    """Read labels, catalogue and label list.

    Raises:
        MissingError: no labels, neither of votes nor imported, or no catalogue.
    """
    taxonomy = load_taxonomy(workspace.taxonomy, workspace.settings.project.classes)
    voted = workspace.labels / "labels.parquet"
    imported = imported_labels(workspace)[::-1]
    if not voted.is_file() and not imported:
        raise MissingError(
            f"no labels at {voted}. Make them with `{LABELS.made_by}`, or bring your own with "
            "`mumic-annotate dataset import`."
        )
    labels = [_read_labels(file) for file in ([voted] if voted.is_file() else []) + imported]
    catalog = read(CATALOG, workspace.catalog / "images.parquet")
    consolidation: dict[str, Any] = {}
    if voted.is_file():
        consolidation = read_json(workspace.labels / "summary.json", LABELS.made_by)
    joined = join_labels(labels, taxonomy)
    return Inputs(joined.labels, catalog, taxonomy, consolidation, joined.overruled)


def _read_labels(file: Path) -> pa.Table:
    """Labels with numbered texts: millions of rows repeat few of them."""
    found = read_arrow(LABELS, file, list(LABELS.columns))
    for name in NUMBERED:
        at = found.schema.get_field_index(name)
        found = found.set_column(at, name, found.column(name).dictionary_encode())
    return found


def write_dataset(workspace: Workspace, settings: DatasetSettings) -> dict[str, Any]:
    """Build the dataset from the labels of votes and imports; its files change together.

    Returns:
        What ``stats.json`` holds.

    Raises:
        MissingError: no labels or no catalogue.
        InputError: settings that make no sense, nothing is left, a split lacks a class, or another
            process is at work.
    """
    folder, seed = workspace.dataset, workspace.settings.project.seed
    with at_work(folder):
        inputs = read_inputs(workspace)
        dataset = build(inputs, stored_splits(workspace), settings, seed)
        remove_stale(folder)
        with together(folder) as stage:
            write_files(dataset, inputs.taxonomy, stage)
            write_json(stage / LOCK_FILE, make_lock(workspace, inputs, settings, seed, stage))
    return dataset.stats


@contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """Be the only process at a dataset, all files of which are of one build.

    Raises:
        InputError: another process is.
    """
    with exclusive(folder / ".lock", busy=f"another process is making {folder}. Wait for it."):
        finish(folder)
        yield


def stored_splits(workspace: Workspace) -> pd.DataFrame:
    """The splits of earlier builds, and of images that were imported with one."""
    file = workspace.dataset / "splits.parquet"
    built = [read(STORED_SPLITS, file)] if file.is_file() else []
    return pd.concat([*built, imported_splits(workspace)]).drop_duplicates("image_id")


def build(inputs: Inputs, stored: pd.DataFrame, settings: DatasetSettings, seed: int) -> Dataset:
    """As :func:`build_dataset`, with the settings in the statistics."""
    dataset = build_dataset(
        inputs.labels, inputs.catalog, stored, inputs.taxonomy, settings, seed=seed
    )
    overruled = inputs.overruled
    dataset.stats.update(settings={"dataset": asdict(settings)}, seed=seed, overruled=overruled)
    if overruled:
        dataset.stats["warnings"].append(
            f"{overruled:,} labels gave way to another source's: a yes to a class is a yes to all "
            "above it, an expert's no is a no to all below"
        )
    return dataset


def write_files(dataset: Dataset, taxonomy: Taxonomy, folder: Path) -> None:
    """Write everything but the lock."""
    write(STORED_SPLITS, dataset.splits, folder / "splits.parquet")
    write(DATASET_VOTES, dataset.votes, folder / "votes.parquet")
    write(DATASET, dataset.images, folder / "images.parquet")
    listed = {"taxonomy_hash": taxonomy.hash, "classes": dataset.classes}
    write_json(folder / "classes.json", listed)
    write_json(folder / "stats.json", dataset.stats)


def read_stats(workspace: Workspace) -> dict[str, Any]:
    """What the last build counted.

    Raises:
        MissingError: there is no dataset.
    """
    stats: dict[str, Any] = read_json(workspace.dataset / "stats.json", MADE_BY)
    return stats
