"""The lock: what a dataset was made from, so that it can be made again bit for bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from annotate.answers.excluded import FILE as EXCLUDED
from annotate.dataset.imported import import_folders, imports_folder
from annotate.dataset.splits import SPLITS
from annotate.errors import DamagedError
from annotate.files import sha256
from annotate.migration.record import FACTS, migrations_folder
from annotate.settings import DatasetSettings
from annotate.workspace import Workspace

if TYPE_CHECKING:
    from annotate.dataset.files import Inputs

LOCK_FILE = "lock.json"
OUTPUTS = {
    "splits_hash": "splits.parquet",
    "votes_hash": "votes.parquet",
    "images_hash": "images.parquet",
    "classes_hash": "classes.json",
}
CATALOG_COLUMNS = (
    *("image_id", "uri", "content_hash", "perceptual_hash", "property_id", "text", "present"),
)


def make_lock(
    workspace: Workspace,
    inputs: Inputs,
    settings: DatasetSettings,
    seed: int,
    folder: Path,
) -> dict[str, Any]:
    """What ``lock.json`` holds.

    Args:
        workspace: where the answers are.
        inputs: what the dataset was built from.
        settings: of the build.
        seed: of the build.
        folder: with the files that were written.
    """
    return {
        **describe_inputs(workspace, inputs),
        "seed": seed,
        "settings": asdict(settings),
        "shares": {name: getattr(settings, name) for name in SPLITS},
        "near_duplicate_bits": settings.near_duplicate_bits,
        **{key: sha256(folder / name) for key, name in OUTPUTS.items()},
        "pyarrow": pa.__version__,
    }


def describe_inputs(workspace: Workspace, inputs: Inputs) -> dict[str, Any]:
    """Hashes of everything that a dataset follows from."""
    ids = set(inputs.labels["class_id"].unique())
    thresholds = inputs.consolidation.get("thresholds", {})
    labelled = inputs.catalog["image_id"].isin(inputs.labels["image_id"].unique())
    votes = _votes(workspace, inputs.consolidation.get("votes"))
    # Labels of votes rest on no answer.
    answers: Iterable[Path] = [] if votes else workspace.answers.rglob("*")
    return {
        "taxonomy_version": inputs.taxonomy.version,
        "taxonomy_hash": inputs.taxonomy.hash,
        "answers": _hashes(workspace, answers),
        "labels_hash": _labels_hash(workspace, inputs),
        "decided_with": _hashes(workspace, _beside_answers(workspace)),
        "imports": _hashes(workspace, imports_folder(workspace).glob("*/*.parquet")),
        "import_order": [folder.name for folder in import_folders(workspace)],
        "thresholds": {key: value for key, value in thresholds.items() if key in ids},
        "consolidation": inputs.consolidation.get("settings", {}).get("consolidate", {}),
        "votes": votes,
        "catalog_hash": frame_hash(inputs.catalog.loc[labelled, list(CATALOG_COLUMNS)]),
    }


def _beside_answers(workspace: Workspace) -> list[Path]:
    """What labels are decided with besides answers, label list and settings, as far as it is."""
    migrations = migrations_folder(workspace).glob(f"[0-9]*/{FACTS}")
    experts = workspace.golden / "labels.parquet"
    return [workspace.questions, workspace.desk / EXCLUDED, experts, *migrations]


def _votes(workspace: Workspace, stated: dict[str, Any] | None) -> dict[str, Any] | None:
    """Files of another tool's votes, as they were when labels were made of them.

    Paths inside the workspace are relative to it, so that a copy of it finds its own.
    """
    if stated is None:
        return None

    def place(path: str) -> str:
        inside = path and Path(path).is_relative_to(workspace.root)
        return Path(path).relative_to(workspace.root).as_posix() if inside else path

    files = zip(stated["files"], stated["sha256"], strict=True)
    return {
        "files": [{"file": place(path), "sha256": known} for path, known in files],
        "columns": stated["columns"],
        "images": place(stated["images"]),
    }


def _labels_hash(workspace: Workspace, inputs: Inputs) -> str | None:
    return sha256(workspace.labels / "labels.parquet") if inputs.consolidation else None


def _hashes(workspace: Workspace, files: Iterable[Path]) -> dict[str, str]:
    found = sorted(file for file in files if file.is_file() and not file.name.startswith("."))
    return {_name(workspace, file): sha256(file) for file in found}


def _name(workspace: Workspace, file: Path) -> str:
    """Of a file as people know it: below ``data/``, or else below the workspace."""
    folder = workspace.data if file.is_relative_to(workspace.data) else workspace.root
    return file.relative_to(folder).as_posix()


def frame_hash(frame: pd.DataFrame) -> str:
    """Of a table's content, whatever the order of its rows or the file that held it."""
    rows = frame.sort_values(list(frame.columns[:1])).astype(object)
    rows = rows.where(rows.notna(), None)
    digest = hashlib.sha256()
    for row in rows.itertuples(index=False):
        digest.update(json.dumps(list(row), separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()


def locked_settings(lock: Any, file: Path, others: DatasetSettings) -> DatasetSettings:
    """The settings that a dataset was built with.

    Args:
        lock: content of the lock file.
        file: its path, for the message.
        others: what an older lock does not state.

    Raises:
        DamagedError: it is no lock.
    """
    known = {entry.name for entry in fields(others)}
    try:
        stated = lock["settings"].items()
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedError(
            f"{file}: not a lock of this version ({error}). Build anew with `mumic-annotate "
            "dataset`, and run this again."
        ) from error
    return replace(others, **{name: value for name, value in stated if name in known})
