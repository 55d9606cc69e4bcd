"""Makes a locked dataset again and compares it, bit for bit."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from annotate.dataset.build import MADE_BY, STORED_SPLITS
from annotate.dataset.files import at_work, build, read_inputs, write_files
from annotate.dataset.imported import imported_splits
from annotate.dataset.lock import LOCK_FILE, OUTPUTS, describe_inputs, locked_settings
from annotate.dataset.relabel import other_thresholds, other_votes, relabel_advice
from annotate.errors import InputError, MissingError
from annotate.files import read_json, sha256
from annotate.settings import DatasetSettings
from annotate.tables import read
from annotate.taxonomy.load import load_taxonomy
from annotate.together import together
from annotate.workspace import Workspace


@dataclass(frozen=True)
class Verdict:
    """What became of a locked dataset.

    Attributes:
        changed: inputs that are not those of the lock, each with what to do about it.
        different: files that come out otherwise than the lock says.
        damaged: files in the dataset's folder that are not those of the lock, or are missing.
    """

    changed: list[str]
    different: list[str]
    damaged: list[str]

    @property
    def whole(self) -> bool:
        """Whether everything is as it was locked."""
        return not (self.changed or self.different or self.damaged)


def verify_dataset(workspace: Workspace, *, restore: bool = False) -> Verdict:
    """Build the dataset of ``lock.json`` anew, beside the one that is there.

    Settings and seed are those of the lock, whatever ``mumic.toml`` says today.

    Args:
        workspace: with lock, labels and catalogue.
        restore: put files in their place that are missing or damaged, if the new ones are exactly
            those of the lock. Nothing is ever written that is not.

    Raises:
        MissingError: no lock, no labels, or the splits that a later build started from are gone.
        DamagedError: the lock is not one.
        InputError: the build refuses, or another process is at work.
    """
    with at_work(workspace.dataset):
        return _verify(workspace, restore)


def _verify(workspace: Workspace, restore: bool) -> Verdict:
    folder = workspace.dataset
    lock = read_json(folder / LOCK_FILE, MADE_BY)
    settings = locked_settings(lock, folder / LOCK_FILE, DatasetSettings())
    _require_labels(lock, workspace)
    inputs = read_inputs(workspace)
    changed = _changed(lock, describe_inputs(workspace, inputs), _remedies(lock, workspace))
    if changed:
        changed += other_thresholds(lock, inputs.taxonomy)
    changed += other_votes(lock, workspace)
    damaged = _damaged(lock, folder)
    if changed:
        return Verdict(changed, [], damaged)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".verify-") as scratch:
        again = Path(scratch)
        stored = _stored(lock, workspace)
        write_files(build(inputs, stored, settings, lock["seed"]), inputs.taxonomy, again)
        different = [name for key, name in OUTPUTS.items() if sha256(again / name) != lock[key]]
        if restore and not different:
            with together(folder) as stage:
                for name in (*damaged, "stats.json"):
                    os.replace(again / name, stage / name)
            damaged = []
    if "splits.parquet" in different:
        raise MissingError(
            f"{folder / 'splits.parquet'} is gone or not the locked one, and it carries the splits "
            "of earlier builds, which nothing else says. Bring it back; keep it together with "
            "lock.json under version control."
        )
    if different and lock.get("pyarrow") != pa.__version__:
        different.append(f"(written with pyarrow {lock.get('pyarrow')}, this is {pa.__version__})")
    return Verdict([], different, damaged)


def _require_labels(lock: dict[str, Any], workspace: Workspace) -> None:
    labels = workspace.labels / "labels.parquet"
    if lock.get("labels_hash") and not labels.is_file():
        taxonomy = load_taxonomy(workspace.taxonomy, workspace.settings.project.classes)
        besides = other_thresholds(lock, taxonomy) + other_votes(lock, workspace)
        advice = f"no labels at {labels}: {relabel_advice(lock, workspace)}"
        raise MissingError("\n  ".join([advice, *besides]))


def require_restored(workspace: Workspace) -> None:
    """Make the locked dataset again, or say why it cannot be.

    Raises:
        InputError: an input changed, or the result differs.
    """
    verdict = verify_dataset(workspace, restore=True)
    if verdict.changed or verdict.different:
        raise InputError("\n".join(["the locked dataset cannot be made again:", *lines(verdict)]))


def lines(verdict: Verdict) -> list[str]:
    """The verdict for people."""
    return [
        *(f"  {entry}" for entry in verdict.changed),
        *(f"  {name} comes out different" for name in verdict.different),
        *(
            f"  {name} is missing or not the locked one; `mumic-annotate dataset build --locked` "
            "puts it back"
            for name in verdict.damaged
        ),
    ]


def _remedies(lock: dict[str, Any], workspace: Workspace) -> dict[str, str]:
    """What to do about an input that changed."""
    labels = f"labels.parquet changed: {relabel_advice(lock, workspace)}"
    if lock.get("labels_hash") is None:
        labels = "labels.parquet is new: the locked dataset has imported labels only"
    return {
        "taxonomy_hash": "the label list changed: bring back the version that the lock names",
        "labels_hash": labels,
        "catalog_hash": "the catalogue changed for labelled images: their files, properties or "
        "texts",
        "imports": "imported labels changed",
        "import_order": "the order of the imports changed, and the last one counts: see the lock's",
    }


def _changed(lock: dict[str, Any], now: dict[str, Any], remedies: dict[str, str]) -> list[str]:
    """Inputs that differ; an older lock lacks some of them."""
    differ = {key for key in remedies if key in lock and lock[key] != now[key]}
    if "imports" in differ:
        differ.discard("import_order")  # another import is in another order as well
    found = [text for key, text in remedies.items() if key in differ]
    if "labels_hash" in differ and "decided_with" in lock:  # equal labels need no explanation
        files = _changed_files(lock["decided_with"], now["decided_with"])
        found += [f"{text}, and consolidate decides with it" for text in files]
    answers = _changed_files(lock.get("answers") or {}, now["answers"])
    return found + [f"answers: {text}" for text in answers]


def _changed_files(before: dict[str, str], after: dict[str, str]) -> list[str]:
    found = []
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            state = (
                "is new" if name not in before else "is gone" if name not in after else "changed"
            )
            found.append(f"{name} {state}")
    return found


def _damaged(lock: dict[str, Any], folder: Path) -> list[str]:
    return [
        name
        for key, name in OUTPUTS.items()
        if not (folder / name).is_file() or sha256(folder / name) != lock.get(key)
    ]


def _stored(lock: dict[str, Any], workspace: Workspace) -> pd.DataFrame:
    """The splits to start from: the locked ones, or those of a first build."""
    file = workspace.dataset / "splits.parquet"
    whole = file.is_file() and sha256(file) == lock["splits_hash"]
    return read(STORED_SPLITS, file) if whole else imported_splits(workspace)
