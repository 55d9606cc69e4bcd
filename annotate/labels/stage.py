"""``consolidate`` in a workspace: its files, and the stages between them."""

from __future__ import annotations

from typing import Any

from annotate.answers.excluded import leave_out, read_excluded
from annotate.answers.packing import Answers, pack
from annotate.answers.reading import Keeping, read_folder
from annotate.errors import InputError, MissingError
from annotate.files import read_json
from annotate.labels.consolidate import check_settings
from annotate.labels.experts import read_experts
from annotate.labels.lacking import Wanted
from annotate.labels.result import Basis, moment, write_labels
from annotate.locks import exclusive
from annotate.migration.reading import History, Questions, former_questions, in_present_terms
from annotate.migration.record import keep_snapshot, load_migrations
from annotate.questions.file import read_plan
from annotate.questions.planning import QuestionPlan
from annotate.settings import ConsolidateSettings
from annotate.tables import ANSWERS, CATALOG, read
from annotate.tasks.manifest import TaskLine, read_manifest
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


def label_images(
    workspace: Workspace,
    settings: ConsolidateSettings,
    keep: Keeping | None = None,
) -> dict[str, Any]:
    """Turn all answers into ``data/labels/``.

    Args:
        workspace: with catalogue, questions and answers.
        settings: method, threshold and least number of votes.
        keep: who is told how much was read.

    Returns:
        What ``summary.json`` holds.

    Raises:
        MissingError: no catalogue, questions or answers.
        InputError: the settings make no sense, or not one answer counts.
    """
    check_settings(settings)
    taxonomy = load_taxonomy(workspace.taxonomy, workspace.settings.project.classes)
    plan = read_plan(workspace.questions, taxonomy)
    questions: Questions = {question.id: question.classes for question in plan.questions}
    labels = workspace.labels
    with exclusive(labels / ".lock", busy=f"another process is making {labels}. Wait for it."):
        answers, questions = read_answers(workspace, questions, settings, keep=keep or Keeping())
        experts = read_experts(workspace.golden / "labels.parquet", taxonomy)
        basis = Basis(questions, taxonomy, settings, experts)
        keep_snapshot(workspace)
        rule = annotation_rule(workspace)
        about = {"annotation_rule": rule} if rule else {}
        wanted = Wanted(workspace.settings.tasks.annotators, _tasks(workspace, plan))
        return write_labels(labels, answers, basis, wanted, about)


def _tasks(workspace: Workspace, plan: QuestionPlan) -> list[TaskLine]:
    """Images of the tasks that the catalogue has, with the questions that each is asked.

    A question that waits for the answer to another may never be asked, and one of an earlier plan
    is not.
    """
    manifest = workspace.tasks / "manifest.jsonl"
    if not manifest.is_file():
        return []
    catalog = read(CATALOG, workspace.catalog / "images.parquet", ["image_id"])
    there = set(catalog["image_id"])
    first = {question.id for question in plan.questions if not question.after}
    return [
        TaskLine(task.image_id, tuple(name for name in task.questions if name in first))
        for task in read_manifest(manifest)
        if task.image_id in there
    ]


def annotation_rule(workspace: Workspace) -> str:
    """The rule by which the annotation server took images as done; empty where none was at work.

    Raises:
        DamagedError: what the server wrote about it is not readable.
    """
    path = workspace.answers / "serve.json"
    about = read_json(path, "mumic-annotate serve export") if path.is_file() else {}
    return str(about.get("rule", "")) if isinstance(about, dict) else ""


def read_answers(
    workspace: Workspace,
    questions: Questions,
    settings: ConsolidateSettings,
    history: History | None = None,
    keep: Keeping | None = None,
) -> tuple[Answers, dict[str, tuple[str, ...]]]:
    """All answers of a workspace, checked, in terms of the present taxonomy.

    Args:
        workspace: with catalogue and answers.
        questions: classes of the present questions.
        settings: threshold and least number of votes, and when answers are late.
        history: migrations that older answers go through; None: all that the workspace keeps.
        keep: whether what was read is kept for the next time; None: it is not.

    Returns:
        The answers, and the classes of the questions that they are to.

    Raises:
        MissingError: there are none.
        InputError: not one of them counts; the first reason is named.
    """
    history = load_migrations(workspace) if history is None else history
    answers = check_answers(workspace, questions, settings, history, keep)
    if not len(answers.packed) and answers.rejects.empty:
        raise MissingError(
            f"no answers in {workspace.answers}. Put files of answers there, or try the path with "
            "`mumic-annotate simulate`."
        )
    if not len(answers.packed):
        first = answers.rejects.iloc[0]
        raise InputError(
            f"none of {len(answers.rejects)} answers in {workspace.answers} counts; the first, "
            f"{first['file']}:{first['line']}, because: {first['reason']}. Were they given to this "
            "workspace's tasks and questions.yaml?"
        )
    return in_present_terms(answers, questions, history, settings)


def check_answers(
    workspace: Workspace,
    questions: Questions,
    settings: ConsolidateSettings,
    history: History | None = None,
    keep: Keeping | None = None,
) -> Answers:
    """All answers of a workspace, checked, each to the question that it was given to.

    Args:
        workspace: with catalogue and answers.
        questions: classes of the present questions.
        settings: when answers are late.
        history: migrations that closed other questions; None: all that the workspace keeps.
        keep: as for :func:`read_answers`.

    Raises:
        MissingError: no catalogue.
    """
    catalog = read(CATALOG, workspace.catalog / "images.parquet", ["image_id"])
    manifest = workspace.tasks / "manifest.jsonl"
    order = [task.image_id for task in read_manifest(manifest)] if manifest.is_file() else []
    history = load_migrations(workspace) if history is None else history
    everything = {**former_questions(history, questions), **questions}
    cache = workspace.answers.parent / "cache" / "answers"
    found = read_folder(workspace.answers, everything, order, cache, keep)
    answers = pack(found.files, set(catalog["image_id"]), until=moment(settings.until))
    return leave_out(answers, read_excluded(workspace.desk))
