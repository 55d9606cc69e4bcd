"""``questions compare`` in a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotate.answers.excluded import leave_out, read_excluded
from annotate.answers.files import TREE
from annotate.answers.packed import Packed, to_frame
from annotate.answers.packing import pack
from annotate.answers.reading import read_folder
from annotate.errors import InputError, MissingError
from annotate.golden.in_force import read_in_force
from annotate.golden.sample import check_settings
from annotate.golden.stage import golden_cells
from annotate.golden.strategies import Pilot, Strategy, compare_pilots
from annotate.labels.votes import Votes, count_votes
from annotate.questions.file import read_plan
from annotate.questions.planning import QuestionPlan
from annotate.questions.quality import plan_classes
from annotate.tables import CATALOG, read
from annotate.tasks.manifest import read_manifest
from annotate.taxonomy.load import load_taxonomy
from annotate.workspace import Workspace


def compare_strategies(
    workspace: Workspace, pairs: Sequence[tuple[Path, Path]], truth_file: Path | None = None
) -> dict[str, Any]:
    """Compare plans by the answers that each got on golden images.

    Where there are images that were answered under all plans, these are compared.

    Args:
        workspace: with catalogue and golden labels.
        pairs: a ``questions.yaml`` and a folder with answers to it. Output of Ground Truth in it
            counts the lines of ``tasks/manifest.jsonl`` beside the folder.
        truth_file: CSV of true labels; None: experts' answers.

    Returns:
        ``strategies``, whether the images are the ``same``, ``classes`` that are scored,
        ``left_out`` images and answers ``set_aside`` by name, ``truth`` and ``currency``.

    Raises:
        MissingError: a plan, a folder or golden labels are not there.
        InputError: a plan is wrong, no answer in a folder is to its plan, no golden image has
            enough answers, or the plans share no class.
    """
    golden = workspace.settings.golden
    check_settings(golden)
    taxonomy = load_taxonomy(workspace.taxonomy, workspace.settings.project.classes)
    force = read_in_force(workspace, taxonomy)
    images = set(read(CATALOG, workspace.catalog / "images.parquet", ["image_id"])["image_id"])
    asked, aside = [], {}
    for plan_file, folder in pairs:
        plan = read_plan(plan_file, taxonomy)
        answers, aside[str(plan_file)] = _answers(workspace, plan, folder, images)
        votes = count_votes(answers, _questions(plan))
        enough = _enough(votes, plan, force.settings.min_votes)
        cells, _ = golden_cells(workspace, votes.only(enough), taxonomy, truth_file)
        asked.append((str(plan_file), plan, answers, votes, set(cells.votes.image_ids)))
        if not cells.votes.image_ids:
            raise InputError(
                f"{folder}: no golden image has {force.settings.min_votes} answers to every "
                f"question of {plan_file} that waits for nothing."
            )
    classes = set.intersection(*(set(plan_classes(plan)) for _, plan, *_ in asked))
    if not classes:
        raise InputError("the plans have no class in common.")
    shared = set.intersection(*(known for *_, known in asked))
    pilots = []
    for name, plan, answers, votes, known in asked:
        kept = shared or known
        cells, _ = golden_cells(workspace, votes.only(kept), taxonomy, truth_file)
        pilots.append(Pilot(name, plan, _frame(answers, kept), cells))
    strategies = compare_pilots(
        pilots,
        force.limits,
        taxonomy,
        (force.settings, workspace.settings.tasks),
        resamples=golden.resamples,
        seed=workspace.settings.project.seed,
    )
    return {
        "strategies": [_as_dict(entry) for entry in strategies],
        "same": bool(shared),
        "classes": len(classes),
        "left_out": {
            name: len(votes.image_ids) - len(shared or known) for name, _, _, votes, known in asked
        },
        "set_aside": aside,
        "truth": "" if truth_file is None else str(truth_file),
        "currency": workspace.settings.tasks.currency,
    }


def _answers(
    workspace: Workspace, plan: QuestionPlan, folder: Path, images: set[str]
) -> tuple[Packed, int]:
    """What counts of a pilot, and how many answers do not."""
    if not folder.is_dir():
        raise MissingError(f"no folder {folder}. Name a plan and the folder with its answers.")
    manifest = folder.resolve().parent / "tasks" / "manifest.jsonl"
    order = [task.image_id for task in read_manifest(manifest)] if manifest.is_file() else []
    found = read_folder(folder, _questions(plan), order)
    checked = leave_out(pack(found.files, images), read_excluded(workspace.desk))
    if not len(checked.packed):
        why = "it holds no *.jsonl of answers"
        if len(checked.rejects):
            first = checked.rejects.iloc[0]
            why = f"the first, {first['file']}:{first['line']}, because: {first['reason']}"
        if not order and any(TREE in name for name, _ in found.files):
            why += f" (the lines of output of Ground Truth are those of {manifest})"
        raise InputError(f"{folder}: no answer counts for this plan; {why}.")
    return checked.packed, len(checked.rejects)


def _frame(answers: Packed, images: set[str]) -> pd.DataFrame:
    """Answers about some images as ``tables.ANSWERS``: the golden ones are few, all are not."""
    named = np.array([name in images for name in answers.image.values], bool)
    return to_frame(answers.take(np.flatnonzero(named[answers.image.codes])).compact())


def _questions(plan: QuestionPlan) -> dict[str, tuple[str, ...]]:
    return {question.id: question.classes for question in plan.questions}


def _enough(votes: Votes, plan: QuestionPlan, people: int) -> set[str]:
    """Images of which enough people answered every question that waits for nothing."""
    first = plan_classes(plan, first=True)
    columns = [votes.class_ids.index(name) for name in first]
    answers = (votes.yes + votes.no + votes.unsure)[:, columns]
    return set(np.array(votes.image_ids, object)[(answers >= people).all(axis=1)])


def _as_dict(entry: Strategy) -> dict[str, Any]:
    shown = asdict(entry)
    for name in ("precision", "recall", "precision_change", "recall_change"):
        rate = shown.pop(name) or {"value": None, "low": None, "high": None}
        shown |= {name: rate["value"], f"{name}_low": rate["low"], f"{name}_high": rate["high"]}
    seconds = shown.pop("seconds")
    return shown | {
        "tasks": seconds["tasks"],
        "tasks_without_time": seconds["missing"],
        "seconds_median": seconds["median"],
        "seconds_mean": seconds["mean"],
    }
