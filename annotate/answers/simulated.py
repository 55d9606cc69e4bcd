"""``simulate`` in a workspace: reads its tasks, writes its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from annotate.answers.files import find_answers
from annotate.answers.packing import check_answers
from annotate.answers.simulate import SimulationSettings, append_lines, simulate
from annotate.files import remove_stale
from annotate.labels.against_truth import mean_f1, score_annotators
from annotate.labels.truth import read_truth
from annotate.questions.file import read_plan
from annotate.tables import CATALOG, read
from annotate.tasks.manifest import read_manifest
from annotate.taxonomy.load import load_taxonomy
from annotate.workspace import Workspace

FILE = "simulated.jsonl"


def answer_tasks(
    workspace: Workspace,
    truth_file: Path,
    settings: SimulationSettings,
    on_progress: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Answer the images of the manifest that nobody has answered.

    Args:
        workspace: with catalogue, questions and tasks.
        truth_file: CSV of true labels.
        settings: the crowd.
        on_progress: called with 1 after each image.

    Returns:
        Counts, and the mean over the simulated annotators of their macro F1 against the truth.

    Raises:
        MissingError: catalogue, questions, tasks or truth are not there.
        InputError: one of them is wrong.
    """
    taxonomy = load_taxonomy(workspace.taxonomy)
    plan = read_plan(workspace.questions, taxonomy)
    questions = {question.id: question.classes for question in plan.questions}
    tasks = read_manifest(workspace.tasks / "manifest.jsonl")
    catalog = read(CATALOG, workspace.catalog / "images.parquet", ["image_id", "uri"])
    truth = read_truth(truth_file, catalog, taxonomy, workspace.root)
    remove_stale(workspace.answers, FILE)

    asked = [task.image_id for task in tasks]
    answered = {raw.image_id for raw in find_answers(workspace.answers, asked)} & set(asked)
    file = workspace.answers / FILE
    lines = simulate(tasks, questions, taxonomy, truth, settings, answered)
    added = append_lines(file, _counted(lines, on_progress))

    found = (raw for raw in find_answers(workspace.answers) if raw.file == FILE)
    answers = check_answers(found, questions, set(catalog["image_id"])).answers
    scores = score_annotators(answers, questions, taxonomy, truth)
    listed = set(truth.image_ids)
    return {
        "file": str(file),
        "answered": added,
        "already_answered": len(answered),
        "annotators_per_image": settings.per_image,
        "crowd": settings.crowd,
        "careless": settings.careless,
        "seed": settings.seed,
        "single_annotator_f1": mean_f1(scores),
        "annotators": scores,
        "images_without_truth": sum(image_id not in listed for image_id in asked),
    }


def _counted(
    lines: Iterable[dict[str, Any]], on_progress: Callable[[int], object] | None
) -> Iterator[dict[str, Any]]:
    for line in lines:
        yield line
        if on_progress is not None:
            on_progress(1)
