"""``golden score`` and ``golden thresholds`` in a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from annotate.errors import InputError, MissingError
from annotate.files import remove_stale, write_json
from annotate.golden.cells import Cells, make_cells, truth_cells
from annotate.golden.in_force import InForce, read_in_force
from annotate.golden.method import labels_by_method
from annotate.golden.page import write_score_page
from annotate.golden.paper import check_paper
from annotate.golden.sample import check_settings
from annotate.golden.sample_stage import collect_golden, sampled_strata
from annotate.golden.score import score_golden
from annotate.golden.summary import score_as_dict
from annotate.golden.thresholds import Choice, choose_thresholds
from annotate.labels.against_truth import mean_f1, score_annotators
from annotate.labels.counts import read_counts
from annotate.labels.stage import labelled_questions
from annotate.labels.truth import Truth, read_truth
from annotate.labels.votes import Votes
from annotate.settings import GoldenSettings
from annotate.tables import ANSWERS, CATALOG, GOLDEN_LABELS, GOLDEN_SAMPLE, read, read_arrow
from annotate.taxonomy.edit import write_values
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Taxonomy
from annotate.workspace import Workspace

SINGLE_IMAGES = 2000  # on which single annotators are scored: enough, and quick on any golden set


@dataclass(frozen=True)
class Evidence:
    """Golden labels beside votes, how labels were decided, and the truth where a CSV gave it."""

    cells: Cells
    force: InForce
    taxonomy: Taxonomy
    truth: Truth | None

    @property
    def limits(self) -> list[float]:
        """Threshold in force of each class of the cells."""
        return [self.force.limits[name] for name in self.cells.class_ids]


def score_labels(
    workspace: Workspace,
    settings: GoldenSettings,
    truth_file: Path | None = None,
    *,
    min_positives: int = 1,
) -> dict[str, Any]:
    """Score ``data/labels/`` against the golden set, or a CSV of true labels.

    Labels are made anew, by the method and settings in force and without the experts' word.

    Args:
        workspace: with labels.
        settings: of the intervals.
        truth_file: CSV with the columns path and class_id; None: experts' answers.
        min_positives: classes with fewer golden positives are not in the means.

    Returns:
        What ``data/golden/score.json`` holds.

    Raises:
        MissingError: no labels, and no golden labels or truth.
        InputError: the golden labels name none of the labelled images, or a setting is wrong.
    """
    check_settings(settings)
    evidence = read_evidence(workspace, truth_file)
    seed = workspace.settings.project.seed
    own = labels_by_method(workspace, evidence.force, evidence.taxonomy, evidence.cells)
    score = score_golden(
        replace(evidence.cells, own=own),
        evidence.limits,
        evidence.taxonomy,
        evidence.force.settings,
        resamples=settings.resamples,
        min_positives=min_positives,
        seed=seed,
    )
    single = {} if evidence.truth is None else _single_annotators(workspace, evidence)
    summary = score_as_dict(score, evidence.taxonomy) | {
        "paper": check_paper(score, evidence.taxonomy),
        "single_annotator_f1": mean_f1(single),
        "annotators": single,
        "method": evidence.force.settings.method,
        "min_positives": min_positives,
        "truth": "" if truth_file is None else str(truth_file),
        "paths_not_in_catalogue": evidence.truth.unmatched if evidence.truth else 0,
        "sampled": truth_file is None and (workspace.golden / "sample.parquet").is_file(),
        "strata_only": [] if truth_file else sampled_strata(workspace),
        "page": str(workspace.golden / "score.html"),
        "settings": {"golden": asdict(settings), "consolidate": asdict(evidence.force.settings)},
    }
    remove_stale(workspace.golden)
    write_json(workspace.golden / "score.json", summary)
    write_score_page(workspace, summary, workspace.golden / "score.html")
    return summary


def read_evidence(workspace: Workspace, truth_file: Path | None) -> Evidence:
    """Golden labels and the votes on their images.

    Raises:
        MissingError: no labels, and no golden labels or truth.
        InputError: the golden labels name none of the labelled images.
    """
    taxonomy = load_taxonomy(workspace.taxonomy, workspace.settings.project.classes)
    votes = read_counts(workspace.labels / "labels.parquet", taxonomy.ids)
    cells, truth = golden_cells(workspace, votes, taxonomy, truth_file)
    if not cells.votes.image_ids:
        source = truth_file or workspace.golden / "labels.parquet"
        raise InputError(f"{source}: it lists none of the labelled images.")
    return Evidence(cells, read_in_force(workspace, taxonomy), taxonomy, truth)


def golden_cells(
    workspace: Workspace, votes: Votes, taxonomy: Taxonomy, truth_file: Path | None
) -> tuple[Cells, Truth | None]:
    """Golden labels beside any votes, and the truth where a CSV gave it.

    Raises:
        MissingError: no golden labels or truth.
    """
    columns = ["image_id", "uri", "property_id"]
    catalog = read(CATALOG, workspace.catalog / "images.parquet", columns)
    properties = catalog.set_index("image_id")["property_id"]
    if truth_file is not None:
        truth = read_truth(truth_file, catalog, load_taxonomy(workspace.taxonomy), workspace.root)
        return truth_cells(votes, truth, properties, taxonomy), truth
    golden = read(GOLDEN_LABELS, golden_file(workspace))
    sample = workspace.golden / "sample.parquet"
    drawn = read(GOLDEN_SAMPLE, sample) if sample.is_file() else None
    return make_cells(votes, golden, drawn, properties, taxonomy), None


def golden_file(workspace: Workspace) -> Path:
    """``labels.parquet`` of the golden set, brought up to date with the experts' answers.

    Raises:
        MissingError: there are neither answers nor labels.
    """
    file = workspace.golden / "labels.parquet"
    answers = sorted(workspace.for_experts().answers.glob("**/*.json*"))
    newest = max((path.stat().st_mtime for path in answers), default=0.0)
    if answers and (not file.is_file() or file.stat().st_mtime < newest):
        collect_golden(workspace)
    if not file.is_file():
        raise MissingError(
            "no golden labels yet. Draw images with `mumic-annotate golden sample` and let experts "
            "answer with `mumic-annotate serve --experts`, or give --truth FILE.csv."
        )
    return file


def _single_annotators(workspace: Workspace, evidence: Evidence) -> dict[str, float]:
    """Macro F1 of each annotator alone, on some of the images of the truth."""
    if evidence.truth is None or not (workspace.labels / "answers.parquet").is_file():
        return {}
    columns = ["image_id", "question_id", "annotator_id", "ticked", "unsure", "skipped"]
    answers = read_arrow(ANSWERS, workspace.labels / "answers.parquet", columns)
    images = pa.array(evidence.cells.votes.image_ids[:SINGLE_IMAGES], pa.string())
    listed = answers.filter(pc.is_in(answers["image_id"], images)).to_pandas()
    questions = labelled_questions(workspace)
    return score_annotators(listed, questions, evidence.taxonomy, evidence.truth)


def pick_thresholds(
    workspace: Workspace,
    settings: GoldenSettings,
    truth_file: Path | None = None,
    *,
    write: bool = False,
) -> dict[str, Any]:
    """Choose the vote thresholds that the golden set carries.

    Args:
        workspace: with labels.
        settings: what to maximise and how sure to be.
        truth_file: CSV of true labels; None: experts' answers.
        write: put the thresholds that moved into the taxonomy file.

    Returns:
        What ``data/golden/thresholds.json`` holds.

    Raises:
        MissingError: no labels, and no golden labels or truth.
        InputError: a setting is wrong, another method than voting made the labels, or the taxonomy
            file cannot be changed.
    """
    check_settings(settings)
    evidence = read_evidence(workspace, truth_file)
    method = evidence.force.settings.method
    if method != "majority":
        raise InputError(
            f"the labels were made by {method}, where vote thresholds play no part. Run "
            "`mumic-annotate consolidate --method majority` first."
        )
    choices = choose_thresholds(
        evidence.cells,
        evidence.limits,
        evidence.taxonomy,
        evidence.force.settings,
        settings,
        seed=workspace.settings.project.seed,
    )
    moved = {choice.class_id: choice.threshold for choice in choices if choice.moved}
    if write and moved:
        write_values(workspace.taxonomy, "vote_threshold", moved)
    usual = evidence.force.settings.vote_threshold
    summary = {
        "classes": [
            asdict(choice) | {"moved": choice.moved, "own": choice.default != usual}
            for choice in choices
        ],
        "moved": len(moved),
        "label_list": str(workspace.taxonomy),
        "macro": cross_fitted(choices),
        "strata_only": [] if truth_file else sampled_strata(workspace),
        "written": str(workspace.taxonomy) if write and moved else "",
        "truth": "" if truth_file is None else str(truth_file),
        "settings": {"golden": asdict(settings), "consolidate": asdict(evidence.force.settings)},
    }
    write_json(workspace.golden / "thresholds.json", summary)
    return summary


def cross_fitted(choices: Sequence[Choice]) -> dict[str, float | int | None]:
    """Means over the classes with a golden positive, on images that did not choose.

    ``chosen`` is of the thresholds that the other folds carry, whether or not the class then takes
    one: what confirms a choice cannot also say how good it is.
    """
    scored = [choice for choice in choices if choice.positives]
    if not scored:
        return {"classes": 0, "chosen": None, "default": None}
    chosen = [choice.score or 0.0 for choice in scored]
    default = [choice.default_score or 0.0 for choice in scored]
    return {
        "classes": len(scored),
        "chosen": sum(chosen) / len(scored),
        "default": sum(default) / len(scored),
    }
