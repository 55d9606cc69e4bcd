"""``annotators`` in a workspace: its files, and the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.annotators.agreement import class_agreement, question_agreement
from annotate.annotators.facts import annotator_facts
from annotate.annotators.patterns import find_always_none, find_copies, find_strangers
from annotate.annotators.sheet import Sheet, make_sheet
from annotate.answers.excluded import read_excluded
from annotate.answers.packed import Packed, read_packed
from annotate.errors import MissingError
from annotate.files import number_or_none, write_json
from annotate.golden.stage import golden_file
from annotate.labels.dawid_skene import dawid_skene
from annotate.labels.stage import labelled_questions
from annotate.labels.truth import read_truth
from annotate.tables import CATALOG, GOLDEN_LABELS, read
from annotate.taxonomy.load import load_taxonomy
from annotate.workspace import Workspace


def report_annotators(workspace: Workspace, truth_file: Path | None = None) -> dict[str, Any]:
    """What every annotator did, how far they agree, and what looks wrong.

    Args:
        workspace: with labels.
        truth_file: CSV with the columns path and class_id; None: experts' answers, if there are.

    Returns:
        What ``data/labels/annotators.json`` holds.

    Raises:
        MissingError: no labels, or no such CSV.
        InputError: the CSV is wrong.
    """
    questions = labelled_questions(workspace)
    answers = read_packed(workspace.labels / "answers.parquet", times=True)
    sheet = make_sheet(answers, questions)
    golden = _golden(workspace, sheet, truth_file)
    facts = annotator_facts(sheet, golden).join(_skill(answers, questions, sheet), "annotator_id")
    none, copies = find_always_none(sheet), find_copies(sheet)
    looks = {name: list[str]() for name in sheet.names}
    for lazy in none:
        looks[lazy.annotator_id].append("always none")
    for pair in copies:
        looks[pair.annotator_id].append(f"same mistakes as {pair.other_id}")
    agreement = facts["agreement_yes"].to_numpy(np.float64)
    for name in facts["annotator_id"][find_strangers(agreement, facts["images"].to_numpy())]:
        if not looks[name]:  # who never ticks agrees with nobody, too
            looks[name].append("ticks unlike everybody's")
    facts["flags"] = list(looks.values())
    by_class = class_agreement(sheet.votes)
    summary = {
        "annotators": _rows(facts),
        "classes": _rows(by_class),
        "questions": _rows(question_agreement(sheet.votes, questions)),
        "mean_alpha": _mean(by_class["alpha"]),
        "mean_ac1": _mean(by_class["ac1"]),
        "always_none": [asdict(found) for found in none],
        "copies": [asdict(found) for found in copies],
        "excluded": read_excluded(workspace.desk),
        "images": len(sheet.votes.image_ids),
        "golden": golden is not None,
        "golden_sampled": truth_file is None and (workspace.golden / "sample.parquet").is_file(),
    }
    write_json(workspace.labels / "annotators.json", summary)
    return summary


def _skill(answers: Packed, questions: Mapping[str, Sequence[str]], sheet: Sheet) -> pd.DataFrame:
    """Sensitivity and specificity, the same in all classes, estimated without golden labels."""
    found = dawid_skene(answers, questions, sheet.votes, pooled=True)
    return pd.DataFrame(
        {"sensitivity": found.sensitivity[:, 0], "specificity": found.specificity[:, 0]},
        index=pd.Index(answers.annotator.values),
    )


def _golden(
    workspace: Workspace, sheet: Sheet, truth_file: Path | None
) -> npt.NDArray[np.int8] | None:
    """(N, C) golden labels over the images and classes of the answers."""
    votes = sheet.votes
    table = np.full(votes.yes.shape, -1, np.int8)
    if truth_file is not None:
        taxonomy = load_taxonomy(workspace.taxonomy)
        catalog = read(CATALOG, workspace.catalog / "images.parquet", ["image_id", "uri"])
        truth = read_truth(truth_file, catalog, taxonomy, workspace.root)
        columns = pd.Index(truth.class_ids).get_indexer(pd.Index(votes.class_ids))
        listed = np.isin(np.array(votes.image_ids, object), np.array(truth.image_ids, object))
        table[listed] = truth.rows_of(votes.image_ids)[listed][:, columns]
        return table
    try:
        labels = read(GOLDEN_LABELS, golden_file(workspace))
    except MissingError:
        return None
    rows = pd.Index(votes.image_ids, dtype=object).get_indexer(pd.Index(labels["image_id"]))
    columns = pd.Index(votes.class_ids, dtype=object).get_indexer(pd.Index(labels["class_id"]))
    inside = (rows >= 0) & (columns >= 0)
    table[rows[inside], columns[inside]] = labels["label"].to_numpy(np.int8)[inside]
    return table


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON: what is not defined is null."""
    return [
        {
            str(name): number_or_none(value) if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in frame.to_dict("records")
    ]


def _mean(values: pd.Series[float]) -> float | None:
    known = values.dropna()
    return float(known.mean()) if len(known) else None
