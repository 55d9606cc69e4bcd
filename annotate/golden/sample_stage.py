"""``golden sample`` and ``golden collect`` in a workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from annotate.errors import MissingError
from annotate.files import read_json, remove_stale, write_json
from annotate.golden.answers import golden_labels, truth_labels
from annotate.golden.in_force import read_in_force
from annotate.golden.sample import draw_sample
from annotate.labels.counts import read_counts
from annotate.labels.stage import read_answers
from annotate.labels.truth import read_truth
from annotate.labels.votes import count_votes
from annotate.migration.record import load_migrations
from annotate.questions.planning import QuestionPlan, price_work
from annotate.settings import GoldenSettings
from annotate.tables import CATALOG, GOLDEN_LABELS, GOLDEN_SAMPLE, read, write
from annotate.tasks.build import make_task_set, read_catalog, read_questions
from annotate.tasks.objects import make_manifest, write_tasks
from annotate.taxonomy.load import load_taxonomy
from annotate.workspace import Workspace


def sample_golden(workspace: Workspace, settings: GoldenSettings) -> dict[str, Any]:
    """Draw the golden set and write the experts' tasks.

    Args:
        workspace: with catalogue, questions and labels.
        settings: sizes of the draws.

    Returns:
        What ``sample.json`` holds.

    Raises:
        MissingError: catalogue, questions or labels are not there.
        InputError: a setting is wrong, or no image has votes.
    """
    taxonomy, plan = read_questions(workspace)
    catalog = read_catalog(workspace)
    present = set(catalog.loc[catalog["present"].astype(bool), "image_id"])
    votes = read_counts(workspace.labels / "labels.parquet", taxonomy.ids).only(present)
    force = read_in_force(workspace, taxonomy)
    seed = workspace.settings.project.seed
    sample = draw_sample(
        votes,
        plan,
        [force.limits[name] for name in votes.class_ids],
        settings,
        min_votes=force.settings.min_votes,
        seed=seed,
    )
    experts = workspace.for_experts()
    asked = _questions_of(sample)
    manifest = make_manifest(asked, catalog, plan, experts.settings.tasks, seed=seed)
    manifest = [{**entry, "questions": asked[entry["image-id"]]} for entry in manifest]
    questions = sum(map(len, asked.values()))
    cost = price_work(plan, experts.settings.tasks, objects=len(manifest), asked=questions)
    tasks = make_task_set(
        experts, (taxonomy, plan), experts.settings.tasks, manifest, catalog, cost
    )
    remove_stale(workspace.golden)
    write(GOLDEN_SAMPLE, sample, workspace.golden / "sample.parquet")
    write_tasks(tasks, experts.tasks)
    summary = {
        "images": len(manifest),
        "population": len(votes.image_ids),
        "questions": questions,
        "labels": len(sample),
        "drawn_for": {str(k): int(v) for k, v in sample["drawn_for"].value_counts().items()},
        "strata_only": _strata_only(settings),
        "classes": _class_counts(sample, plan),
        "forecast": asdict(cost),
        "folder": str(experts.tasks),
        "settings": {"golden": asdict(settings), "seed": seed},
    }
    write_json(workspace.golden / "sample.json", summary)
    return summary


def _strata_only(settings: GoldenSettings) -> list[str]:
    """Strata that were drawn where no image was drawn from all; empty where some were.

    Outside them no image has a chance to be drawn, and no weight makes up for that.
    """
    strata = {"near": settings.near, "clear": settings.clear}
    return [] if settings.random else [name for name, size in strata.items() if size]


def sampled_strata(workspace: Workspace) -> list[str]:
    """Strata that golden figures are restricted to, such as near and clear; empty: to none.

    Without random images, positives that nobody saw could not be drawn: recall is of the drawn
    strata only, and higher than over all images.
    """
    file = workspace.golden / "sample.json"
    if not file.is_file() or not (workspace.golden / "sample.parquet").is_file():
        return []
    stated = read_json(file, GOLDEN_SAMPLE.made_by).get("settings", {}).get("golden", {})
    known = {name: stated[name] for name in ("near", "clear", "random") if name in stated}
    return _strata_only(replace(GoldenSettings(), **known))


def _questions_of(sample: pd.DataFrame) -> dict[str, list[str]]:
    pairs = sample[["image_id", "question_id"]].drop_duplicates()
    grouped = pairs.groupby("image_id", sort=False)["question_id"].agg(list)
    return {str(image): list(questions) for image, questions in grouped.items()}


def _class_counts(sample: pd.DataFrame, plan: QuestionPlan) -> dict[str, dict[str, int]]:
    reasons = sample.groupby("class_id", sort=False)["drawn_for"]
    counts = {
        str(name): {str(reason): int(count) for reason, count in values.value_counts().items()}
        for name, values in reasons
    }
    order = (name for question in plan.questions for name in question.classes)
    return {name: counts[name] for name in order if name in counts}


def collect_golden(workspace: Workspace, truth_file: Path | None = None) -> dict[str, Any]:
    """Read the experts' answers, or a CSV of true labels, into ``data/golden/labels.parquet``.

    Args:
        workspace: with catalogue and questions.
        truth_file: CSV with the columns path and class_id; experts' answers to its images play no
            part then.

    Returns:
        Counts: images, labels, positives, and of answers experts and those set aside.

    Raises:
        MissingError: there are no answers, or no such CSV.
        InputError: not one answer counts, or the CSV is wrong.
    """
    taxonomy = load_taxonomy(workspace.taxonomy, workspace.settings.project.classes)
    summary: dict[str, Any]
    if truth_file is not None:
        catalog = read(CATALOG, workspace.catalog / "images.parquet", ["image_id", "uri"])
        truth = read_truth(truth_file, catalog, load_taxonomy(workspace.taxonomy), workspace.root)
        golden = truth_labels(truth)
        golden = golden[golden["class_id"].isin(taxonomy.ids)]
        summary = {"source": str(truth_file), "paths_not_in_catalogue": truth.unmatched}
    else:
        golden, summary = _experts_labels(workspace.for_experts())
    write(GOLDEN_LABELS, golden, workspace.golden / "labels.parquet")
    summary |= {
        "images": int(golden["image_id"].nunique()),
        "labels": len(golden),
        "positives": int((golden["label"] == 1).sum()),
    }
    write_json(workspace.golden / "labels.json", summary)
    return summary


def _experts_labels(experts: Workspace) -> tuple[pd.DataFrame, dict[str, Any]]:
    taxonomy, plan = read_questions(experts)
    questions: Mapping[str, Sequence[str]] = {q.id: q.classes for q in plan.questions}
    # A class's own threshold is for annotators: experts are a no where most of them say so.
    history = [replace(each, thresholds={}) for each in load_migrations(experts)]
    try:
        found, questions = read_answers(experts, questions, experts.settings.consolidate, history)
    except MissingError as error:
        raise MissingError(
            f"no expert has answered yet (nothing in {experts.answers}). Draw images with "
            "`mumic-annotate golden sample` and let experts answer with "
            "`mumic-annotate serve --experts`, or give --truth FILE.csv."
        ) from error
    answers = found.answers
    return golden_labels(count_votes(answers, questions), taxonomy), {
        "source": str(experts.answers),
        "experts": int(answers["annotator_id"].nunique()),
        "answers": len(answers),
        "set_aside": len(found.rejects),
    }
