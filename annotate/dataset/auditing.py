"""``dataset audit`` in a workspace: the table, the page, and the round for annotators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from annotate.dataset.audit import Audit, find_wrong_labels
from annotate.dataset.out_of_sample import OutOfSample, read_out_of_sample
from annotate.dataset.reading import DatasetArrays, read_dataset
from annotate.errors import InputError
from annotate.files import write_json
from annotate.images.contact_sheet import Sheet, write_sheet
from annotate.mining.draw import Draw, Mined, receipts
from annotate.mining.round_files import new_round, save_round
from annotate.tables import LABELS, POOLS, Table, empty, read, write
from annotate.times import now_text
from annotate.workspace import Workspace

STRATEGY = "audit"
AUDIT = Table(
    "audit",
    "mumic-annotate dataset audit",
    {
        "image_id": pa.string(),
        "class_id": pa.string(),
        "label": pa.int8(),
        "probability": pa.float64(),
        "quality": pa.float64(),
        "yes": pa.int16(),
        "no": pa.int16(),
        "split": pa.string(),
        "run_id": pa.string(),
    },
)


@dataclass(frozen=True)
class AuditOptions:
    """What to audit: a run (None: the newest), splits (none: validation and test), how much.

    ``most`` likely wrong labels are shown and asked at most; ``ask`` makes a round of them.
    """

    run: str | None = None
    splits: tuple[str, ...] = ()
    most: int = 500
    ask: bool = False


def audit_dataset(
    workspace: Workspace,
    options: AuditOptions,
    on_progress: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Write ``audit.parquet``, ``audit.json`` and ``audit.html``, and a round if one is wanted.

    Returns:
        What ``audit.json`` holds.

    Raises:
        MissingError: no dataset, or a run that has said nothing of images outside training.
        InputError: in-sample predictions, or the run and the dataset share no class.
    """
    if options.most < 1:
        raise InputError("the number of labels to show must be 1 or more.")
    dataset = read_dataset(workspace)
    said = read_out_of_sample(workspace, dataset.images, options.run, options.splits)
    audit, rows = _audit(dataset, said)
    found = _described(audit, rows, dataset, said, workspace).head(options.most)
    summary = {
        "run": said.run_id,
        "read_from": list(said.sources),
        "images": len(said.image_ids),
        "labels_looked_at": sum(audit.looked_at.values()),
        "issues": len(audit.issues),
        "shown": len(found),
        "classes": _by_class(audit),
        "left_out": list(audit.left_out),
        "page": str(workspace.dataset / "audit.html"),
        "round": None,
    }
    write(AUDIT, found, workspace.dataset / "audit.parquet")
    if options.ask and len(found):
        summary["round"] = _write_round(workspace, found, said)
    write_json(workspace.dataset / "audit.json", summary)
    _write_page(workspace, found, dataset, summary, on_progress)
    return summary


def _audit(dataset: DatasetArrays, said: OutOfSample) -> tuple[Audit, np.ndarray[Any, Any]]:
    """Judge the labels of the classes that run and dataset share."""
    columns = [at for at, name in enumerate(said.class_ids) if name in dataset.class_ids]
    if not columns:
        raise InputError(
            f"run {said.run_id} and the dataset share no class. Train a run with this dataset: "
            "`mumic train`."
        )
    shared = [said.class_ids[at] for at in columns]
    there = [dataset.class_ids.index(name) for name in shared]
    rows = pd.Index(dataset.images["image_id"]).get_indexer(pd.Index(said.image_ids))
    grid = np.ix_(rows, there)
    return (
        find_wrong_labels(
            dataset.labels[grid], dataset.known[grid], said.probabilities[:, columns], shared
        ),
        rows,
    )


def _described(
    audit: Audit,
    rows: np.ndarray[Any, Any],
    dataset: DatasetArrays,
    said: OutOfSample,
    workspace: Workspace,
) -> pd.DataFrame:
    """Issues as ``AUDIT``, with the votes behind each label where there were any."""
    issues = audit.issues
    images = dataset.images.iloc[rows[issues["row"].to_numpy(np.int64)]].reset_index(drop=True)
    frame = issues.assign(image_id=images["image_id"], split=images["split"], run_id=said.run_id)
    file = workspace.labels / "labels.parquet"
    keys = ["image_id", "class_id"]
    votes = read(LABELS, file, [*keys, "yes", "no"]) if file.is_file() else empty(LABELS)
    votes = votes[votes["image_id"].isin(frame["image_id"])][[*keys, "yes", "no"]]
    frame = frame.merge(votes, on=keys, how="left")
    return frame[list(AUDIT.columns)].astype({"yes": "Int16", "no": "Int16"})


def _by_class(audit: Audit) -> dict[str, dict[str, int]]:
    counts = audit.issues.groupby(["class_id", "label"]).size()
    return {
        name: {
            "looked_at": number,
            "wrong_positives": int(counts.get((name, 1), 0)),
            "wrong_negatives": int(counts.get((name, 0), 0)),
        }
        for name, number in audit.looked_at.items()
    }


def _write_round(workspace: Workspace, found: pd.DataFrame, said: OutOfSample) -> int:
    """The labels as candidates, by the worst first; no chance was at work."""
    with new_round(workspace.candidates) as number:
        part = found[["image_id", "class_id"]].assign(
            rank=np.arange(1, len(found) + 1), score=1 - found["quality"]
        )
        draw = Draw(n=len(found), top=len(found), seed=0, round=number)
        counts = {str(k): int(v) for k, v in found["class_id"].value_counts(sort=False).items()}
        summary = {
            "round": number,
            "strategy": STRATEGY,
            "run": said.run_id,
            "since": now_text(),
            "images": int(found["image_id"].nunique()),
            "receipts": len(found),
            "drawn_from": [{"name": k, "pool": v, "drawn": v} for k, v in counts.items()],
            "funnel": [],
            "near_copies_by": "not compared",
            "settings": {"seed": 0},
        }
        rows = Mined(receipts([part], STRATEGY, draw), counts, counts, pool_rows=empty(POOLS))
        save_round(workspace.candidates, number, rows, summary)
    return number


def _write_page(
    workspace: Workspace,
    found: pd.DataFrame,
    dataset: DatasetArrays,
    summary: dict[str, Any],
    on_progress: Callable[[int], object] | None,
) -> Path:
    names = {entry["id"]: entry["name"] for entry in dataset.classes}
    where = dataset.images.set_index("image_id")[["uri", "property_id"]]
    entries = found.join(where, on="image_id")
    order = found["class_id"].value_counts().index
    place = {name: at for at, name in enumerate(order)}
    entries = entries.assign(
        group=entries["class_id"].map(names),
        query=np.where(entries["label"] == 1, "labelled yes, likely no", "labelled no, likely yes"),
        stratum=_votes(entries),
        score=entries["probability"],
        place=entries["class_id"].map(place),
    ).sort_values(["place", "quality"], kind="stable")
    entries["rank"] = entries.groupby("class_id", sort=False).cumcount() + 1
    left_out = ", ".join(names[each] for each in summary["left_out"]) or "none"
    facts = [
        ("run", summary["run"]),
        ("read from", ", ".join(summary["read_from"])),
        ("looked at", f"{summary['labels_looked_at']:,} labels of {summary['images']:,} images"),
        ("likely wrong", f"{summary['issues']:,}, {summary['shown']:,} shown"),
        ("score", "the run's probability of the class"),
        ("classes that cannot be judged", left_out),
    ]
    target = workspace.dataset / "audit.html"
    write_sheet(
        Sheet("Labels that are probably wrong", facts, entries),
        target,
        workspace,
        on_progress,
    )
    return target


def _votes(entries: pd.DataFrame) -> pd.Series:
    """How many voted yes, in words; null where nobody was asked."""
    total = (entries["yes"] + entries["no"]).astype("string")
    said: pd.Series = entries["yes"].astype("string") + " of " + total + " voted yes"
    return said.astype(object).where(said.notna(), None)
