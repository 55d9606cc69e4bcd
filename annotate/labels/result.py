"""From checked answers to the files of ``data/labels/``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from annotate.answers.packed import Packed, to_arrow
from annotate.answers.packing import Answers
from annotate.errors import InputError
from annotate.files import remove_stale, write_json
from annotate.labels.changes import compare
from annotate.labels.consolidate import decide_labels, thresholds
from annotate.labels.dawid_skene import Estimate, dawid_skene
from annotate.labels.decisions import Decisions, label_arrow
from annotate.labels.experts import Experts, expert_labels
from annotate.labels.lacking import FILE as LACKING_FILE
from annotate.labels.lacking import Wanted, find_lacking
from annotate.labels.summary import summarise
from annotate.labels.votes import Votes, count_votes
from annotate.settings import ConsolidateSettings
from annotate.tables import ANSWER_REJECTS, ANSWERS, LABEL_CHANGES, LABELS, LACKING, write
from annotate.taxonomy.model import Taxonomy
from annotate.times import time_text
from annotate.together import together


@dataclass(frozen=True)
class Basis:
    """What labels rest on besides the answers.

    Attributes:
        questions: class ids of each question.
        taxonomy: hierarchy, thresholds and exclusive pairs.
        settings: of consolidation.
        experts: labels of golden images.
    """

    questions: Mapping[str, Sequence[str]]
    taxonomy: Taxonomy
    settings: ConsolidateSettings
    experts: Experts | None = None


def label_answers(answers: Packed, basis: Basis) -> tuple[Votes, Decisions, Estimate | None]:
    """Count votes and decide labels by the method of the settings."""
    votes = count_votes(answers, basis.questions)
    settings = basis.settings
    estimate = None
    if settings.method != "majority":
        fixed = None if basis.experts is None else expert_labels(basis.experts, votes)
        estimate = dawid_skene(
            answers,
            basis.questions,
            votes,
            pooled=settings.method == "pooled-dawid-skene",
            iterations=settings.iterations,
            fixed=fixed,
        )
    probability = None if estimate is None else estimate.probability
    return (
        votes,
        decide_labels(votes, basis.taxonomy, settings, probability, basis.experts),
        estimate,
    )


def write_labels(
    folder: Path,
    answers: Answers,
    basis: Basis,
    wanted: Wanted,
    about: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make and write all files of ``data/labels/``, which change together.

    Args:
        folder: ``data/labels``.
        answers: what counts and what does not.
        basis: what else labels rest on.
        wanted: what people should have answered.
        about: what else the summary says of the answers.

    Returns:
        What ``summary.json`` holds; ``changes`` too, if there were labels before.
    """
    packed, settings, taxonomy = answers.packed, basis.settings, basis.taxonomy
    votes, decisions, estimate = label_answers(packed, basis)
    summary = summarise(packed, answers.rejects, votes, decisions, taxonomy)
    lacking = find_lacking(votes, basis.questions, answers, wanted)
    summary["too_few_annotators"] = lacking.summary
    summary["questions"] = {name: list(ids) for name, ids in basis.questions.items()}
    summary["method"] = settings.method
    summary |= about or {}
    if estimate is None:
        asked = decisions.votes.class_ids
        summary["thresholds"] = dict(zip(asked, thresholds(asked, taxonomy, settings), strict=True))
    else:
        summary["estimate"] = _about(estimate, packed)
    summary["settings"] = {"consolidate": asdict(settings)}
    changes = compare(folder / "labels.parquet", decisions)
    remove_stale(folder)
    with together(folder) as stage:
        write(ANSWERS, to_arrow(packed), stage / "answers.parquet")
        write(ANSWER_REJECTS, answers.rejects, stage / "rejects.parquet")
        write(LABELS, label_arrow(decisions), stage / "labels.parquet")
        if changes is not None and changes.counts["images"]:
            write(LABEL_CHANGES, changes.table, stage / "changes.parquet")
        write(LACKING, lacking.table, stage / LACKING_FILE)
        write_json(stage / "summary.json", summary)
    if not lacking.people:  # an empty list is no lie, should the process die before this
        (folder / LACKING_FILE).unlink(missing_ok=True)
    return summary if changes is None else summary | {"changes": changes.counts}


def _about(estimate: Estimate, packed: Packed) -> dict[str, Any]:
    """How the estimate came out; the errors of annotators where they are one pair each."""
    about: dict[str, Any] = {
        "iterations": estimate.iterations,
        "converged": estimate.converged,
    }
    if estimate.sensitivity.shape[1] == 1:
        about["annotators"] = {
            name: {"sensitivity": float(seen), "specificity": float(spared)}
            for name, seen, spared in zip(
                packed.annotator.values,
                estimate.sensitivity[:, 0],
                estimate.specificity[:, 0],
                strict=True,
            )
        }
    return about


def moment(text: str) -> str:
    """A day or a time as ISO 8601 in UTC with milliseconds; a day lasts until its end.

    >>> moment("2026-01-31"), moment("2026-01-31T12:00+01:00"), moment("")
    ('2026-01-31T23:59:59.999Z', '2026-01-31T11:00:00.000Z', '')

    Raises:
        InputError: it is neither.
    """
    if not text:
        return ""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"until is {text!r}; a day or a time is written as 2026-01-31 or 2026-01-31T18:00."
        ) from error
    if len(text) <= len("2026-01-31"):
        time = time.replace(hour=23, minute=59, second=59, microsecond=999_000)
    return time_text(time)
