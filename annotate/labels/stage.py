"""``consolidate`` in a workspace: its files, and the stages between them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from annotate.answers.files import find_answers
from annotate.answers.packing import Answers, check_answers
from annotate.errors import InputError, MissingError
from annotate.labels.consolidate import check_settings, consolidate, thresholds
from annotate.labels.summary import summarise
from annotate.labels.votes import count_votes
from annotate.migration.reading import History, Questions, former_questions, in_present_terms
from annotate.migration.record import keep_snapshot, load_migrations
from annotate.questions.file import read_plan
from annotate.settings import ConsolidateSettings
from annotate.tables import (
    ANSWER_REJECTS,
    ANSWERS,
    CATALOG,
    LABELS,
    read,
    read_json,
    remove_stale,
    write,
    write_json,
)
from annotate.tasks.manifest import read_manifest
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Taxonomy
from annotate.workspace import Workspace


def read_questions(workspace: Workspace, taxonomy: Taxonomy) -> dict[str, tuple[str, ...]]:
    """Class ids of each question of ``questions.yaml``."""
    plan = read_plan(workspace.questions, taxonomy)
    return {question.id: question.classes for question in plan.questions}


def labelled_questions(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    """Classes of each question of ``answers.parquet``.

    Raises:
        MissingError: no labels.
    """
    summary = read_json(workspace.labels / "summary.json", ANSWERS.made_by)
    return {name: tuple(ids) for name, ids in summary["questions"].items()}


def label_images(workspace: Workspace, settings: ConsolidateSettings) -> dict[str, Any]:
    """Turn all answers into ``data/labels/``.

    Args:
        workspace: with catalogue, questions and answers.
        settings: threshold and least number of votes.

    Returns:
        What ``summary.json`` holds.

    Raises:
        MissingError: no catalogue, questions or answers.
        InputError: the settings make no sense, or not one answer counts.
    """
    check_settings(settings)
    taxonomy = load_taxonomy(workspace.taxonomy, workspace.settings.project.classes)
    questions = read_questions(workspace, taxonomy)
    answers, questions = read_answers(workspace, questions, settings)
    votes = count_votes(answers.answers, questions)
    labels = consolidate(votes, taxonomy, settings)
    annotators = workspace.settings.tasks.annotators
    summary = summarise(answers, votes, labels, taxonomy, annotators)
    asked = sorted(set(labels["class_id"]), key=taxonomy.ids.index)
    summary["thresholds"] = dict(zip(asked, thresholds(asked, taxonomy, settings), strict=True))
    summary["settings"] = {"consolidate": asdict(settings)}
    summary["questions"] = questions
    keep_snapshot(workspace)
    remove_stale(workspace.labels)
    write(ANSWERS, answers.answers, workspace.labels / "answers.parquet")
    write(ANSWER_REJECTS, answers.rejects, workspace.labels / "rejects.parquet")
    write(LABELS, labels, workspace.labels / "labels.parquet")
    write_json(workspace.labels / "summary.json", summary)
    return summary


def read_answers(
    workspace: Workspace,
    questions: Questions,
    settings: ConsolidateSettings,
    history: History | None = None,
) -> tuple[Answers, dict[str, tuple[str, ...]]]:
    """All answers of a workspace, checked, in terms of the present taxonomy.

    Args:
        workspace: with catalogue and answers.
        questions: classes of the present questions.
        settings: threshold and least number of votes.
        history: migrations that older answers go through; None: all that the workspace keeps.

    Returns:
        The answers, and the classes of the questions that they are to.

    Raises:
        MissingError: there are none.
        InputError: not one of them counts; the commonest reason is named.
    """
    catalog = read(CATALOG, workspace.catalog / "images.parquet", ["image_id"])
    manifest = workspace.tasks / "manifest.jsonl"
    order = [task.image_id for task in read_manifest(manifest)] if manifest.is_file() else []
    found = find_answers(workspace.answers, order)
    history = load_migrations(workspace) if history is None else history
    everything = {**former_questions(history, questions), **questions}
    answers = check_answers(found, everything, set(catalog["image_id"]))
    if answers.answers.empty and answers.rejects.empty:
        raise MissingError(
            f"no answers in {workspace.answers}. Put files of answers there, or try the path with "
            "`mumic-annotate simulate`."
        )
    if answers.answers.empty:
        first = answers.rejects.iloc[0]
        raise InputError(
            f"none of {len(answers.rejects)} answers in {workspace.answers} counts; the first, "
            f"{first['file']}:{first['line']}, because: {first['reason']}. Were they given to this "
            "workspace's tasks and questions.yaml?"
        )
    return in_present_terms(answers, questions, history, settings)
